#ifndef TESTS_WAITING_BUSY_H
#define TESTS_WAITING_BUSY_H

/*
 * Up to BUSY threads that lock the test's mutex, made after its plan, again and
 * again, from begin() to end(). Included behind the two, and BUSY.
 */

#include <pthread.h>
#include <stdatomic.h>

static pthread_t busy[BUSY];
static atomic_bool stop;
static atomic_int errors;
static atomic_long holds;

static void *lock_again(void *arg)
{
	(void)arg;
	while (!atomic_load(&stop)) {
		if (rl_mutex_lock(&mutex) || rl_mutex_unlock(&mutex))
			atomic_fetch_add(&errors, 1);
		atomic_fetch_add(&holds, 1);
	}
	return NULL;
}

static inline void begin(int threads)
{
	plan_mutex(&plan, &mutex);
	for (int i = 0; i < threads; i++)
		cr_assert(!pthread_create(&busy[i], NULL, lock_again, NULL));
	while (!atomic_load(&holds))
		sched_yield();
}

static inline void end(int threads)
{
	atomic_store(&stop, true);
	for (int i = 0; i < threads; i++)
		pthread_join(busy[i], NULL);
	cr_expect_eq(errors, 0);
	cr_expect_eq(rl_mutex_destroy(&mutex), 0);
}

#endif
