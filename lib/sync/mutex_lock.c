/*
 * The ways to lock. What a type does when its own locker comes again is all
 * here (relock); the rest is one routine, rli_acquire().
 */
#include <errno.h>

#include "base/clock.h"
#include "base/error.h"
#include "lock/turn.h"
#include "sync/mutex.h"

static int deeper(struct rli_hold *hold)
{
	if (hold->depth >= RLI_DEPTH_MAX)
		return rli_fail(EAGAIN, "locked %d times by this thread",
				hold->depth);
	hold->depth++;
	return 0;
}

static int deadlock(bool try_only)
{
	if (try_only)
		return rli_fail_const(EBUSY, "this thread holds the lock");
	return rli_fail_const(EDEADLK, "this thread holds the lock");
}

/* This thread holds the lock already, by the mutex that took it: EINPROGRESS
 * to go on as if it did not. Under guard. */
static int by_type(struct rli_hold *hold, bool try_only)
{
	const struct rli_mutex *taker = hold->terms->mutex;

	switch (taker->type) {
	case RL_MUTEX_ERRORCHECK:
		return deadlock(try_only);
	case RL_MUTEX_RECURSIVE:
		return deeper(hold);
	default:
		return EINPROGRESS;
	}
}

static int relock(const struct rli_call *call, bool try_only)
{
	struct rli_lock *lock = call->lock;
	struct rli_hold *hold;
	bool tell = false;
	int err = EINPROGRESS;

	rli_guard_lock(&lock->guard);
	hold = rli_hold_own(lock, call->self);
	if (hold && rli_hold_check(hold, rli_now(), &tell))
		err = by_type(hold, try_only);
	rli_guard_unlock(&lock->guard);
	if (tell)
		rli_lost_tell(hold);
	return err;
}

static int lock_by(struct rli_call *call, const struct rli_patience *patience)
{
	int err = relock(call, patience->try_only);
	if (err != EINPROGRESS)
		return err;
	return rli_acquire(call->lock, call->self, &call->mutex->terms,
			   patience);
}

static struct rli_patience configured(const struct rli_mutex *m)
{
	struct rli_patience patience = { .deadline = RLI_FOREVER };

	patience.try_only = m->timeout_ms == 0;
	if (m->timeout_ms > 0)
		patience.deadline = rli_after(rli_now(),
					      rli_ms(m->timeout_ms));
	return patience;
}

int rl_mutex_lock(rl_mutex_t *mutex)
{
	struct rli_patience patience;
	struct rli_call call;
	int err;

	if (rli_call_is_short(&call, mutex) &&
	    rli_rest_catch(call.lock, call.self, &call.mutex->terms,
			   call.mutex->timeout_ms))
		return 0;
	err = rli_call_begin(&call, mutex);
	if (!err) {
		patience = configured(call.mutex);
		err = lock_by(&call, &patience);
	}
	return rli_call_end(&call, err);
}

int rl_mutex_trylock(rl_mutex_t *mutex)
{
	const struct rli_patience patience = { .try_only = true };
	struct rli_call call;
	int err;

	if (rli_call_is_short(&call, mutex) &&
	    rli_rest_catch(call.lock, call.self, &call.mutex->terms, false))
		return 0;
	err = rli_call_begin(&call, mutex);
	return rli_call_end(&call, err ? err : lock_by(&call, &patience));
}

int rl_mutex_clocklock(rl_mutex_t *mutex, clockid_t clock,
		       const struct timespec *abstime)
{
	struct rli_patience patience = { .deadline = 0 };
	struct rli_call call;
	int err;

	if (rli_call_is_short(&call, mutex) &&
	    rli_rest_catch(call.lock, call.self, &call.mutex->terms, false))
		return 0;
	err = rli_call_begin(&call, mutex);
	if (!err) {
		patience.bad_deadline = !abstime ||
			rli_deadline(clock, abstime, &patience.deadline);
		err = lock_by(&call, &patience);
	}
	return rli_call_end(&call, err);
}

int rl_mutex_timedlock(rl_mutex_t *mutex, const struct timespec *abstime)
{
	return rl_mutex_clocklock(mutex, CLOCK_REALTIME, abstime);
}
