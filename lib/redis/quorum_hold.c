/*
 * What the answers of the nodes come to that were told something about a hold.
 */
#include <errno.h>

#include "base/error.h"
#include "redis/quorum.h"

/* Number 1: done, or its answers' first number; else {0, other, t, s}. */
enum { NOT_THAT = 0, DONE = 1, NOTHING_TO_MEND = 2, TOO_LOW = 6 };

/* How often the number of a reset that was too low is raised. */
#define RESETS_MAX 8

/*
 * What a node that answered can say of hold T:
 *
 * yes      K is that hold
 * absent   there is no K, and what was accepted above T was undone: the node
 *          has forgotten it, or never got it
 * attempt  something above T was accepted; whether it became a hold is known
 *          only if a majority accepted the same, without the blank ones as
 *          long as they and those that say yes are a majority
 * over     a hold above T, or T itself, has been unlocked
 * no       K is something else
 *
 * A majority took the hold, and at most a minority of the nodes may forget; so
 * with less than what must be left of a majority, "least", it is lost.
 */
struct tally {
	int yes, absent, expired, over, no, pending;
	int same;		/* attempts with the same number */
	int blank;		/* attempts at blank nodes */
	int64_t left_ms;	/* the least; -1 for ever */
	int64_t highest;	/* number that a node which did not say yes
				   knows */
	bool unlocked;		/* T was */
	int64_t since;		/* mend: what the node knew which knew most … */
	bool waited_for;	/* somebody waits */
	bool nothing;		/* … and that had nothing to mend */
};

static bool makes_sense(const struct rli_vote *v)
{
	if (v->numbers < 1)
		return false;
	if (v->number[0] == NOT_THAT)
		return v->numbers == 4;
	if (v->round->verb == RLI_Q_RELEASE)
		return v->plain && v->number[0] == DONE;
	if (v->round->verb == RLI_Q_RENEW)
		return v->numbers == 3 && v->number[0] == DONE;
	return v->numbers == 2 && (v->number[0] == DONE ||
				   v->number[0] == NOTHING_TO_MEND);
}

/* A release that was sent twice finds that it is done. */
static bool was_done(const struct rli_vote *v)
{
	return v->round->verb == RLI_Q_RELEASE && v->maybe &&
	       rli_quorum_known(v->number[3]) ==
		       (int64_t)v->round->number + 1;
}

static bool is_absent(const struct rli_vote *v)
{
	int64_t T = (int64_t)v->round->number, t = v->number[2];

	return v->number[0] == NOT_THAT && !v->number[1] &&
	       (t <= T || t % 2 == 0) && rli_quorum_known(v->number[3]) <= T;
}

static bool is_attempt(const struct rli_vote *v)
{
	int64_t T = (int64_t)v->round->number, t = v->number[2];

	return v->number[0] == NOT_THAT && t % 2 &&
	       (t > T || (v->number[1] && rli_quorum_is_blank(v->number[3])));
}

static int same_attempts(const struct rli_round *r, const struct rli_vote *v)
{
	int i, n = 0;

	for (i = 0; i < r->n; i++)
		n += r->vote[i].state == RLI_ANSWERED &&
		     is_attempt(&r->vote[i]) &&
		     r->vote[i].number[2] == v->number[2];
	return n;
}

static void count_no(struct tally *t, const struct rli_vote *v)
{
	int64_t T = (int64_t)v->round->number;
	int64_t s = rli_quorum_known(v->number[3]);
	int n;

	if (v->number[2] > t->highest)
		t->highest = v->number[2];
	t->unlocked |= s == T + 1;
	if (s > T && s % 2 == 0) {
		t->over++;
	} else if (is_absent(v)) {
		t->absent++;
	} else if (is_attempt(v)) {
		t->blank += rli_quorum_is_blank(v->number[3]);
		n = same_attempts(v->round, v);
		if (n > t->same)
			t->same = n;
	} else if (!v->number[1]) {
		t->expired++;
	} else {
		t->no++;
	}
}

static void count_yes(struct tally *t, const struct rli_vote *v)
{
	int64_t what = v->number[1];

	t->yes++;
	if (v->round->verb == RLI_Q_RENEW && what >= 0 &&
	    (t->left_ms < 0 || what < t->left_ms))
		t->left_ms = what;
	t->waited_for |= v->round->verb == RLI_Q_RENEW && v->number[2];
	if (v->round->verb != RLI_Q_MEND)
		return;
	if (t->yes == 1 || what > t->since) {
		t->since = what;
		t->nothing = v->number[0] == NOTHING_TO_MEND;
	}
}

static void take_tally(struct rli_round *r, struct tally *t)
{
	struct rli_vote *v = NULL;

	*t = (struct tally){ .pending = rli_quorum_pending(r), .left_ms = -1 };
	while ((v = rli_quorum_answer(r, v, makes_sense))) {
		if (v->number[0] != NOT_THAT || was_done(v))
			count_yes(t, v);
		else
			count_no(t, v);
	}
	rli_quorum_saw(r->place.notes, t->highest);
}

/* Nodes that have lost it, or could not have it before, get it now. */
static void repair(struct rli_round *r)
{
	int i;

	for (i = 0; i < r->n; i++) {
		const struct rli_vote *v = &r->vote[i];

		if (v->state == RLI_ANSWERED && is_absent(v))
			rli_quorum_repair(r, i);
	}
}

static void confirmed(struct rli_round *r, const struct tally *t)
{
	r->confirmed = true;
	r->op->left_ms = t->left_ms;
	r->op->alone = !t->waited_for;
	if (r->verb == RLI_Q_MEND && t->nothing) {
		rli_round_finish(r, rli_fail_const(EINVAL, "there is nothing "
						   "to make consistent"));
		return;
	}
	if (r->verb == RLI_Q_RELEASE && !r->flags)
		rli_thrifty_released(r);
	if (r->number)
		rli_quorum_true(r->place.notes, r->number);
	if (r->verb == RLI_Q_RENEW && r->number)
		repair(r);
	rli_round_finish(r, 0);
}

static void gone(struct rli_round *r, const struct tally *t)
{
	int64_t T = (int64_t)r->number, fence = t->highest;

	/* T + 1 says that somebody who may has unlocked it. */
	if (t->unlocked)
		fence = T + 1;
	else if (fence == T + 1)
		fence++;
	r->op->fence = (uint64_t)fence;
	rli_round_finish(r, rli_fail(ESTALE, "lock '%s' is not held by "
				     "'%.*s' any more: %d of %d servers have "
				     "it", r->place.k, (int)r->value_len,
				     r->value, t->yes, r->n));
}

/* Attempts, with so many more nodes, may have a majority: but who needs blank
 * nodes for it must not, while we have ours, which may be so many more. */
static bool is_outvoted(const struct rli_round *r, const struct tally *t,
			int theirs, int ours)
{
	return t->same + theirs >= r->majority &&
	       t->yes + rli_quorum_forgot(r, t->blank) + ours < r->majority;
}

/* Not a majority says yes: whether it stands all the same. */
static bool stands(const struct rli_round *r, const struct tally *t,
		   int unknown)
{
	/* For a new lease, the nodes must be such that can have it again. */
	if (r->verb != RLI_Q_RELEASE)
		return t->yes + t->absent >= r->majority;
	/* Nobody else can have had it meanwhile. */
	return !t->over && !is_outvoted(r, t, unknown, 0) &&
	       t->no + unknown <= r->n - r->majority;
}

/* A majority has settled it, and knew of no hold above T then: whoever has got
 * in at others has done so since. */
static bool is_released(const struct rli_round *r, const struct tally *t)
{
	return r->verb == RLI_Q_RELEASE &&
	       t->yes >= 2 * r->majority - r->n &&
	       t->yes + t->absent + t->expired >= r->majority;
}

static bool is_gone(const struct rli_round *r, const struct tally *t,
		    int unknown)
{
	return t->over || is_outvoted(r, t, 0, unknown) ||
	       t->no > r->n - r->majority ||
	       t->yes + unknown < 2 * r->majority - r->n;
}

/* No majority has answered. Those that have, have done it: the next try is not
 * the first that they hear of. */
static void fail(struct rli_round *r)
{
	r->op->resent = true;
	rli_round_finish(r, rli_quorum_unanswered(r));
}

/* Enough is left of it, but no majority has K. A lease that is to begin anew
 * must begin at one: the absent are asked to set it again, and heard. */
static void make_do(struct rli_round *r, const struct tally *t)
{
	if (r->verb != RLI_Q_RENEW || !r->number) {
		confirmed(r, t);
	} else if (r->flags & RLI_Q_PUSH) {
		fail(r);
	} else {
		r->flags |= RLI_Q_PUSH;
		rli_quorum_again(r);
	}
}

void rli_quorum_judge_hold(struct rli_round *r)
{
	int i, unknown = r->n;
	struct tally t;

	take_tally(r, &t);
	for (i = 0; i < r->n; i++) {
		r->op->resent |= r->vote[i].maybe;
		unknown -= r->vote[i].state == RLI_ANSWERED;
	}
	/* Only one node knows who waits. */
	if (t.yes >= r->majority && t.pending && r->flags & RLI_DO_TURN)
		return;
	if (t.yes >= r->majority || is_released(r, &t))
		confirmed(r, &t);
	else if (t.yes + unknown < r->majority && is_gone(r, &t, unknown))
		gone(r, &t);
	else if (t.yes + t.pending < r->majority && rli_round_ask_rest(r))
		return;
	else if (t.pending)
		return;
	else if (t.yes >= 2 * r->majority - r->n && stands(r, &t, unknown))
		make_do(r, &t);
	else
		fail(r);
}

/* {1, held} or {6, t}. */
static bool is_about_reset(const struct rli_vote *v)
{
	return v->numbers == 2 &&
	       (v->number[0] == DONE || v->number[0] == TOO_LOW);
}

void rli_quorum_judge_reset(struct rli_round *r)
{
	int yes = 0, held = r->held, low = 0, pending = rli_quorum_pending(r);
	struct rli_vote *v = NULL;

	while ((v = rli_quorum_answer(r, v, is_about_reset))) {
		if (v->number[0] == DONE) {
			yes++;
			held += v->number[1] != 0;
		} else {
			low++;
			rli_quorum_saw(r->place.notes, v->number[1]);
		}
	}
	if (yes >= r->majority && pending)
		rli_round_hurry(r, RLI_STRAGGLERS);
	/* All nodes that answer are to know. */
	if (pending || (yes < r->majority && rli_round_ask_rest(r)))
		return;
	r->held = held;
	if (low && r->tries < RESETS_MAX) {
		rli_quorum_again(r);
		return;
	}
	r->op->held = held >= r->majority;
	if (yes < r->majority) {
		rli_round_finish(r, rli_quorum_unanswered(r));
		return;
	}
	rli_quorum_true(r->place.notes, r->number + 1);
	rli_round_finish(r, 0);
}
