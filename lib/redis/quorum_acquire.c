/*
 * What the answers of the nodes to an acquire come to.
 */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "redis/quorum_tally.h"

/* How often a number that was too low is raised before others get a chance. */
#define TRIES_MAX 8
/* And how often votes that are split are looked at again. */
#define SPLITS_MAX 4
/* Who has had a node for longer does not try any more, us. */
#define CONTENDS 1000000

/* How often a majority with blank nodes in it asks who else may have one; and
 * how long it then leaves it to him, ms. */
#define LOOKS 2
#define DOUBT_PAUSE_MS 1

/* ------------------------------------------------------------- outcomes */

static void lose(struct rli_round *r, int err, bool wait)
{
	/* What may have been taken is given back, so its value is used up. */
	r->op->unanswered = true;
	rli_quorum_undo(r, wait);
	rli_round_finish(r, err);
}

/* Who was asked grants it, or is yet to answer. */
static bool is_undisputed(const struct rli_round *r, const struct rli_tally *t)
{
	return !r->tries && !t->blank && t->before % 2 == 0 &&
	       t->granted + t->pending + rli_quorum_count(r, RLI_UNASKED) ==
		       r->n;
}

static void win(struct rli_round *r, const struct rli_tally *t)
{
	struct rli_op *op = r->op;

	if (is_undisputed(r, t))
		rli_thrifty_won(r);
	else
		rli_thrifty_upset(r->place.notes);
	r->confirmed = true;
	op->how = RLI_NEW;
	op->bare = r->thrifty ? r->few : 0;
	op->fence = r->number;
	op->dead = t->before % 2 == 1;
	rli_quorum_true(r->place.notes, r->number);
	atomic_store_explicit(&r->place.notes->checked, true,
			      memory_order_relaxed);
	rli_round_finish(r, 0);
}

static void join(struct rli_round *r, const struct rli_tally *t)
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

/* Not if more is known than the nodes that say so have been told. */
static void not_recoverable(struct rli_round *r, const struct rli_tally *t)
{
	if (t->spoilt < atomic_load_explicit(&r->place.notes->truth,
					     memory_order_relaxed) &&
	    r->tries < TRIES_MAX) {
		rli_quorum_again(r);
		return;
	}
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

/* When so many could be free at the earliest: -1 never by itself. */
static int64_t left_ms(const struct rli_round *r, int many)
{
	int64_t left[RLI_NODES_MAX], ms;
	int i, j, n = 0;

	for (i = 0; i < r->n; i++) {
		const struct rli_vote *v = &r->vote[i];
		bool busy = v->state == RLI_ANSWERED && !v->plain &&
			    (v->number[0] == RLI_Q_BUSY ||
			     v->number[0] == RLI_Q_JOINED);

		ms = busy && v->number[0] == RLI_Q_BUSY ? v->number[1] : 0;
		if (v->state != RLI_ANSWERED || ms < 0)
			ms = INT64_MAX;
		for (j = n++; j > 0 && left[j - 1] > ms; j--)
			left[j] = left[j - 1];
		left[j] = ms;
	}
	ms = left[many - 1];
	return ms == INT64_MAX ? -1 : ms;
}

/*
 * Held: somebody has a majority, so there is a release to wait for. Contended:
 * nobody has, for all that is known; or the release is on its way already, and
 * has passed the node where we would wait for it.
 */
static void busy(struct rli_round *r, const struct rli_tally *t)
{
	struct rli_op *op = r->op;
	bool foreign = t->foreign > r->n - r->majority;
	bool released = t->settled > t->holder;
	int i;

	op->foreign = foreign;
	op->left_ms = left_ms(r, r->majority);
	op->contended = !foreign && (t->holders < r->majority || released);
	if (op->contended && t->granted >= r->majority) {
		op->contended = !rli_quorum_stays_so(r, t->holder);
		op->left_ms = op->contended ? DOUBT_PAUSE_MS
					    : left_ms(r, r->n);
	} else if (op->contended) {
		op->left_ms = released && t->holders >= r->majority ? 1 : -1;
	}
	for (i = 0; i < r->n; i++)
		if (r->home == r->vote[i].session->node &&
		    r->vote[i].state == RLI_ANSWERED && !r->vote[i].plain &&
		    r->vote[i].number[0] == RLI_Q_BUSY)
			r->conns->waits_at = r->home;
	lose(r, rli_fail_const(EBUSY, "the lock is held"), r->home != NULL);
}

/* Numbers tell the time: this one has been there for long, and either holds the
 * lock or has left it behind. */
static bool is_old(const struct rli_vote *v)
{
	return rli_tally_last(v) + CONTENDS < (int64_t)v->round->number;
}

/*
 * The votes are split among those who try, as far as is known: who has the node
 * that all would choose first, of those that have been taken just now, keeps
 * what he has and asks again, while the others undo.
 */
static bool insists(const struct rli_round *r, const struct rli_tally *t)
{
	bool out[RLI_NODES_MAX];
	int i;

	if (r->tries >= SPLITS_MAX || t->holders >= r->majority)
		return false;
	for (i = 0; i < r->n; i++) {
		const struct rli_vote *v = &r->vote[i];

		out[i] = v->state != RLI_ANSWERED ||
			 (!rli_quorum_granted(v) &&
			  (v->number[0] != RLI_Q_BUSY || v->number[2] ||
			   is_old(v)));
	}
	i = rli_quorum_first(r, out);
	return i >= 0 && rli_quorum_granted(&r->vote[i]);
}

/* The lock cannot be had with this number, or at all. */
static void refused(struct rli_round *r, const struct rli_tally *t)
{
	int free_ones = t->granted + t->low + t->spoiled;

	if (free_ones + t->busy + t->joined < r->majority) {
		lose(r, rli_quorum_unanswered(r), false);
		return;
	}
	if (t->spoiled && t->spoilt >= t->settled && free_ones >= r->majority) {
		not_recoverable(r, t);
		return;
	}
	if (t->spoiled && t->settled > t->spoilt)
		rli_quorum_true(r->place.notes, t->settled);
	if ((free_ones >= r->majority && r->tries < TRIES_MAX) ||
	    insists(r, t))
		rli_quorum_again(r);
	else
		busy(r, t);
}

/* As blank.c needs it. */
static struct rli_grants grants(const struct rli_tally *t)
{
	return (struct rli_grants){
		.granted = t->granted, .blank = t->blank,
		.refused = t->busy + t->joined + t->low + t->spoiled,
	};
}

static void ask_again(struct rli_round *r, const struct rli_tally *t)
{
	/* Most of the time others just try, too, and have lost now. */
	const struct rli_grants g = grants(t);
	bool known = rli_quorum_known_outdone(r, &g);

	if (r->tries >= (known ? LOOKS : TRIES_MAX)) {
		busy(r, t);
		return;
	}
	if (!known)
		r->flags |= RLI_Q_VOUCH;
	rli_quorum_again(r);
}

static void granted(struct rli_round *r, const struct rli_tally *t)
{
	const struct rli_grants g = grants(t);

	if (t->spoiled && t->spoilt >= t->before)
		not_recoverable(r, t);
	else if (rli_quorum_doubtful(r, &g))
		ask_again(r, t);
	else
		win(r, t);
}

void rli_quorum_judge_acquire(struct rli_round *r)
{
	bool checked = atomic_load_explicit(&r->place.notes->checked,
					    memory_order_relaxed);
	bool doubtful, sure;
	struct rli_grants g;
	struct rli_tally t;
	int answered;

	rli_tally_take(r, &t);
	if (r->thrifty && !is_undisputed(r, &t)) {
		rli_thrifty_upset(r->place.notes);
		rli_round_ask_rest(r);
		t.pending = rli_quorum_pending(r);
	}
	g = grants(&t);
	answered = t.granted + t.joined + t.busy + t.low + t.spoiled;
	doubtful = rli_quorum_doubtful(r, &g);
	sure = (checked || r->flags & RLI_Q_VOUCH) && !doubtful;
	/* They do not agree; or it is not known yet whether all nodes belong to
	 * the same list: one that says so later makes the next acquire hear
	 * it. */
	if (answered >= r->majority && t.pending)
		rli_round_hurry(r, t.granted >= r->majority && doubtful ?
					   RLI_WITNESSES : RLI_STRAGGLERS);
	if (t.other) {
		other_list(r, t.other);
	} else if (t.granted >= r->majority && (sure || !t.pending)) {
		granted(r, &t);
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
