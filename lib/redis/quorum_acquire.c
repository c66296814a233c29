/*
 * What the answers of the nodes to an acquire come to.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "redis/quorum.h"

/* The first number of an answer that is not just a number. */
enum { BUSY = 0, JOINED = 2, LOST_FOR_GOOD = 3, OTHER_LIST = 4, TOO_LOW = 6 };

/* How often a number that was too low is raised before others get a chance. */
#define TRIES_MAX 8

struct tally {
	int granted, joined, busy, foreign, low, spoiled, pending;
	uint64_t before;	/* the highest that a node which granted it
				   knew of a last hold */
	uint64_t settled;	/* the highest unlock that any node knew */
	uint64_t spoilt;	/* since when it is not recoverable, at most */
	uint64_t holder;	/* of rl's own: the most frequent … */
	int holders;		/* … at so many nodes */
	const struct rli_vote *same;	/* joined: one of the most frequent */
	const struct rli_vote *other;	/* used with another list of servers */
};

static uint64_t larger(uint64_t a, int64_t b)
{
	return b > 0 && (uint64_t)b > a ? (uint64_t)b : a;
}

/* What a node knows of the last hold, as told with this answer. */
static int64_t last_known(const struct rli_vote *v)
{
	if (v->plain)
		return v->number[0];
	switch (v->number[0]) {
	case BUSY:
		return v->number[3];
	case TOO_LOW:
		return v->number[2];
	default:
		return v->number[1];
	}
}

static bool makes_sense(const struct rli_vote *v)
{
	static const int numbers[] = { [BUSY] = 4, [JOINED] = 3,
				       [LOST_FOR_GOOD] = 2, [OTHER_LIST] = 1,
				       [TOO_LOW] = 3 };
	int64_t kind = v->number[0];

	if (v->plain)
		return v->numbers == 1 && kind >= 0;
	return v->numbers > 0 && kind >= 0 && kind <= TOO_LOW &&
	       numbers[kind] && v->numbers == numbers[kind];
}

static void count_one(struct tally *t, const struct rli_vote *v)
{
	int64_t last = last_known(v);

	if (v->plain) {
		t->granted++;
		t->before = larger(t->before, last);
	} else if (v->number[0] == BUSY) {
		t->busy++;
		t->foreign += v->number[2] != 0;
	} else if (v->number[0] == JOINED) {
		t->joined++;
	} else if (v->number[0] == LOST_FOR_GOOD) {
		t->spoiled++;
		t->spoilt = larger(t->spoilt, last);
	} else if (v->number[0] == OTHER_LIST) {
		t->other = v;
	} else {
		t->low++;
	}
	if (last % 2 == 0 && (v->plain || v->number[0] != LOST_FOR_GOOD))
		t->settled = larger(t->settled, last);
}

static bool same_kind(const struct rli_vote *a, const struct rli_vote *b)
{
	return b->state == RLI_ANSWERED && !b->plain &&
	       a->number[0] == b->number[0];
}

/* How many nodes say that the same hold has it. */
static int agreeing(const struct rli_round *r, const struct rli_vote *v)
{
	int i, n = 0;

	for (i = 0; i < r->n; i++) {
		const struct rli_vote *o = &r->vote[i];

		if (!same_kind(v, o))
			continue;
		if (v->number[0] == JOINED)
			n += !strcmp(v->text, o->text);
		else
			n += !o->number[2] && v->number[3] == o->number[3];
	}
	return n;
}

static void find_holder(struct tally *t, const struct rli_round *r,
			const struct rli_vote *v)
{
	int n;

	if (v->plain || (v->number[0] != JOINED &&
			 (v->number[0] != BUSY || v->number[2])))
		return;
	n = agreeing(r, v);
	if (n <= t->holders)
		return;
	t->holders = n;
	t->holder = (uint64_t)last_known(v);
	t->same = v->number[0] == JOINED ? v : NULL;
}

static void take_tally(struct rli_round *r, struct tally *t)
{
	int i;

	*t = (struct tally){ .pending = rli_quorum_pending(r) };
	for (i = 0; i < r->n; i++) {
		struct rli_vote *v = &r->vote[i];

		if (v->state != RLI_ANSWERED)
			continue;
		if (!makes_sense(v)) {
			rli_quorum_nonsense(v);
			continue;
		}
		count_one(t, v);
		find_holder(t, r, v);
		rli_quorum_saw(r->place.notes, last_known(v));
		if (!v->plain && v->number[0] == TOO_LOW)
			rli_quorum_saw(r->place.notes, v->number[1]);
	}
}

/* ------------------------------------------------------------- outcomes */

static void lose(struct rli_round *r, int err, bool wait)
{
	/* What may have been taken is given back, so its value is used up. */
	r->op->unanswered = true;
	rli_quorum_undo(r, wait);
	rli_round_finish(r, err);
}

static void win(struct rli_round *r, const struct tally *t)
{
	struct rli_op *op = r->op;

	r->confirmed = true;
	op->how = RLI_NEW;
	op->fence = r->number;
	op->dead = t->before % 2 == 1;
	rli_quorum_true(r->place.notes, r->number);
	atomic_store_explicit(&r->place.notes->checked, true,
			      memory_order_relaxed);
	rli_round_finish(r, 0);
}

static void join(struct rli_round *r, const struct tally *t)
{
	struct rli_op *op = r->op;

	op->how = RLI_JOINED;
	op->fence = t->holder;
	op->dead = false;
	op->text_len = t->same->text_len;
	if (op->text_size > op->text_len)
		memcpy(op->text, t->same->text, op->text_len + 1);
	rli_quorum_undo(r, false);
	rli_round_finish(r, 0);
}

static void not_recoverable(struct rli_round *r)
{
	lose(r, rli_fail(ENOTRECOVERABLE, "lock '%s' is not recoverable: a "
			 "holder died, and its successor unlocked without "
			 "making it consistent", r->place.k), false);
}

static void other_list(struct rli_round *r, const struct rli_vote *v)
{
	lose(r, rli_fail(EPROTO, "%s: lock '%s' is used with another list of "
			 "servers by others", v->session->node->url.label,
			 r->place.k), false);
}

/* When a majority could be free at the earliest: -1 never by itself. */
static int64_t left_ms(const struct rli_round *r)
{
	int64_t left[RLI_NODES_MAX], ms;
	int i, j, n = 0;

	for (i = 0; i < r->n; i++) {
		const struct rli_vote *v = &r->vote[i];
		bool busy = v->state == RLI_ANSWERED && !v->plain &&
			    (v->number[0] == BUSY || v->number[0] == JOINED);

		ms = busy && v->number[0] == BUSY ? v->number[1] : 0;
		if (v->state != RLI_ANSWERED || ms < 0)
			ms = INT64_MAX;
		for (j = n++; j > 0 && left[j - 1] > ms; j--)
			left[j] = left[j - 1];
		left[j] = ms;
	}
	ms = left[r->majority - 1];
	return ms == INT64_MAX ? -1 : ms;
}

/*
 * Held: somebody has a majority, so there is a release to wait for. Contended:
 * nobody has, for all that is known; or the release is on its way already, and
 * has passed the node where we would wait for it.
 */
static void busy(struct rli_round *r, const struct tally *t)
{
	struct rli_op *op = r->op;
	bool foreign = t->foreign > r->n - r->majority;
	bool released = t->settled > t->holder;
	int i;

	op->foreign = foreign;
	op->left_ms = left_ms(r);
	op->contended = !foreign && (t->holders < r->majority || released);
	if (op->contended)
		op->left_ms = released && t->holders >= r->majority ? 1 : -1;
	for (i = 0; i < r->n; i++)
		if (r->home == r->vote[i].session->node &&
		    r->vote[i].state == RLI_ANSWERED && !r->vote[i].plain &&
		    r->vote[i].number[0] == BUSY)
			r->conns->waits_at = r->home;
	lose(r, rli_fail_const(EBUSY, "the lock is held"), r->home != NULL);
}

/* The lock cannot be had with this number, or at all. */
static void refused(struct rli_round *r, const struct tally *t)
{
	int free_ones = t->granted + t->low + t->spoiled;

	if (free_ones + t->busy + t->joined < r->majority) {
		lose(r, rli_quorum_unanswered(r), false);
		return;
	}
	if (t->spoiled && t->spoilt >= t->settled && free_ones >= r->majority) {
		not_recoverable(r);
		return;
	}
	if (t->spoiled && t->settled > t->spoilt)
		rli_quorum_true(r->place.notes, t->settled);
	if (free_ones >= r->majority && r->tries < TRIES_MAX)
		rli_quorum_again(r);
	else
		busy(r, t);
}

void rli_quorum_judge_acquire(struct rli_round *r)
{
	bool checked = atomic_load_explicit(&r->place.notes->checked,
					    memory_order_relaxed);
	struct tally t;
	int answered;

	take_tally(r, &t);
	answered = t.granted + t.joined + t.busy + t.low + t.spoiled;
	/* They do not agree; or it is not known yet whether all nodes belong to
	 * the same list: one that says so later makes the next acquire hear
	 * it. */
	if (answered >= r->majority && t.pending)
		rli_round_hurry(r);
	if (t.other) {
		other_list(r, t.other);
	} else if (t.granted >= r->majority && (checked || !t.pending)) {
		if (t.spoiled && t.spoilt >= t.before)
			not_recoverable(r);
		else
			win(r, &t);
	} else if (t.same && t.holders >= r->majority) {
		join(r, &t);
	} else if (!t.pending) {
		if (answered >= r->majority || !rli_round_ask_rest(r))
			refused(r, &t);
	} else if (answered >= r->majority &&
		   t.granted + t.pending < r->majority &&
		   t.joined + t.pending < r->majority &&
		   (t.holders >= r->majority ||
		    t.holders + t.pending < r->majority)) {
		refused(r, &t);
	}
}
