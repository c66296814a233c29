/*
 * The pthread_mutex_ functions of <rl/pthread.h>. Each finds the object's
 * record; a plain mutex has none and is its gate.
 */
#include <errno.h>
#include <string.h>

#include "posix/gate.h"
#include "posix/memory.h"

/* ------------------------------------------------------- init and destroy */

static int read_attributes(struct rli_px_object *object,
			   const pthread_mutexattr_t *attr)
{
	int robust = PTHREAD_MUTEX_STALLED;
	int shared = PTHREAD_PROCESS_PRIVATE;
	int err = 0;

	object->kind = PTHREAD_MUTEX_DEFAULT;
	if (attr) {
		err = pthread_mutexattr_gettype(attr, &object->kind);
		if (!err)
			err = pthread_mutexattr_getrobust(attr, &robust);
		if (!err)
			err = pthread_mutexattr_getpshared(attr, &shared);
	}
	object->robust = robust == PTHREAD_MUTEX_ROBUST;
	object->shared = shared == PTHREAD_PROCESS_SHARED &&
			 rli_px_is_shared_memory(object);
	return err;
}

int rl_pthread_mutex_init_at(rl_pthread_mutex_t *mutex,
			     const pthread_mutexattr_t *attr, const char *site)
{
	struct rli_px_object *object = rli_px_of(mutex);
	int err;

	if (!mutex)
		return EINVAL;
	memset(object, 0, sizeof(*object));
	err = pthread_mutex_init(&object->gate, attr);
	if (!err)
		err = read_attributes(object, attr);
	if (!err)
		err = rli_px_bind(object, site);
	if (!err)
		object->magic = RLI_PX_MADE;
	else
		atomic_store(&object->state, RLI_PX_GONE);
	return err;
}

int rl_pthread_mutex_init(rl_pthread_mutex_t *mutex,
			  const pthread_mutexattr_t *attr)
{
	return rl_pthread_mutex_init_at(mutex, attr, "unnamed");
}

int rl_pthread_mutex_destroy(rl_pthread_mutex_t *mutex)
{
	struct rli_px_object *object;
	struct rli_px_record *record;
	int err = rli_px_find(mutex, &object, &record);

	if (!err)
		err = pthread_mutex_destroy(&object->gate);
	if (err)
		return err;
	atomic_store(&object->state, RLI_PX_GONE);
	if (record) {
		rli_px_begin_anew(object, record);
		rli_px_forget(object);
	}
	return 0;
}

/* ------------------------------------------------------------------- lock */

static int take_gate(struct rli_px_object *object,
		     const struct rli_px_how *how)
{
	switch (how->way) {
	case RLI_PX_TRY:
		return pthread_mutex_trylock(&object->gate);
	case RLI_PX_UNTIL:
		return pthread_mutex_clocklock(&object->gate, how->clock,
					       how->deadline);
	default:
		return pthread_mutex_lock(&object->gate);
	}
}

static int lock_by(rl_pthread_mutex_t *mutex, const struct rli_px_how *how)
{
	struct rli_px_object *object;
	struct rli_px_record *record;
	int err = rli_px_find(mutex, &object, &record);

	if (err)
		return err;
	err = take_gate(object, how);
	if (!record || (err && err != EOWNERDEAD))
		return err;
	return rli_px_take(object, record, how, err);
}

int rl_pthread_mutex_lock(rl_pthread_mutex_t *mutex)
{
	return lock_by(mutex, &(struct rli_px_how){ .way = RLI_PX_WAIT });
}

int rl_pthread_mutex_trylock(rl_pthread_mutex_t *mutex)
{
	return lock_by(mutex, &(struct rli_px_how){ .way = RLI_PX_TRY });
}

int rl_pthread_mutex_clocklock(rl_pthread_mutex_t *mutex, clockid_t clock,
			       const struct timespec *abstime)
{
	return lock_by(mutex, &(struct rli_px_how){ .way = RLI_PX_UNTIL,
						    .clock = clock,
						    .deadline = abstime });
}

int rl_pthread_mutex_timedlock(rl_pthread_mutex_t *mutex,
			       const struct timespec *abstime)
{
	return rl_pthread_mutex_clocklock(mutex, CLOCK_REALTIME, abstime);
}

/* ----------------------------------------------------------------- unlock */

int rl_pthread_mutex_unlock(rl_pthread_mutex_t *mutex)
{
	struct rli_px_object *object;
	struct rli_px_record *record;
	int err = rli_px_find(mutex, &object, &record);

	if (err)
		return err;
	if (record && rli_px_may_unlock(object)) {
		if (object->depth > 1)
			object->depth--;
		else
			rli_px_give(object, record);
	}
	return pthread_mutex_unlock(&object->gate);
}

static int mend(struct rli_px_object *object, struct rli_px_record *record)
{
	int err = object->lock_dead ? rl_mutex_consistent(&record->lock) : 0;

	if (!err && object->gate_dead)
		err = pthread_mutex_consistent(&object->gate);
	if (!err)
		object->gate_dead = object->lock_dead = object->told_dead =
			false;
	return err;
}

int rl_pthread_mutex_consistent(rl_pthread_mutex_t *mutex)
{
	struct rli_px_object *object;
	struct rli_px_record *record;
	int err = rli_px_find(mutex, &object, &record);

	if (err)
		return err;
	if (record && object->robust && rli_px_may_unlock(object) &&
	    (object->gate_dead || object->lock_dead || object->told_dead))
		return mend(object, record);
	return pthread_mutex_consistent(&object->gate);
}

/* ------------------------------------------------------ priority ceilings */

int rl_pthread_mutex_getprioceiling(const rl_pthread_mutex_t *mutex,
				    int *ceiling)
{
	struct rli_px_object *object;
	struct rli_px_record *record;
	int err = rli_px_find((rl_pthread_mutex_t *)(uintptr_t)mutex, &object,
			      &record);

	return err ? err : pthread_mutex_getprioceiling(&object->gate, ceiling);
}

int rl_pthread_mutex_setprioceiling(rl_pthread_mutex_t *mutex, int ceiling,
				    int *old)
{
	struct rli_px_object *object;
	struct rli_px_record *record;
	int err = rli_px_find(mutex, &object, &record);

	return err ? err : pthread_mutex_setprioceiling(&object->gate, ceiling,
							old);
}
