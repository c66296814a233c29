#include "redis/quorum.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "redis/spare.h"

/* ---------------------------------------------------------------- counts */

int rli_quorum_count(const struct rli_round *r, enum rli_vote_state state)
{
	int i, n = 0;

	for (i = 0; i < r->n; i++)
		n += r->vote[i].state == state;
	return n;
}

int rli_quorum_pending(const struct rli_round *r)
{
	int i, n = 0;

	for (i = 0; i < r->n; i++)
		n += rli_vote_pending(&r->vote[i]);
	return n;
}

void rli_quorum_nonsense(struct rli_vote *v)
{
	v->state = RLI_FAILED;
	v->err = rli_fail(EPROTO, "%s: an answer that makes no sense, about "
			  "lock '%s'", v->session->node->url.label,
			  v->round->place.k);
	snprintf(v->why, sizeof(v->why), "%s", rli_error_message());
	/* Nobody would be woken there. */
	rli_spare_no_home(v->session->node);
}

/* None is so large that a script says: neither a number of a hold nor a time. */
static bool in_range(const struct rli_vote *v)
{
	int i;

	for (i = 0; i < v->numbers; i++)
		if (v->number[i] >= RLI_Q_NUMBER_MAX ||
		    v->number[i] <= -RLI_Q_NUMBER_MAX)
			return false;
	return true;
}

struct rli_vote *rli_quorum_answer(struct rli_round *r, struct rli_vote *after,
				   bool (*makes_sense)(const struct rli_vote *))
{
	struct rli_vote *v = after ? after + 1 : r->vote;

	for (; v < r->vote + r->n; v++) {
		if (v->state != RLI_ANSWERED)
			continue;
		if (in_range(v) && makes_sense(v))
			return v;
		rli_quorum_nonsense(v);
	}
	return NULL;
}

/* The number that stands in the way of a majority decides; else ENOLCK. */
static int worst(const struct rli_round *r)
{
	static const int fatal[] = { ENOMEM, EACCES, EPROTO };
	size_t k;
	int i, n;

	for (k = 0; k < sizeof(fatal) / sizeof(fatal[0]); k++) {
		for (i = n = 0; i < r->n; i++)
			n += r->vote[i].err == fatal[k] &&
			     r->vote[i].state != RLI_ANSWERED;
		if (n > r->n - r->majority)
			return fatal[k];
	}
	return ENOLCK;
}

int rli_quorum_unanswered(const struct rli_round *r)
{
	char text[RLI_ERROR_MAX];
	size_t len = 0;
	int i, answered = rli_quorum_count(r, RLI_ANSWERED);

	text[0] = '\0';
	for (i = 0; i < r->n && len < sizeof(text) - 1; i++) {
		const struct rli_vote *v = &r->vote[i];

		if (v->state == RLI_ANSWERED || !v->err)
			continue;
		snprintf(text + len, sizeof(text) - len, "; %s", v->why);
		len = strlen(text);
	}
	return rli_fail(worst(r), "%d of %d servers answered, %d are needed%s",
			answered, r->n, r->majority, text);
}

/* --------------------------------------------------------------- starting */

static enum rli_verb verb_of(const struct rli_op *op)
{
	static const enum rli_verb verbs[] = {
		[RLI_OP_ACQUIRE] = RLI_Q_ACQUIRE,
		[RLI_OP_RENEW] = RLI_Q_RENEW,
		[RLI_OP_RELEASE] = RLI_Q_RELEASE,
		[RLI_OP_ASK] = RLI_Q_ASK,
		[RLI_OP_INSPECT] = RLI_Q_INSPECT,
		[RLI_OP_MEND] = RLI_Q_MEND,
		[RLI_OP_RESET] = RLI_Q_RESET,
	};

	return verbs[op->kind];
}

static void judge(struct rli_round *r)
{
	static void (*const judges[])(struct rli_round *) = {
		[RLI_Q_ACQUIRE] = rli_quorum_judge_acquire,
		[RLI_Q_RELEASE] = rli_quorum_judge_hold,
		[RLI_Q_RENEW] = rli_quorum_judge_hold,
		[RLI_Q_ASK] = rli_quorum_judge_ask,
		[RLI_Q_INSPECT] = rli_quorum_judge_inspect,
		[RLI_Q_MEND] = rli_quorum_judge_hold,
		[RLI_Q_RESET] = rli_quorum_judge_reset,
	};

	judges[r->verb](r);
}

/* The round's requests are on their way; if none is, it is over already. */
static void begin(struct rli_round *r)
{
	if (r->verb == RLI_Q_ACQUIRE || r->verb == RLI_Q_RESET)
		r->number = rli_quorum_number(r->place.notes);
	/* Who waits says where; the question does, too. */
	if (r->verb == RLI_Q_ASK ||
	    (r->verb == RLI_Q_ACQUIRE && !(r->op->flags & RLI_DO_TRY)))
		r->flags |= RLI_Q_HERE;
	if (r->verb == RLI_Q_ACQUIRE)
		r->conns->waits_at = NULL;
	if (r->verb == RLI_Q_RENEW)
		rli_thrifty_upset(r->place.notes);
	rli_round_ask_all(r);
	if (rli_quorum_pending(r))
		return;
	r->visits++;
	judge(r);
	r->visits--;
	if (!r->op)
		rli_round_leave(r);
}

void rli_quorum_start(struct rli_conns *conns, struct rli_op *op)
{
	struct rli_round *r;
	int err;

	op->finished = op->unanswered = op->resent = op->contended = false;
	op->handed = op->alone = false;
	op->bare = 0;
	op->err = 0;
	if (op->kind == RLI_OP_ACQUIRE)
		rli_quorum_settle(conns);
	op->sent = rli_now();
	err = rli_round_new(conns, op, verb_of(op), &r);
	if (err) {
		op->err = err;
		op->finished = true;
		conns->finished++;
		if (op->done)
			op->done(op);
		return;
	}
	rli_round_await(r, op);
	begin(r);
}

void rli_quorum_again(struct rli_round *r)
{
	struct rli_round *next = rli_round_like(r, r->verb);
	struct rli_op *op = r->op;

	if (!next) {
		rli_round_finish(r, rli_fail_nomem());
		return;
	}
	next->tries = r->tries + 1;
	next->asked_before = r->asked_before | rli_round_asked(r);
	next->held = r->held;
	op->sent = rli_now();
	rli_round_leave(r);
	rli_round_await(next, op);
	begin(next);
}

/* ------------------------------------------------------- late, and undone */

/* Asks some nodes something that nobody waits for. */
static bool worth_asking(const struct rli_vote *v)
{
	return v->session->state != RLI_CLOSED || v->session->owed ||
	       !rli_spare_looks_bad(v->session->node);
}

static void send_off(struct rli_round *r)
{
	rli_round_flush(r);
	rli_round_leave(r);
}

/* Whether the node has taken it for us, or may have; or may yet, unless we
 * shall hear of that. */
static bool may_hold(const struct rli_vote *v)
{
	if (v->state == RLI_ANSWERED)
		return rli_quorum_granted(v);
	if (v->state == RLI_FAILED)
		return v->maybe;
	return v->state == RLI_ASKED && !v->round->heeded;
}

static bool is_to_undo(const struct rli_vote *v)
{
	return may_hold(v) && worth_asking(v);
}

static void undo_one(struct rli_round *undo, int i)
{
	rli_round_ask(undo, i);
	if (undo->vote[i].flags & RLI_Q_HERE)
		undo->conns->waits_at = undo->home;
}

void rli_quorum_undo(struct rli_round *r, bool wait)
{
	struct rli_round *undo = NULL;
	int i;

	r->heeded = wait;
	for (i = 0; i < r->n; i++) {
		if (!is_to_undo(&r->vote[i]) || r->conns->closing)
			continue;
		if (!undo)
			undo = rli_round_like(r, RLI_Q_RELEASE);
		if (!undo)
			return;
		undo->flags = RLI_DO_UNDO;
		undo->home = wait ? r->home : NULL;
		undo_one(undo, i);
	}
	if (undo)
		send_off(undo);
}

/* It was given up before this answer came. */
static void undo_late(struct rli_round *r, int i)
{
	struct rli_round *undo;

	if (!is_to_undo(&r->vote[i]) || r->conns->closing)
		return;
	undo = rli_round_like(r, RLI_Q_RELEASE);
	if (!undo)
		return;
	undo->flags = RLI_DO_UNDO;
	undo->home = r->home;
	rli_round_ask(undo, i);
	send_off(undo);
}

void rli_quorum_repair(struct rli_round *r, int i)
{
	struct rli_round *repair;

	if (r->conns->closing)
		return;
	repair = rli_round_like(r, RLI_Q_RENEW);
	if (!repair)
		return;
	repair->flags = RLI_Q_PUSH;
	/* It has forgotten the hold, or was slow; if it was asked for it. */
	rli_log(r->told && !(r->told >> i & 1) ? RL_LOG_DEBUG : RL_LOG_INFO,
		"%s: lock '%s' is set again",
		r->vote[i].session->node->url.label, r->place.k);
	rli_round_ask(repair, i);
	send_off(repair);
}

void rli_quorum_push(struct rli_round *r)
{
	struct rli_round *push;
	int i;

	if (r->conns->closing)
		return;
	push = rli_round_like(r, RLI_Q_ASK);
	if (!push)
		return;
	push->flags = RLI_Q_FREE;
	/* Those, too, that have not answered yet: one of them may be the one
	 * where they wait. */
	for (i = 0; i < r->n; i++)
		if (worth_asking(&r->vote[i]))
			rli_round_ask(push, i);
	send_off(push);
}

/* An answer that came when the outcome was certain already. */
static void late(struct rli_round *r, struct rli_vote *v)
{
	int i = (int)(v - r->vote);

	if (r->heeded)
		undo_late(r, i);
	if (v->state != RLI_ANSWERED)
		return;
	if (r->verb == RLI_Q_ACQUIRE && !v->plain)
		rli_thrifty_upset(r->place.notes);
	/* Another list of servers: the next acquire is to see it, too. */
	if (r->verb == RLI_Q_ACQUIRE && !v->plain && v->number[0] == 4)
		atomic_store_explicit(&r->place.notes->checked, false,
				      memory_order_relaxed);
	if (r->verb == RLI_Q_RENEW && r->number && r->confirmed &&
	    v->numbers == 4 &&
	    v->number[0] == 0 && v->number[1] == 0)
		rli_quorum_repair(r, i);
}

static void posted(const struct rli_round *r)
{
	int i, done = 0;

	for (i = 0; i < r->n; i++)
		done += r->vote[i].state == RLI_ANSWERED;
	if (done < r->majority)
		rli_log(RL_LOG_ERROR, "a release was not confirmed; the lease "
			"ends by itself: %s", rli_error_message());
}

void rli_quorum_heard(struct rli_round *r, struct rli_vote *v)
{
	if (r->op)
		judge(r);
	else if (v)
		late(r, v);
	if (!r->under_way && !r->op && r->posted && !r->conns->closing)
		posted(r);
}

/* ------------------------------------------------------ sent, not awaited */

int rli_quorum_post(struct rli_conns *conns, struct rli_op *op)
{
	struct rli_round *r;
	int i, ready = 0, err = rli_round_new(conns, op, verb_of(op), &r);

	if (err)
		return err;
	for (i = 0; i < r->n; i++)
		ready += r->vote[i].session->state == RLI_READY;
	if (ready < r->majority) {
		rli_round_leave(r);
		return rli_fail_const(ENOLCK, "not connected");
	}
	r->posted = true;
	rli_round_ask_all(r);
	rli_round_flush(r);
	for (i = ready = 0; i < r->n; i++)
		ready += r->vote[i].state == RLI_ASKED &&
			 !r->vote[i].session->failed;
	err = ready < r->majority ? ENOLCK : 0;
	rli_round_leave(r);
	return err;
}
