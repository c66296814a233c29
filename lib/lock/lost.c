#include <errno.h>
#include <limits.h>

#include "base/clock.h"
#include "base/futex.h"
#include "base/log.h"
#include "lock/attempt.h"
#include "lock/turn.h"

bool rli_hold_lose(struct rli_hold *hold)
{
	if (hold->state == RLI_RESTING)
		rli_hold_end(hold);
	if (hold->state != RLI_LIVE && hold->state != RLI_ENDING)
		return false;
	hold->state = RLI_LOST;
	if (hold->owns_turn) {
		hold->owns_turn = false;
		rli_turn_leave(hold->lock);
	}
	hold->calling = true;
	hold->telling = hold->terms;
	hold->caller = 0;
	return true;
}

bool rli_hold_check(struct rli_hold *hold, int64_t now, bool *tell)
{
	*tell = false;
	if (rli_hold_stands(hold) && now >= hold->valid_until)
		*tell = rli_hold_lose(hold);
	return rli_hold_stands(hold);
}

/* The callback has returned. It may have unlocked, and so dropped the hold. */
static void told(struct rli_hold *hold)
{
	struct rli_lock *lock = hold->lock;

	rli_guard_lock(&lock->guard);
	hold->calling = false;
	if (hold->state == RLI_FREE) {
		hold->next = lock->spare;
		lock->spare = hold;
	}
	atomic_fetch_add_explicit(&lock->told, 1, memory_order_release);
	rli_guard_unlock(&lock->guard);
	rli_futex_wake(&lock->told, INT_MAX);
}

void rli_lost_tell(struct rli_hold *hold)
{
	struct rli_lock *lock = hold->lock;
	const struct rli_terms *terms;
	struct rli_thread *self;

	/* The keeper may be none yet, and its callback must be known by it. */
	if (rli_thread_self(&self))
		self = NULL;
	/* The mutex, and with it the terms, stays while hold->calling does; the
	 * hold may have been dropped already, by an unlock. */
	rli_guard_lock(&lock->guard);
	hold->caller = self ? self->serial : 0;
	terms = hold->telling;
	rli_guard_unlock(&lock->guard);
	rli_log(RL_LOG_ERROR, "lock '%s': the lease was lost", lock->place.k);
	if (terms->onlost)
		terms->onlost(terms->mutex, ESTALE, terms->onlost_arg);
	told(hold);
}

/* 0: none is running; EAGAIN: one is; EBUSY: and it is this thread's. */
static int look_for_call(struct rli_lock *lock, const void *mutex,
			 unsigned long self)
{
	struct rli_hold *hold = atomic_load_explicit(&lock->made,
						     memory_order_acquire);
	int err = 0;

	for (; hold; hold = hold->made)
		if (hold->calling && hold->telling->mutex == mutex) {
			err = hold->caller == self ? EBUSY : EAGAIN;
			if (err == EBUSY)
				return err;
		}
	return err;
}

int rli_lost_wait(struct rli_lock *lock, const void *mutex,
		  const struct rli_thread *self)
{
	for (;;) {
		uint32_t told_so_far = atomic_load_explicit(
			&lock->told, memory_order_acquire);
		int err;

		rli_guard_lock(&lock->guard);
		err = look_for_call(lock, mutex, self->serial);
		rli_guard_unlock(&lock->guard);
		if (err != EAGAIN)
			return err;
		rli_futex_wait(&lock->told, told_so_far, RLI_FOREVER);
	}
}

static bool holds_for(const struct rli_lock *lock, const void *mutex)
{
	const struct rli_hold *hold = lock->holds;

	while (hold && (hold->terms->mutex != mutex ||
			hold->state == RLI_LOST))
		hold = hold->next;
	return hold;
}

static bool waits_for(const struct rli_lock *lock, const void *mutex)
{
	const struct rli_turn_waiter *w = lock->first;
	const struct rli_attempt *a = lock->attempts;

	while (w && w->terms->mutex != mutex)
		w = w->next;
	while (a && a->terms->mutex != mutex)
		a = a->next;
	return w || a;
}

static void forget_lost_of(struct rli_lock *lock, const void *mutex)
{
	struct rli_hold *hold = lock->holds, *next;

	for (; hold; hold = next) {
		next = hold->next;
		if (hold->terms->mutex == mutex)
			rli_hold_drop(hold);
	}
}

/* EAGAIN: *rests, which this mutex unlocked, is to be given back first; or
 * somebody is at that. Under guard. */
static int leave(struct rli_lock *lock, const void *mutex,
		 struct rli_hold **rests)
{
	struct rli_hold *hold = lock->holds;

	if (waits_for(lock, mutex))
		return EBUSY;
	while (hold && (hold->terms->mutex != mutex || hold->locker ||
			(hold->state != RLI_RESTING &&
			 hold->state != RLI_ENDING)))
		hold = hold->next;
	if (hold && hold->state == RLI_RESTING) {
		rli_rest_over(hold);
		*rests = hold;
	}
	if (hold)
		return EAGAIN;
	if (holds_for(lock, mutex))
		return EBUSY;
	forget_lost_of(lock, mutex);
	return 0;
}

static void give_back(struct rli_lock *lock, struct rli_thread *self,
		      struct rli_hold *rests)
{
	rli_release_rested(self, rests);
	rli_guard_lock(&lock->guard);
	rli_turn_leave(lock);
	rli_guard_unlock(&lock->guard);
}

int rli_lock_leave(struct rli_lock *lock, const void *mutex,
		   struct rli_thread *self)
{
	struct rli_hold *rests;
	uint32_t told;
	int err;

	for (;;) {
		told = atomic_load_explicit(&lock->told, memory_order_acquire);
		rests = NULL;
		err = rli_lost_wait(lock, mutex, self);
		if (err)
			return err;
		rli_guard_lock(&lock->guard);
		err = leave(lock, mutex, &rests);
		rli_guard_unlock(&lock->guard);
		if (err != EAGAIN)
			return err;
		if (rests)
			give_back(lock, self, rests);
		else
			rli_futex_wait(&lock->told, told, RLI_FOREVER);
	}
}
