/*
 * Waiting on a condition: the rl lock is given back, the C library waits with
 * the gate, and the rl lock is taken again.
 *
 * No wake-up is lost: whoever changes what is waited for holds the mutex, its
 * gate included, and the C library gives the gate up and begins to wait in one
 * step. No lease is held during the wait.
 */
#include <errno.h>

#include "posix/gate.h"

struct wait {
	pthread_cond_t *cond;
	const struct timespec *deadline; /* NULL: none */
	bool on_clock;			 /* clock counts; else the condition's */
	clockid_t clock;
};

static int wait_with(pthread_mutex_t *gate, const struct wait *wait)
{
	if (!wait->deadline)
		return pthread_cond_wait(wait->cond, gate);
	if (wait->on_clock)
		return pthread_cond_clockwait(wait->cond, gate, wait->clock,
					      wait->deadline);
	return pthread_cond_timedwait(wait->cond, gate, wait->deadline);
}

/* Who waits, for the case that it is cancelled. */
struct waiter {
	struct rli_px_object *object;
	struct rli_px_record *record;
};

static int retake(const struct waiter *waiter, int gate_err)
{
	return rli_px_take(waiter->object, waiter->record,
			   &(struct rli_px_how){ .way = RLI_PX_WAIT },
			   gate_err);
}

/* The program's cleanup handlers, which run after this one, own the mutex. */
static void cancelled(void *arg)
{
	retake(arg, 0);
}

/* The gate is not ours after ENOTRECOVERABLE, nor is the rl lock then. */
static int wait_bound(const struct waiter *waiter, const struct wait *wait)
{
	int err;
	int retaken;

	rli_px_give(waiter->object, waiter->record);
	pthread_cleanup_push(cancelled, (void *)(uintptr_t)waiter);
	err = wait_with(&waiter->object->gate, wait);
	pthread_cleanup_pop(0);
	if (err == ENOTRECOVERABLE)
		return err;
	retaken = retake(waiter, err == EOWNERDEAD ? err : 0);
	return retaken ? retaken : err;
}

/*
 * The wait is a cancellation point. Between its points the C library is not
 * safe against cancellation at any instruction: it would end without the gate.
 */
static int wait_deferred(const struct waiter *waiter, const struct wait *wait)
{
	int cancel_type;
	int err;

	pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &cancel_type);
	err = wait_bound(waiter, wait);
	pthread_setcanceltype(cancel_type, &cancel_type);
	return err;
}

/* Refused at once by the C library, which then leaves the mutex alone. */
static bool is_refused(const struct wait *wait)
{
	if (!wait->deadline)
		return false;
	if (wait->deadline->tv_nsec < 0 || wait->deadline->tv_nsec > 999999999)
		return true;
	return wait->on_clock && wait->clock != CLOCK_REALTIME &&
	       wait->clock != CLOCK_MONOTONIC;
}

static int wait_on(rl_pthread_mutex_t *mutex, const struct wait *wait)
{
	struct waiter waiter;
	int err = rli_px_find(mutex, &waiter.object, &waiter.record);

	if (err)
		return err;
	if (!waiter.record || !rli_px_may_unlock(waiter.object) ||
	    waiter.object->depth > 1 || is_refused(wait))
		return wait_with(&waiter.object->gate, wait);
	return wait_deferred(&waiter, wait);
}

int rl_pthread_cond_wait(pthread_cond_t *cond, rl_pthread_mutex_t *mutex)
{
	return wait_on(mutex, &(struct wait){ .cond = cond });
}

int rl_pthread_cond_timedwait(pthread_cond_t *cond, rl_pthread_mutex_t *mutex,
			      const struct timespec *abstime)
{
	return wait_on(mutex, &(struct wait){ .cond = cond,
					      .deadline = abstime });
}

int rl_pthread_cond_clockwait(pthread_cond_t *cond, rl_pthread_mutex_t *mutex,
			      clockid_t clock, const struct timespec *abstime)
{
	return wait_on(mutex, &(struct wait){ .cond = cond,
					      .deadline = abstime,
					      .on_clock = true,
					      .clock = clock });
}
