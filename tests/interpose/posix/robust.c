#include "cases.h"

/*
 * Not tried: pthread_mutex_trylock and timedlock of one that is not
 * recoverable. glibc 2.36 keeps it locked then, and unlock crashes.
 */

/* Locked by a thread that has ended. */
static void orphan(pthread_mutex_t *m, int type, int flags)
{
	make(m, type, ROBUST | flags);
	SAY(elsewhere(do_lock, m));
}

#define EACH(X) \
	X(normal, PTHREAD_MUTEX_NORMAL, 0) \
	X(errorcheck, PTHREAD_MUTEX_ERRORCHECK, 0) \
	X(recursive, PTHREAD_MUTEX_RECURSIVE, 0) \
	X(shared, PTHREAD_MUTEX_NORMAL, SHARED) \
	X(inherit, PTHREAD_MUTEX_NORMAL, INHERIT)

#define MENDED(name, type, flags) \
	CASE(mended_##name) \
	{ \
		pthread_mutex_t m; \
		orphan(&m, type, flags); \
		SAY(pthread_mutex_lock(&m)); \
		SAY(elsewhere(do_trylock, &m)); \
		SAY(pthread_mutex_consistent(&m)); \
		SAY(pthread_mutex_consistent(&m)); \
		SAY(pthread_mutex_unlock(&m)); \
		SAY(pthread_mutex_lock(&m)); \
		SAY(pthread_mutex_unlock(&m)); \
		SAY(elsewhere(do_trylock, &m)); \
		SAY(pthread_mutex_destroy(&m)); \
	} \
	CASE(not_mended_##name) \
	{ \
		pthread_mutex_t m; \
		orphan(&m, type, flags); \
		SAY(pthread_mutex_lock(&m)); \
		SAY(pthread_mutex_unlock(&m)); \
		SAY(pthread_mutex_lock(&m)); \
		SAY(pthread_mutex_lock(&m)); \
		SAY(elsewhere(do_lock, &m)); \
		SAY(pthread_mutex_consistent(&m)); \
		SAY(pthread_mutex_unlock(&m)); \
		SAY(pthread_mutex_destroy(&m)); \
		make(&m, type, ROBUST | flags); \
		SAY(pthread_mutex_lock(&m)); \
		SAY(pthread_mutex_unlock(&m)); \
	} \
	CASE(trylock_##name) \
	{ \
		pthread_mutex_t m; \
		orphan(&m, type, flags); \
		SAY(pthread_mutex_trylock(&m)); \
		SAY(pthread_mutex_consistent(&m)); \
		SAY(pthread_mutex_unlock(&m)); \
	} \
	CASE(timedlock_##name) \
	{ \
		pthread_mutex_t m; \
		struct timespec t = in_ms(CLOCK_REALTIME, 2000); \
		orphan(&m, type, flags); \
		SAY(pthread_mutex_timedlock(&m, &t)); \
		SAY(pthread_mutex_consistent(&m)); \
		SAY(pthread_mutex_unlock(&m)); \
	}
EACH(MENDED)

CASE(consistent_of_a_healthy_one)
{
	pthread_mutex_t m, plain = PTHREAD_MUTEX_INITIALIZER;

	make(&m, PTHREAD_MUTEX_NORMAL, ROBUST);
	SAY(pthread_mutex_consistent(&m));
	SAY(pthread_mutex_lock(&m));
	SAY(pthread_mutex_consistent(&m));
	SAY(pthread_mutex_unlock(&m));
	SAY(pthread_mutex_lock(&plain));
	SAY(pthread_mutex_consistent(&plain));
	SAY(pthread_mutex_unlock(&plain));
}

static pthread_barrier_t barrier;

static void *lock_and_end(void *m)
{
	MUST(pthread_mutex_lock(m));
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	return NULL;
}

CASE(a_waiter_is_told)
{
	pthread_mutex_t m;
	pthread_t holder, waiter;
	void *result;

	make(&m, PTHREAD_MUTEX_NORMAL, ROBUST);
	pthread_barrier_init(&barrier, NULL, 2);
	MUST(pthread_create(&holder, NULL, lock_and_end, &m));
	pthread_barrier_wait(&barrier);
	MUST(pthread_create(&waiter, NULL, do_lock, &m));
	pthread_barrier_wait(&barrier);
	MUST(pthread_join(holder, NULL));
	MUST(pthread_join(waiter, &result));
	printf("%s\n", error_name((int)(long)result));
	/* And so is the next: the waiter has ended with it too. */
	SAY(pthread_mutex_lock(&m));
	SAY(pthread_mutex_consistent(&m));
	SAY(pthread_mutex_unlock(&m));
}

static int lock_and_exit(void *m)
{
	return pthread_mutex_lock(m);
}

static int lock_twice_and_exit(void *m)
{
	return pthread_mutex_lock(m) || pthread_mutex_lock(m);
}

CASE(a_process_that_died)
{
	pthread_mutex_t *m = shared_memory(sizeof(*m));

	make(m, PTHREAD_MUTEX_NORMAL, ROBUST | SHARED);
	SAY(in_child(lock_and_exit, m));
	SAY(pthread_mutex_lock(m));
	SAY(pthread_mutex_consistent(m));
	SAY(pthread_mutex_unlock(m));
	SAY(in_child(lock_and_exit, m));
	SAY(pthread_mutex_trylock(m));
	SAY(pthread_mutex_unlock(m));
	SAY(pthread_mutex_lock(m));
	SAY(in_child(lock_and_exit, m) == ENOTRECOVERABLE);
}

CASE(a_process_that_died_recursive)
{
	pthread_mutex_t *m = shared_memory(sizeof(*m));

	make(m, PTHREAD_MUTEX_RECURSIVE, ROBUST | SHARED);
	SAY(in_child(lock_twice_and_exit, m));
	SAY(pthread_mutex_lock(m));
	SAY(pthread_mutex_lock(m));
	SAY(pthread_mutex_consistent(m));
	SAY(pthread_mutex_unlock(m));
	SAY(pthread_mutex_unlock(m));
	SAY(pthread_mutex_unlock(m));
}

static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;

static void *signal_and_end(void *m)
{
	MUST(pthread_mutex_lock(m));
	MUST(pthread_cond_signal(&cond));
	return NULL;
}

CASE(a_wait_is_told)
{
	pthread_mutex_t m;
	pthread_t t;

	make(&m, PTHREAD_MUTEX_NORMAL, ROBUST);
	SAY(pthread_mutex_lock(&m));
	MUST(pthread_create(&t, NULL, signal_and_end, &m));
	SAY(pthread_cond_wait(&cond, &m));
	SAY(pthread_mutex_consistent(&m));
	SAY(pthread_mutex_unlock(&m));
	SAY(pthread_mutex_lock(&m));
}

CASE(many_orphans)
{
	pthread_mutex_t m[20];

	for (int i = 0; i < 20; i++)
		make(&m[i], PTHREAD_MUTEX_NORMAL, ROBUST);
	for (int i = 0; i < 20; i++)
		MUST((int)elsewhere(do_lock, &m[i]));
	for (int i = 0; i < 20; i++) {
		SAY(pthread_mutex_lock(&m[i]));
		SAY(pthread_mutex_consistent(&m[i]));
		SAY(pthread_mutex_unlock(&m[i]));
	}
}
