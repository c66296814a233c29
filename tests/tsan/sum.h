#ifndef TESTS_TSAN_SUM_H
#define TESTS_TSAN_SUM_H

/*
 * Threads that wait, pass on, time out and try, on one lock by two mutexes: a
 * sum that only the lock protects must come out exact.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "waiting/party.h"

#define THREADS 6

static rl_mutex_t mutex, same; /* the same lock */
static long sum;	       /* under it */
static atomic_long added;
static atomic_int running;
static int rounds;
static int longest_ms;	       /* that a timedlock waits */
static atomic_bool failed;

static void fail(const char *what, int err)
{
	fprintf(stderr, "%s: %d, %s\n", what, err, rl_last_error());
	atomic_store(&failed, true);
}

static int take(rl_mutex_t *m, int i)
{
	switch (i % 5) {
	case 0:
		return rl_mutex_trylock(m);
	case 1:
		return timedlock_ms(m, 1 + i % longest_ms);
	default:
		return rl_mutex_lock(m);
	}
}

static bool add(rl_mutex_t *m, int i)
{
	int err = take(m, i);

	if (err == EBUSY || err == ETIMEDOUT)
		return true;
	if (err) {
		fail("lock", err);
		return false;
	}
	sum++;
	atomic_fetch_add(&added, 1);
	err = rl_mutex_unlock(m);
	if (err)
		fail("unlock", err);
	return !err;
}

static void *run(void *arg)
{
	int i;

	for (i = 0; i < rounds && add(arg, i); i++)
		;
	atomic_fetch_sub(&running, 1);
	return NULL;
}

/* meanwhile, or NULL: what is done until no thread is running. */
static void run_all(struct plan *plan, void (*meanwhile)(void))
{
	pthread_t thread[THREADS];
	int i;

	sum = 0;
	atomic_store(&added, 0);
	atomic_store(&running, THREADS);
	plan_mutex(plan, &mutex);
	plan_mutex(plan, &same);
	for (i = 0; i < THREADS; i++)
		TEST_MUST(!pthread_create(&thread[i], NULL, run,
					  i % 2 ? &same : &mutex));
	if (meanwhile)
		meanwhile();
	for (i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	if (rl_mutex_destroy(&mutex) || rl_mutex_destroy(&same))
		fail("destroy", EBUSY);
	if (sum != atomic_load(&added))
		fail("sum", 0);
	fprintf(stderr, "%ld holds\n", sum);
}

#endif
