/*
 * Taking a lock. All ways in, with a deadline or without, are one: try, and
 * between tries wait in line.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "lock/attempt.h"
#include "lock/delegation.h"
#include "lock/due.h"
#include "lock/keeper.h"
#include "lock/turn.h"

/* A deadline that is nearer leaves the servers this much time all the same. */
#define LEAST_PATIENCE (50 * RLI_MS)

/* With less time than this nobody goes into the line without asking. */
#define LEAST_BLIND RLI_S

/* ---------------------------------------------------------------- asking */

void rli_attempt_fresh_nonce(struct rli_attempt *a)
{
	struct rli_hold *hold = a->hold;

	rli_thread_nonce(a->self, a->terms->shared ? RLI_NONCE_SHARED :
			 a->terms->delegated ? RLI_NONCE_DELEGATED :
					       RLI_NONCE_PLAIN,
			 hold->value + hold->id_len);
	a->since = 0;
}

/* Into and out of the list of those at work. Under guard. */
static void begin(struct rli_attempt *a)
{
	a->next = a->lock->attempts;
	a->link = &a->lock->attempts;
	if (a->next)
		a->next->link = &a->next;
	a->lock->attempts = a;
}

static void end(struct rli_attempt *a)
{
	if (!a->link)
		return;
	*a->link = a->next;
	if (a->next)
		a->next->link = a->link;
}

static int prepare(struct rli_attempt *a)
{
	const char *id;
	size_t len;
	int err = rli_keeper_needed(a->terms) ? rli_keeper_start() : 0;

	if (err)
		return err;
	rli_owner_id(a->self, a->terms, &id, &len);
	rli_guard_lock(&a->lock->guard);
	begin(a);
	a->hold = rli_hold_take(a->lock,
				a->has_turn ? RLI_NO_SLOT : a->self->slot,
				len + RLI_NONCE_LEN + 1);
	rli_guard_unlock(&a->lock->guard);
	if (!a->hold)
		return rli_fail_nomem();
	memcpy(a->hold->value, id, len);
	a->hold->id_len = len;
	a->hold->value_len = len + RLI_NONCE_LEN;
	a->hold->value[a->hold->value_len] = '\0';
	a->began = rli_now();
	rli_attempt_fresh_nonce(a);
	return 0;
}

static unsigned flags(const struct rli_attempt *a)
{
	unsigned f = rli_keep_flag(a->lock, a->terms->lease_ms);

	if (a->patience->try_only || a->patience->deadline <= rli_now())
		f |= RLI_DO_TRY;
	if (a->terms->robust)
		f |= RLI_DO_ROBUST;
	if (a->terms->shared)
		f |= RLI_DO_SHARE;
	return f;
}

void rli_attempt_fill_op(struct rli_attempt *a, enum rli_op_kind kind)
{
	struct rli_op *op = &a->op;

	op->kind = kind;
	op->flags = flags(a);
	op->servers = a->terms->servers;
	op->place = &a->lock->place;
	op->value = a->hold->value;
	op->value_len = a->hold->value_len;
	op->lease_ms = a->terms->lease_ms;
	if (rli_attempt_is_provisional(a))
		op->lease_ms = RLI_PROVISIONAL_LEASE_MS;
	op->text = a->nonce;
	op->text_size = sizeof(a->nonce);
	op->thrifty = kind == RLI_OP_ACQUIRE && rli_due_soon(a->terms);
	op->done = NULL;
}

/* How long one request may take: not longer than the whole call; but a
 * deadline that has passed already still takes a free lock. */
static int64_t one_try(struct rli_attempt *a)
{
	int64_t now = rli_now(), ends = a->patience->deadline;

	if (a->patience->try_only || ends <= now)
		return RLI_FOREVER;
	if (ends == RLI_FOREVER)
		ends = rli_attempt_outage_ends(a);
	return ends - now < LEAST_PATIENCE ? now + LEAST_PATIENCE : ends;
}

/* The servers spoke: an outage, if there was one, is over. */
static void hear(struct rli_lock *lock)
{
	int64_t now = rli_now();

	rli_guard_lock(&lock->guard);
	lock->heard = now;
	rli_guard_unlock(&lock->guard);
}

int rli_attempt_ask(struct rli_attempt *a, enum rli_op_kind kind)
{
	int err;

	rli_attempt_fill_op(a, kind);
	a->op.patience = one_try(a);
	err = rli_ask_once(a->self, &a->op);
	if (!a->since)
		a->since = a->op.sent;
	if (err == EBUSY)
		a->since = a->op.sent;
	if (a->op.unanswered)
		rli_attempt_fresh_nonce(a);
	return err;
}

/* ------------------------------------------------------------- the loop */

static int would_wait(const struct rli_attempt *a)
{
	const struct rli_patience *p = a->patience;

	if (p->bad_deadline)
		return rli_fail(EINVAL, "not a deadline: unknown clock, or "
				"nanoseconds out of range");
	if (p->try_only)
		return EBUSY;
	if (p->deadline > rli_now())
		return 0;
	if (a->conns)
		rli_backend.give_up(a->conns);
	return rli_fail_const(ETIMEDOUT, "the lock is held");
}

/* The servers could not be asked: whether to try again (0), or the end. */
static int ride_out(struct rli_attempt *a)
{
	int64_t deadline = a->patience->deadline, ends;

	if (a->patience->try_only || a->outage)
		return ENOLCK;
	if (a->op.err == ENOLCK)
		rli_cause_keep(a->why, &a->op);
	ends = deadline == RLI_FOREVER ? rli_attempt_outage_ends(a) : deadline;
	if (rli_now() >= ends)
		return deadline == RLI_FOREVER ? ENOLCK : ETIMEDOUT;
	rli_pause(a->self, a->terms->servers, ends);
	return 0;
}

/*
 * Whether to go into the line without asking: the lock was handed to this
 * process, which has just handed it on, and has learnt that whoever waits is
 * believed to for long enough. Who has little time asks.
 */
static bool lines_up(struct rli_attempt *a)
{
	const struct rli_patience *p = a->patience;
	int64_t now, open;

	if (a->asked || p->try_only || p->bad_deadline || a->terms->shared)
		return false;
	open = atomic_load_explicit(&a->lock->line_open, memory_order_relaxed);
	if (!open)
		return false;
	now = rli_now();
	return now < open && p->deadline > rli_after(now, LEAST_BLIND);
}

static int ask_whether_free(struct rli_attempt *a)
{
	bool blind = lines_up(a);

	a->asked = true;
	if (!blind)
		return rli_attempt_ask(a, RLI_OP_ACQUIRE);
	a->op.left_ms = RLI_LINE_SAY / RLI_MS;
	a->op.foreign = a->op.delegated = false;
	return EBUSY;
}

/* One round. EAGAIN: another one. */
static int try(struct rli_attempt *a)
{
	int err = ask_whether_free(a);

	if (err == EBUSY) {
		if (a->op.delegated)
			rli_delegation_recall(a->lock, a->self,
					      a->terms->servers);
		err = would_wait(a);
		if (!err)
			err = rli_attempt_wait(a);
		a->began = rli_now();
	}
	if (err == 0)
		err = rli_attempt_granted(a);
	if (err == ENOLCK || (err == EAGAIN && a->patience->try_only)) {
		err = ride_out(a);
		return err ? err : EAGAIN;
	}
	if (err != EAGAIN && err != ETIMEDOUT)
		return err;
	hear(a->lock);
	return err;
}

static int deal_with_servers(struct rli_attempt *a)
{
	char why[RLI_ERROR_MAX];
	int err = prepare(a);

	why[0] = '\0';
	a->why = why;
	if (!err)
		err = rli_conns(a->self, &a->conns);
	while (!err && (err = try(a)) == EAGAIN)
		err = 0;
	rli_guard_lock(&a->lock->guard);
	end(a);
	if (a->hold)
		rli_hold_drop(a->hold);
	if (a->has_turn)
		rli_turn_leave(a->lock);
	rli_guard_unlock(&a->lock->guard);
	return err;
}

/* A REFRESH hold of ours is joined without standing in line for it. */
static bool needs_turn(struct rli_lock *lock, const struct rli_thread *self,
		       const struct rli_terms *terms)
{
	bool there;

	if (terms->kind == RLI_OWNER_THREAD || !terms->shared)
		return terms->kind != RLI_OWNER_THREAD;
	rli_guard_lock(&lock->guard);
	there = rli_hold_shared(lock, self, terms);
	rli_guard_unlock(&lock->guard);
	return !there;
}

int rli_acquire(struct rli_lock *lock, struct rli_thread *self,
		const struct rli_terms *terms,
		const struct rli_patience *patience)
{
	struct rli_attempt a = { .lock = lock, .self = self, .terms = terms,
			     .patience = patience };
	struct rli_hold *hold = NULL;
	int64_t deadline = patience->deadline;
	int err;

	if (needs_turn(lock, self, terms)) {
		if (patience->try_only || patience->bad_deadline)
			deadline = 0;
		rli_turn_look(lock, self, deadline != RLI_FOREVER &&
					  deadline <= rli_now());
		err = rli_turn_enter(lock, terms, self->serial, deadline,
				     &hold);
		if (err == EINPROGRESS) {
			rli_release_rested(self, hold);
			hold = NULL;
			err = 0;
		}
		if (err == EBUSY)
			err = would_wait(&a);
		if (err)
			return err;
		a.has_turn = true;
	}
	if (!hold)
		return deal_with_servers(&a);
	/* Passed on inside the process, and ready to use. */
	rli_forget_lost(lock, self);
	return 0;
}
