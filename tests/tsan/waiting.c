/*
 * Threads that wait, pass on, time out and try, under every granularity, on a
 * real server: a sum that only the lock protects must come out exact.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "waiting/party.h"

#define THREADS 6

static rl_mutex_t mutex, same; /* the same lock, by two mutexes */
static long sum;	       /* under it */
static atomic_long added;
static int rounds;
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
		return timedlock_ms(m, 1 + i % 3);
	default:
		return rl_mutex_lock(m);
	}
}

static void *run(void *arg)
{
	rl_mutex_t *m = arg;

	for (int i = 0; i < rounds; i++) {
		int err = take(m, i);

		if (err == EBUSY || err == ETIMEDOUT)
			continue;
		if (err) {
			fail("lock", err);
			break;
		}
		sum++;
		atomic_fetch_add(&added, 1);
		err = rl_mutex_unlock(m);
		if (err) {
			fail("unlock", err);
			break;
		}
	}
	return NULL;
}

static void run_all(struct plan *plan)
{
	pthread_t thread[THREADS];

	sum = 0;
	atomic_store(&added, 0);
	plan_mutex(plan, &mutex);
	plan_mutex(plan, &same);
	for (int i = 0; i < THREADS; i++)
		TEST_MUST(!pthread_create(&thread[i], NULL, run,
					  i % 2 ? &same : &mutex));
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	if (rl_mutex_destroy(&mutex) || rl_mutex_destroy(&same))
		fail("destroy", EBUSY);
	if (sum != atomic_load(&added))
		fail("sum", 0);
}

int main(void)
{
	struct server *srv = server_start(NULL);
	char url[300];
	struct plan plan = { .servers = url, .lease = 10000, .interval = 5 };

	/* A second may be too little for valgrind on a busy machine. */
	snprintf(url, sizeof(url), "%s?command_timeout=20000&"
		 "outage_timeout=60000", srv->url);

	rounds = getenv("RL_TEST_SLOW") ? 30 : 300;
	for (int granularity = RL_GRANULARITY_THREAD;
	     granularity <= RL_GRANULARITY_HOST; granularity++) {
		plan.granularity = granularity;
		plan.release = RL_RELEASE_SYNC;
		run_all(&plan);
		plan.release = RL_RELEASE_ASYNC;
		run_all(&plan);
		if (granularity == RL_GRANULARITY_THREAD)
			continue;
		plan.release = RL_RELEASE_SYNC;
		plan.delegation = RL_DELEGATION_ON;
		run_all(&plan);
		plan.delegation = RL_DELEGATION_OFF;
	}
	server_stop(srv);
	return atomic_load(&failed);
}
