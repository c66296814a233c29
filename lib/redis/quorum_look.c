/*
 * Who holds the lock: what the nodes' answers to ask and inspect come to.
 */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "redis/quorum.h"

enum { HELD = 0, LOST_FOR_GOOD = 3, OTHER_LIST = 4 };

#define LOOK_AGAIN_MS 50

struct tally {
	int answered, pending, spoiled, same, blank;
	const struct rli_vote *holder;	/* says what most say: same; … */
	int forgot;			/* … and so many more may have said */
	const struct rli_vote *other;
	int64_t spoilt;			/* since when, at most */
	int64_t highest;		/* what any node knows of a last hold */
	int64_t settled;		/* the highest unlock that one knows */
};

static bool is_ask(const struct rli_round *r)
{
	return r->verb == RLI_Q_ASK;
}

/* Of one that is blank, the age is told. */
static bool makes_sense(const struct rli_vote *v)
{
	if (!is_ask(v->round))
		return (v->numbers == 3 || v->numbers == 4) &&
		       v->items == v->numbers + 1;
	switch (v->numbers ? v->number[0] : -1) {
	case HELD:
		return (v->numbers == 4 || v->numbers == 5) &&
		       v->items == v->numbers + 1;
	case LOST_FOR_GOOD:
		return v->numbers == 2;
	case OTHER_LIST:
		return true;
	default:
		return false;
	}
}

/* Whether it told a value of K, which may be empty. */
static bool has_value(const struct rli_vote *v)
{
	return v->state == RLI_ANSWERED &&
	       (!is_ask(v->round) || v->number[0] == HELD);
}

static int64_t last_known(const struct rli_vote *v)
{
	return is_ask(v->round) ? v->number[3] : v->number[0];
}

static int64_t age(const struct rli_vote *v)
{
	int known = is_ask(v->round) ? 4 : 3;

	return v->numbers > known ? v->number[known] : INT64_MAX;
}

static int agreeing(const struct rli_round *r, const struct rli_vote *v)
{
	int i, n = 0;

	for (i = 0; i < r->n; i++) {
		const struct rli_vote *o = &r->vote[i];

		n += has_value(o) && v->text_len == o->text_len &&
		     !strcmp(v->text, o->text);
	}
	return n;
}

/* Nodes that say something else than v, but may have forgotten v. */
static int may_agree(const struct rli_round *r, const struct rli_vote *v)
{
	int64_t oldest = 0;
	int i, n = 0;

	for (i = 0; i < r->n; i++)
		if (has_value(&r->vote[i]) && age(&r->vote[i]) > oldest)
			oldest = age(&r->vote[i]);
	for (i = 0; i < r->n; i++) {
		const struct rli_vote *o = &r->vote[i];

		n += has_value(o) && age(o) < oldest - RLI_Q_YOUNGER_MS &&
		     (v->text_len != o->text_len || strcmp(v->text, o->text));
	}
	return rli_quorum_forgot(r, n);
}

/* Of those that may have a majority, it is who was there first. */
static bool is_likelier(const struct tally *t, const struct rli_vote *v,
			int most)
{
	int before = t->same + t->forgot;

	return !t->holder || most > before ||
	       (most == before && last_known(v) < last_known(t->holder));
}

static void count_value(struct tally *t, const struct rli_round *r,
			const struct rli_vote *v)
{
	int64_t last = last_known(v);
	int n, forgot;

	if (last > t->highest)
		t->highest = last;
	if (last % 2 == 0 && last > t->settled)
		t->settled = last;
	t->blank += age(v) < INT64_MAX;
	if (!v->text_len)
		return;
	n = agreeing(r, v);
	forgot = may_agree(r, v);
	if (is_likelier(t, v, n + forgot)) {
		t->same = n;
		t->forgot = forgot;
		t->holder = v;
	}
}

static void take_tally(struct rli_round *r, struct tally *t)
{
	struct rli_vote *v = NULL;

	*t = (struct tally){ .pending = rli_quorum_pending(r) };
	while ((v = rli_quorum_answer(r, v, makes_sense))) {
		t->answered++;
		if (has_value(v)) {
			count_value(t, r, v);
		} else if (v->number[0] == LOST_FOR_GOOD) {
			t->spoiled++;
			if (v->number[1] > t->spoilt)
				t->spoilt = v->number[1];
		} else {
			t->other = v;
		}
	}
	rli_quorum_saw(r->place.notes, t->highest);
}

static void put_text(struct rli_op *op, const struct rli_vote *v)
{
	size_t fits = v ? v->text_len : 0;

	op->text_len = fits;
	if (!op->text || !op->text_size)
		return;
	if (fits >= op->text_size)
		fits = op->text_size - 1;
	if (fits)
		memcpy(op->text, v->text, fits);
	op->text[fits] = '\0';
}

/* More is to come that can matter; or enough has been asked. */
static bool too_early(struct rli_round *r, const struct tally *t)
{
	if (t->same >= r->majority && !t->blank)
		return false;
	if (t->answered < r->majority)
		return t->pending || rli_round_ask_rest(r);
	if (!t->pending || (!t->blank && t->same + t->pending < r->majority))
		return false;
	rli_round_hurry(r, RLI_STRAGGLERS);
	return true;
}

/* Held: by a majority, or so it may be with the nodes that did not answer, or
 * have forgotten. */
static bool is_held(const struct rli_round *r, const struct tally *t)
{
	return t->holder && t->same + t->forgot + r->n - t->answered >=
				    r->majority;
}

/* --------------------------------------------------------------- inspect */

/* The fence of that hold, and whether it was told EOWNERDEAD: as the node says
 * which knows most of what was before. */
static void describe(struct rli_round *r, const struct tally *t)
{
	struct rli_op *op = r->op;
	int64_t fence = 0, before = -1;
	int i;

	op->dead = false;
	for (i = 0; i < r->n; i++) {
		const struct rli_vote *v = &r->vote[i];

		if (!has_value(v) || v->text_len != t->holder->text_len ||
		    strcmp(v->text, t->holder->text))
			continue;
		if (last_known(v) > fence && last_known(v) % 2)
			fence = last_known(v);
		if (v->number[1] > before) {
			before = v->number[1];
			op->dead = v->number[2] != 0;
		}
	}
	op->fence = (uint64_t)fence;
}

void rli_quorum_judge_inspect(struct rli_round *r)
{
	struct tally t;
	bool held;

	take_tally(r, &t);
	if (too_early(r, &t))
		return;
	if (t.answered < r->majority) {
		rli_round_finish(r, rli_quorum_unanswered(r));
		return;
	}
	held = is_held(r, &t);
	r->op->fence = (uint64_t)t.highest;
	if (held)
		describe(r, &t);
	put_text(r->op, held ? t.holder : NULL);
	rli_round_finish(r, 0);
}

/* ------------------------------------------------------------------- ask */

/* When the hold ends at so many nodes that a majority is free. */
static int64_t left_ms(const struct rli_round *r)
{
	int64_t least = -1;
	int i, n = 0;

	/* The nodes' leases end together, or nearly so. */
	for (i = 0; i < r->n; i++) {
		const struct rli_vote *v = &r->vote[i];

		if (!has_value(v) || !v->text_len)
			continue;
		n++;
		if (v->number[1] >= 0 && v->number[1] > least)
			least = v->number[1];
	}
	return n ? least : 0;
}

/* A majority is free. Perhaps somebody has been woken and is about to take it:
 * only if it is still so at a second look, nobody is. */
static void wake_somebody(struct rli_round *r, const struct tally *t)
{
	uint64_t now = (uint64_t)t->highest;

	/* Relaxed: at worst one question more, or one token. */
	if (atomic_exchange_explicit(&r->place.notes->idle, now,
				     memory_order_relaxed) == now)
		rli_quorum_push(r);
	else
		r->op->left_ms = LOOK_AGAIN_MS;
}

static void answer_ask(struct rli_round *r, const struct tally *t)
{
	struct rli_op *op = r->op;
	bool held = is_held(r, t);

	put_text(op, held ? t->holder : NULL);
	op->left_ms = held ? left_ms(r) : -1;
	op->foreign = held && t->holder->number[2];
	if (!held)
		wake_somebody(r, t);
	rli_round_finish(r, 0);
}

static int wrong_list(const struct rli_round *r, const struct tally *t)
{
	return rli_fail(EPROTO, "%s: lock '%s' is used with another list of "
			"servers by others", t->other->session->node->url.label,
			r->place.k);
}

void rli_quorum_judge_ask(struct rli_round *r)
{
	struct tally t;

	take_tally(r, &t);
	if (t.other) {
		rli_round_finish(r, wrong_list(r, &t));
		return;
	}
	if (too_early(r, &t))
		return;
	if (t.answered < r->majority)
		rli_round_finish(r, rli_quorum_unanswered(r));
	else if (t.spoiled && t.spoilt >= t.settled && !is_held(r, &t))
		rli_round_finish(r, rli_fail(ENOTRECOVERABLE, "lock '%s' is "
					     "not recoverable", r->place.k));
	else
		answer_ask(r, &t);
}
