/*
 * Waiting on a condition. The C library unlocks and locks the mutex in there
 * by calls of its own, which no hook sees: so the rl lock is given back
 * before, and taken again after. The mutex stays locked until the real wait
 * lets it go, so that no wake-up of this process falls between.
 */
#include <errno.h>

#include "interpose/hook.h"
#include "interpose/wait.h"

static const struct rli_how relock = { .how = RLI_HOW_RELOCK };

/* The thread was cancelled in the wait. The program's own clean-up, which runs
 * after this, finds the mutex locked, as it must be. */
static void cancelled(void *mutex)
{
	rli_hold_after_gate(mutex, 0, &relock);
}

/* Each kind of wait, on what is in w. */
static int real_wait(const struct rli_wait_call *w)
{
	switch (w->kind) {
	case RLI_WAIT:
		return rli_real.cond_wait(w->cond, w->mutex);
	case RLI_WAIT_TIMED:
		return rli_real.cond_timedwait(w->cond, w->mutex, w->abstime);
	case RLI_WAIT_CLOCK:
		return rli_real.cond_clockwait(w->cond, w->mutex, w->clock,
					       w->abstime);
	case RLI_WAIT_OLD:
		return rli_real.old_cond_wait(w->cond, w->mutex);
	default:
		return rli_real.old_cond_timedwait(w->cond, w->mutex,
						   w->abstime);
	}
}

/* It ends at once with EINVAL, and lets nobody else have the mutex. */
static bool is_refused(const struct rli_wait_call *w)
{
	const struct timespec *t = w->abstime;

	return t && (t->tv_nsec < 0 || t->tv_nsec >= 1000000000);
}

/* Whether a wait that ended so has locked the mutex again. */
static bool is_locked_again(int err)
{
	return err == 0 || err == ETIMEDOUT || err == EOWNERDEAD ||
	       err == EINVAL || err == EINTR;
}

static int wait_without_lock(const struct rli_wait_call *w)
{
	int err, again;

	pthread_cleanup_push(cancelled, w->mutex);
	err = real_wait(w);
	pthread_cleanup_pop(0);
	if (!is_locked_again(err))
		return err;
	again = rli_hold_after_gate(w->mutex, err == EOWNERDEAD ? err : 0,
				    &relock);
	/* What became of the mutex matters more than a time that is over. */
	return again ? again : err;
}

/*
 * A wait is a cancellation point; with asynchronous cancellation off it is
 * cancelled there, and never between the C library's unlock and its wait, where
 * nobody would lock the mutex again.
 */
int rli_wait(const struct rli_wait_call *w)
{
	int err, type;

	if (is_refused(w))
		return real_wait(w);
	pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &type);
	if (rli_hold_give(w->mutex))
		err = wait_without_lock(w);
	else
		err = real_wait(w);
	pthread_setcanceltype(type, &type);
	return err;
}

#if RLI_TWO_CONDS
#define COND(name) rli_##name
#else
#define COND(name) pthread_##name
#endif

RLI_HOOK int COND(cond_wait)(pthread_cond_t *, pthread_mutex_t *);
RLI_HOOK int COND(cond_timedwait)(pthread_cond_t *, pthread_mutex_t *,
				  const struct timespec *);

int COND(cond_wait)(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
	const struct rli_wait_call w = { RLI_WAIT, cond, mutex, 0, NULL };

	if (!rli_caught(mutex))
		return rli_real.cond_wait(cond, mutex);
	return rli_wait(&w);
}

int COND(cond_timedwait)(pthread_cond_t *cond, pthread_mutex_t *mutex,
			 const struct timespec *abstime)
{
	const struct rli_wait_call w = { RLI_WAIT_TIMED, cond, mutex, 0,
					 abstime };

	if (!rli_caught(mutex))
		return rli_real.cond_timedwait(cond, mutex, abstime);
	return rli_wait(&w);
}

RLI_HOOK int pthread_cond_clockwait(pthread_cond_t *cond,
				    pthread_mutex_t *mutex, clockid_t clock,
				    const struct timespec *abstime)
{
	const struct rli_wait_call w = { RLI_WAIT_CLOCK, cond, mutex, clock,
					 abstime };

	if (!rli_caught(mutex))
		return rli_real.cond_clockwait(cond, mutex, clock, abstime);
	return rli_wait(&w);
}

#if RLI_TWO_CONDS
RLI_HOOK int rli_old_cond_wait(pthread_cond_t *, pthread_mutex_t *);
RLI_HOOK int rli_old_cond_timedwait(pthread_cond_t *, pthread_mutex_t *,
				    const struct timespec *);

int rli_old_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
	const struct rli_wait_call w = { RLI_WAIT_OLD, cond, mutex, 0, NULL };

	if (!rli_caught(mutex))
		return rli_real.old_cond_wait(cond, mutex);
	return rli_wait(&w);
}

int rli_old_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
			   const struct timespec *abstime)
{
	const struct rli_wait_call w = { RLI_WAIT_OLD_TIMED, cond, mutex, 0,
					 abstime };

	if (!rli_caught(mutex))
		return rli_real.old_cond_timedwait(cond, mutex, abstime);
	return rli_wait(&w);
}

__asm__(".symver rli_cond_wait,pthread_cond_wait@@GLIBC_2.3.2");
__asm__(".symver rli_cond_timedwait,pthread_cond_timedwait@@GLIBC_2.3.2");
__asm__(".symver rli_old_cond_wait,pthread_cond_wait@GLIBC_2.2.5");
__asm__(".symver rli_old_cond_timedwait,pthread_cond_timedwait@GLIBC_2.2.5");
#endif
