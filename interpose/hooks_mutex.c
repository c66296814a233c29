#include "interpose/hook.h"

#include <errno.h>

#include "interpose/object.h"

static const struct rli_how lock_how = { .how = RLI_HOW_LOCK };
static const struct rli_how try_how = { .how = RLI_HOW_TRY };

/* The gate has been tried with this result. */
static int go_on(pthread_mutex_t *mutex, int gate, const struct rli_how *how)
{
	if (gate != 0 && gate != EOWNERDEAD)
		return gate;
	return rli_hold_after_gate(mutex, gate, how);
}

RLI_HOOK int pthread_mutex_lock(pthread_mutex_t *mutex)
{
	if (!rli_caught(mutex))
		return rli_real.lock(mutex);
	return go_on(mutex, rli_real.lock(mutex), &lock_how);
}

RLI_HOOK int pthread_mutex_trylock(pthread_mutex_t *mutex)
{
	if (!rli_caught(mutex))
		return rli_real.trylock(mutex);
	return go_on(mutex, rli_real.trylock(mutex), &try_how);
}

RLI_HOOK int pthread_mutex_timedlock(pthread_mutex_t *mutex,
				     const struct timespec *abstime)
{
	struct rli_how how = { RLI_HOW_UNTIL, CLOCK_REALTIME, abstime };

	if (!rli_caught(mutex))
		return rli_real.timedlock(mutex, abstime);
	return go_on(mutex, rli_real.timedlock(mutex, abstime), &how);
}

RLI_HOOK int pthread_mutex_clocklock(pthread_mutex_t *mutex, clockid_t clock,
				     const struct timespec *abstime)
{
	struct rli_how how = { RLI_HOW_UNTIL, clock, abstime };

	if (!rli_caught(mutex))
		return rli_real.clocklock(mutex, clock, abstime);
	return go_on(mutex, rli_real.clocklock(mutex, clock, abstime), &how);
}

RLI_HOOK int pthread_mutex_unlock(pthread_mutex_t *mutex)
{
	if (!rli_caught(mutex))
		return rli_real.unlock(mutex);
	rli_hold_give(mutex);
	return rli_real.unlock(mutex);
}

RLI_HOOK int pthread_mutex_consistent(pthread_mutex_t *mutex)
{
	int err = rli_real.consistent(mutex);

	return rli_caught(mutex) ? rli_hold_mend(mutex, err) : err;
}

RLI_HOOK int pthread_mutex_init(pthread_mutex_t *mutex,
				const pthread_mutexattr_t *attr)
{
	int err = rli_real.init(mutex, attr);

	if (err == 0 && rli_caught(mutex))
		rli_hold_forget(mutex);
	return err;
}

RLI_HOOK int pthread_mutex_destroy(pthread_mutex_t *mutex)
{
	int err = rli_real.destroy(mutex);

	if (err == 0 && rli_caught(mutex))
		rli_hold_forget(mutex);
	return err;
}

/* Names that older programs and libraries call them by. */
RLI_ALIAS(__pthread_mutex_init, pthread_mutex_init);
RLI_ALIAS(__pthread_mutex_destroy, pthread_mutex_destroy);
RLI_ALIAS(__pthread_mutex_lock, pthread_mutex_lock);
RLI_ALIAS(__pthread_mutex_trylock, pthread_mutex_trylock);
RLI_ALIAS(__pthread_mutex_unlock, pthread_mutex_unlock);
RLI_ALIAS(pthread_mutex_consistent_np, pthread_mutex_consistent);
