#include "posix/gate.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/error.h"
#include "posix/trouble.h"

/* ------------------------------------------------------------ the rl lock */

/* Between two tries of a trylock that meets with an outage. */
static void pause_a_little(void)
{
	const struct timespec pause = { .tv_nsec = 50 * RLI_MS };

	nanosleep(&pause, NULL);
}

/* Its holder is dead, but for its lease, which nobody renews. */
static int outlive_the_lease(struct rli_px_record *record)
{
	struct timespec deadline;
	int err;

	clock_gettime(CLOCK_MONOTONIC, &deadline);
	rli_to_timespec(deadline.tv_sec * RLI_S + deadline.tv_nsec +
				2 * record->lease,
			&deadline);
	err = rl_mutex_clocklock(&record->lock, CLOCK_MONOTONIC, &deadline);
	return err == ETIMEDOUT ? EBUSY : err;
}

static int ask(struct rli_px_record *record, const struct rli_px_how *how,
	       bool dead)
{
	switch (how->way) {
	case RLI_PX_TRY:
		return dead ? outlive_the_lease(record)
			    : rl_mutex_trylock(&record->lock);
	case RLI_PX_UNTIL:
		return rl_mutex_clocklock(&record->lock, how->clock,
					  how->deadline);
	default:
		return rl_mutex_lock(&record->lock);
	}
}

/* An answer that a pthread mutex of these attributes could give, too. */
static bool is_answer(int err, bool robust)
{
	switch (err) {
	case 0:
	case EBUSY:
	case ETIMEDOUT:
	case EINVAL:
		return true;
	case EOWNERDEAD:
	case ENOTRECOVERABLE:
		return robust;
	default:
		return false;
	}
}

/*
 * rl_mutex_lock has waited for outage_timeout already when it says ENOLCK; a
 * trylock made one try.
 */
static int lock_through(const struct rli_px_object *object,
			struct rli_px_record *record,
			const struct rli_px_how *how)
{
	struct rli_px_outage outage = { 0 };
	bool try_only = how->way == RLI_PX_TRY;
	int saved = errno;
	int err;

	while ((err = ask(record, how, object->gate_dead)) == ENOLCK) {
		rli_px_outage(&outage, record->name,
			      try_only ? record->outage_timeout : -1);
		if (try_only)
			pause_a_little();
	}
	errno = saved;
	if (!is_answer(err, object->robust))
		rli_px_die("the lock '%s': %s; aborting", record->name,
			   rli_error_message());
	return err;
}

/* --------------------------------------------------------------- the gate */

static bool is_me(const struct rli_px_object *object)
{
	return atomic_load_explicit(&object->tid, memory_order_relaxed) ==
		       gettid() &&
	       atomic_load_explicit(&object->pid, memory_order_relaxed) ==
		       getpid();
}

/* Without the lock the gate is of no use. That its last holder died must not
 * be forgotten with it. */
static void leave_gate(struct rli_px_object *object)
{
	if (object->gate_dead) {
		object->told_dead = true;
		object->gate_dead = false;
		pthread_mutex_consistent(&object->gate);
	}
	pthread_mutex_unlock(&object->gate);
}

static void hold(struct rli_px_object *object)
{
	object->depth = 1;
	atomic_store_explicit(&object->pid, getpid(), memory_order_relaxed);
	atomic_store_explicit(&object->tid, gettid(), memory_order_relaxed);
}

static int take(struct rli_px_object *object, struct rli_px_record *record,
		const struct rli_px_how *how, int gate_err)
{
	int err;

	if (gate_err == 0 && object->depth > 0 && is_me(object)) {
		object->depth++;	/* the gate lets a recursive one in */
		return 0;
	}
	if (gate_err == EOWNERDEAD) {
		rli_px_reset(object);
		object->gate_dead = true;
	}
	err = lock_through(object, record, how);
	if (err == ENOTRECOVERABLE)
		object->beyond_mending = true;
	if (err && err != EOWNERDEAD) {
		leave_gate(object);
		return err;
	}
	hold(object);
	object->lock_dead = err == EOWNERDEAD;
	if (object->told_dead)
		gate_err = EOWNERDEAD;
	return gate_err ? gate_err : err;
}

/* Who is cancelled, at whatever instruction, has both or neither. */
int rli_px_take(struct rli_px_object *object, struct rli_px_record *record,
		const struct rli_px_how *how, int gate_err)
{
	struct rli_cancel cancel;
	int err;

	rli_cancel_off(&cancel);
	err = take(object, record, how, gate_err);
	rli_cancel_as_before(&cancel);
	return err;
}

bool rli_px_may_unlock(const struct rli_px_object *object)
{
	bool checked = object->robust ||
		       object->kind == PTHREAD_MUTEX_RECURSIVE ||
		       object->kind == PTHREAD_MUTEX_ERRORCHECK;

	return !checked || is_me(object);
}

/* A private mutex that was locked when the process forked: its rl lock is
 * the parent's. */
static bool is_parents(const struct rli_px_object *object)
{
	return !object->shared &&
	       atomic_load_explicit(&object->pid, memory_order_relaxed) !=
		       getpid();
}

void rli_px_give(struct rli_px_object *object, struct rli_px_record *record)
{
	bool ours = object->depth > 0 && !is_parents(object);
	struct rli_cancel cancel;
	int err = 0;

	rli_cancel_off(&cancel);
	object->depth = 0;
	if (object->lock_dead)
		object->beyond_mending = true;
	object->lock_dead = false;
	atomic_store_explicit(&object->tid, 0, memory_order_relaxed);
	if (ours)
		err = rl_mutex_unlock(&record->lock);
	/* ESTALE: onlost has been called. ENOLCK: the work was covered. */
	if (err == EPERM)
		rli_px_lost(record->name);
	else if (err && err != ESTALE && err != ENOLCK)
		rli_px_say("unlocking '%s': %s", record->name,
			   rli_error_message());
	atomic_store_explicit(&object->pid, 0, memory_order_relaxed);
	rli_cancel_as_before(&cancel);
}

/* Asked once more: somebody may have begun anew already. */
void rli_px_begin_anew(const struct rli_px_object *object,
		       struct rli_px_record *record)
{
	int err;

	if (!object->beyond_mending)
		return;
	err = rl_mutex_trylock(&record->lock);
	if (err == ENOTRECOVERABLE)
		rl_mutex_reset(&record->lock);
	else if (err == EOWNERDEAD)
		rl_mutex_consistent(&record->lock);
	if (err == 0 || err == EOWNERDEAD)
		rl_mutex_unlock(&record->lock);
}
