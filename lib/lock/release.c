#include <errno.h>
#include <limits.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/futex.h"
#include "lock/keeper.h"
#include "lock/turn.h"

static int not_held(void)
{
	return rli_fail_const(EPERM, "the caller does not hold the lock");
}

static int was_lost(void)
{
	return rli_fail_const(ESTALE, "the lease was lost");
}

static void fill_op(struct rli_op *op, const struct rli_hold *hold,
		    unsigned flags)
{
	*op = (struct rli_op){
		.kind = RLI_OP_RELEASE,
		.flags = flags,
		.servers = hold->terms->servers,
		.place = &hold->lock->place,
		.value = hold->value,
		.value_len = hold->value_len,
		.hold_fence = hold->fence,
		.lease_ms = hold->terms->lease_ms,
		.asked = flags ? 0 : hold->bare,
	};
}

/* One request, not awaited; false if it has to be awaited after all. */
static bool post(struct rli_thread *self, struct rli_op *op)
{
	struct rli_conns *conns;

	return !rli_conns(self, &conns) && !rli_backend.post(conns, op);
}

/*
 * K was not that hold any more. After a lost answer that is our own release as
 * a rule; but not if the servers count no unlock since (or nothing at all).
 */
static int not_there(const struct rli_hold *hold, const struct rli_op *op,
		     bool resent)
{
	if (resent && op->fence > hold->fence)
		return 0;
	return op->fence == hold->fence + 1 ? EPERM : ESTALE;
}

/* Tells the servers. 0; ESTALE: it was lost; EPERM: somebody who had the right
 * to has unlocked it; ENOLCK: they cannot be told. */
static int tell_servers(struct rli_thread *self, struct rli_hold *hold)
{
	int64_t until = rli_outage_end(hold->terms->servers);
	struct rli_op op;
	bool resent = false;
	int err;

	fill_op(&op, hold, hold->inconsistent ? RLI_DO_SPOIL : 0);
	if (hold->terms->async) {
		if (post(self, &op))
			return 0;
		resent = true;
	}
	if (hold->valid_until < until)
		until = hold->valid_until;
	err = rli_ask(self, &op, until);
	if (err == ESTALE)
		return not_there(hold, &op, resent || op.resent);
	/* Relaxed: it is a time, and nothing goes with it. */
	if (!err && op.handed && hold->claimed)
		atomic_store_explicit(&hold->lock->line_open,
				      rli_after(op.sent, RLI_LINE_OPEN),
				      memory_order_relaxed);
	/* The message tells what hindered it. */
	return err ? ENOLCK : 0;
}

/* The hold is ENDING: only we see it. */
static int end_hold(struct rli_thread *self, struct rli_hold *hold)
{
	struct rli_lock *lock = hold->lock;
	int err = tell_servers(self, hold);
	bool tell = false;

	if (err == ESTALE) {
		rli_guard_lock(&lock->guard);
		tell = rli_hold_lose(hold);
		rli_guard_unlock(&lock->guard);
	}
	if (tell)
		rli_lost_tell(hold);
	rli_guard_lock(&lock->guard);
	if (err == ENOLCK)
		rli_hold_over(hold);
	rli_hold_end(hold);
	rli_guard_unlock(&lock->guard);
	if (err == EPERM)
		return not_held();
	return err;
}

/* An unlock of a LOST hold. Under guard. */
static int unlock_lost(struct rli_hold *hold)
{
	if (--hold->depth > 0)
		return was_lost();
	rli_hold_over(hold);
	rli_hold_drop(hold);
	return was_lost();
}

/*
 * No hold of this process: another process of the same owner may have it. It
 * is that one hold which is ended, so that a request which is sent again cannot
 * end the next one of this owner.
 */
static int release_elsewhere(struct rli_lock *lock, struct rli_thread *self,
			     const struct rli_terms *terms)
{
	struct rli_foreign_hold hold;
	struct rli_op op = {
		.kind = RLI_OP_RELEASE, .flags = RLI_DO_SPOIL,
		.servers = terms->servers, .place = &lock->place,
		.value = hold.value, .lease_ms = terms->lease_ms,
	};
	int err;

	if (terms->kind < RLI_OWNER_HOST || terms->locker_unlocks)
		return not_held();
	err = rli_hold_of_owner(lock, self, terms, &hold);
	if (err)
		return err;
	/* Its process gives it to its threads, and would not hear of it. */
	if (rli_nonce_is_delegated(hold.value + hold.value_len -
				   RLI_NONCE_LEN))
		return rli_fail_const(EPERM, "the lock is delegated to another "
				      "process: only that can unlock it");
	op.value_len = hold.value_len;
	op.hold_fence = hold.fence;
	if (!hold.inconsistent)
		op.flags = 0;
	err = rli_ask(self, &op, rli_outage_end(terms->servers));
	if (err == ESTALE)
		return op.resent ? 0 : not_held();
	return err;
}

/*
 * Finds the hold and what is to become of it. EAGAIN: onlost of *hold is to be
 * called, and then look again; EINPROGRESS: *hold is ENDING. Under guard.
 */
static int begin_unlock(struct rli_lock *lock, const struct rli_thread *self,
			struct rli_hold **found, struct rli_wakes *wakes)
{
	struct rli_hold *hold = rli_hold_find(lock, self, RLI_RIGHT_UNLOCK);
	int64_t now = rli_now();
	bool tell;

	*found = hold;
	if (!hold)
		return ENOENT;
	if (!rli_hold_check(hold, now, &tell))
		return tell ? EAGAIN : unlock_lost(hold);
	if (hold->depth > 1) {
		hold->depth--;
		return 0;
	}
	if (rli_turn_pass(hold, now, wakes))
		return 0;
	hold->state = RLI_ENDING;
	return EINPROGRESS;
}

int rli_release(struct rli_lock *lock, struct rli_thread *self,
		const struct rli_terms *terms)
{
	struct rli_wakes wakes = { .keeper = false };
	struct rli_hold *hold;
	int err;

	for (;;) {
		rli_guard_lock(&lock->guard);
		err = begin_unlock(lock, self, &hold, &wakes);
		rli_guard_unlock(&lock->guard);
		rli_turn_wake(&wakes);
		if (err != EAGAIN)
			break;
		rli_lost_tell(hold);
	}
	if (err == EINPROGRESS)
		return end_hold(self, hold);
	return err == ENOENT ? release_elsewhere(lock, self, terms) : err;
}

void rli_release_rested(struct rli_thread *self, struct rli_hold *hold)
{
	struct rli_lock *lock = hold->lock;
	int err = tell_servers(self, hold);

	rli_guard_lock(&lock->guard);
	if (err == ENOLCK)
		rli_hold_over(hold);
	rli_rest_ended(hold);
	rli_guard_unlock(&lock->guard);
	rli_futex_wake(&lock->told, INT_MAX);
}

/* ------------------------------------------------------ a thread has ended */

static struct rli_hold *owned_by(struct rli_lock *lock,
				 const struct rli_thread *self)
{
	struct rli_hold *hold = lock->holds;

	while (hold && hold->thread != self)
		hold = hold->next;
	return hold;
}

/* If robust, the servers are told, so that the next learns it at once; else
 * the lease runs out. Nobody renews it any more either way. */
static void end_orphan(struct rli_hold *hold, struct rli_thread *self)
{
	struct rli_lock *lock = hold->lock;
	bool live = hold->state == RLI_LIVE;
	struct rli_op op;

	hold->state = RLI_ENDING;
	rli_guard_unlock(&lock->guard);
	if (live && hold->terms->robust) {
		fill_op(&op, hold, RLI_DO_DIED);
		op.patience = hold->valid_until;
		rli_ask_once(self, &op);
	}
	rli_guard_lock(&lock->guard);
	rli_hold_end(hold);
}

static void release_orphans(struct rli_lock *lock, void *arg)
{
	struct rli_thread *self = arg;
	struct rli_hold *hold;

	rli_guard_lock(&lock->guard);
	while ((hold = owned_by(lock, self)))
		end_orphan(hold, self);
	rli_guard_unlock(&lock->guard);
}

void rli_release_of_ended(struct rli_thread *self)
{
	if (atomic_load_explicit(&self->holds, memory_order_relaxed))
		rli_lock_each(release_orphans, self);
}
