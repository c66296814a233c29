/*
 * Threads that wait, pass on, time out and try, under every granularity, on
 * three real servers of which one at a time is stopped, or ends and comes back:
 * a sum that only the lock protects must come out exact.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "waiting/party.h"

#define THREADS 6
#define NODES 3

/* It is for ThreadSanitizer. */
#ifdef __SANITIZE_THREAD__
#define ROUNDS 100
#else
#define ROUNDS 30
#endif

static rl_mutex_t mutex, same;	/* the same lock, by two mutexes */
static long sum;		/* under it */
static atomic_long added;
static atomic_int running;
static int rounds;
static atomic_bool failed;
static struct server *node[NODES];

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
		return timedlock_ms(m, 1 + i % 30);
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

static bool has_gone_on(void *before)
{
	return !atomic_load(&running) ||
	       atomic_load(&added) >= *(long *)before + 20;
}

/* One node after the other is not there for some holds. */
static void disturb(void)
{
	long before;
	int i;

	for (i = 0; atomic_load(&running); i++) {
		struct server *srv = node[i / 2 % NODES];

		if (i % 2)
			server_pause(srv);
		else
			server_kill(srv);
		before = atomic_load(&added);
		wait_until(has_gone_on, &before, WAIT_MS);
		if (i % 2)
			server_resume(srv);
		else
			server_restart(srv, true);
		server_wait_ready(srv);
		before = atomic_load(&added);
		wait_until(has_gone_on, &before, WAIT_MS);
	}
}

static void run_all(struct plan *plan)
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
	disturb();
	for (i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	if (rl_mutex_destroy(&mutex) || rl_mutex_destroy(&same))
		fail("destroy", EBUSY);
	if (sum != atomic_load(&added))
		fail("sum", 0);
	fprintf(stderr, "%ld holds\n", sum);
}

int main(void)
{
	const struct server_options persist = { .persist = true };
	struct plan plan = { .lease = 10000, .interval = 5 };
	char list[1024] = "";
	int i;

	for (i = 0; i < NODES; i++) {
		node[i] = server_start(&persist);
		strcat(strcat(strcat(list, i ? " " : ""), node[i]->url),
		       "?outage_timeout=60000");
	}
	plan.servers = list;
	rounds = getenv("RL_TEST_SLOW") ? 20 : ROUNDS;
	for (i = RL_GRANULARITY_THREAD; i <= RL_GRANULARITY_HOST; i++) {
		plan.granularity = i;
		plan.release = RL_RELEASE_SYNC;
		run_all(&plan);
		plan.release = RL_RELEASE_ASYNC;
		run_all(&plan);
	}
	for (i = 0; i < NODES; i++)
		server_stop(node[i]);
	return atomic_load(&failed);
}
