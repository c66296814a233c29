/*
 * The mutexes of <rl/pthread.h> in threads: static ones that several use for
 * the first time at once, others that are made and destroyed meanwhile, and
 * waits on conditions. What only a mutex protects must come out exact.
 */
#include <rl/pthread.h>

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "support/server.h"
#include "support/wait.h"

#define THREADS 4
#define STATICS 40

/* Static ones, of zeros. Each is met with by all threads at once. */
static pthread_mutex_t statics[STATICS];
static long count[STATICS];	/* under the mutex of the same number */

static pthread_mutex_t queue = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t filled = PTHREAD_COND_INITIALIZER;
static long in_queue, taken;	/* under queue */
static int producers;		/* likewise: those that are not done */

static int rounds;
static atomic_bool failed;
static atomic_int arrived;	/* threads, at all mutexes together */

static void must(const char *what, int err)
{
	if (!err)
		return;
	fprintf(stderr, "%s: %d\n", what, err);
	atomic_store(&failed, true);
}

/* What the gate is locked by then, pthread_mutex_clocklock, is unknown to the
 * ThreadSanitizer of gcc 12: it would see an unlock without a lock. */
#ifdef __SANITIZE_THREAD__
#define WAYS 2
#else
#define WAYS 3
#endif

static int take(pthread_mutex_t *m, int i)
{
	struct timespec soon;

	if (i % WAYS == 0)
		return pthread_mutex_trylock(m);
	if (i % WAYS == 1)
		return pthread_mutex_lock(m);
	clock_gettime(CLOCK_REALTIME, &soon);
	soon.tv_sec += 60;
	return pthread_mutex_timedlock(m, &soon);
}

/* Not by a barrier: it wakes them one after the other. */
static void meet(int n)
{
	atomic_fetch_add(&arrived, 1);
	while (atomic_load(&arrived) < THREADS * (n + 1))
		sched_yield();
}

/* One of its own, in memory that another thread had before. */
static void make_and_destroy(void)
{
	pthread_mutex_t *m = malloc(sizeof(*m));

	TEST_MUST(m);
	must("init", pthread_mutex_init(m, NULL));
	must("lock", pthread_mutex_lock(m));
	must("unlock", pthread_mutex_unlock(m));
	must("destroy", pthread_mutex_destroy(m));
	free(m);
}

static void *add(void *arg)
{
	long *added = arg;

	for (int i = 0; i < rounds * STATICS; i++) {
		int n = i / rounds, err;

		if (i % rounds == 0)
			meet(n);
		err = take(&statics[n], i);
		if (err == EBUSY)
			continue;
		must("lock", err);
		count[n]++;
		added[n]++;
		must("unlock", pthread_mutex_unlock(&statics[n]));
		if (i % 4 == 0)
			make_and_destroy();
	}
	return NULL;
}

static void check_sums(void)
{
	static long added[THREADS][STATICS];
	pthread_t thread[THREADS];
	long sum;

	for (int i = 0; i < THREADS; i++)
		TEST_MUST(!pthread_create(&thread[i], NULL, add, added[i]));
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	for (int n = 0; n < STATICS; n++) {
		sum = 0;
		for (int i = 0; i < THREADS; i++)
			sum += added[i][n];
		must("sum", sum != count[n]);
	}
}

static void *produce(void *arg)
{
	for (int i = 0; i < rounds; i++) {
		must("lock", pthread_mutex_lock(&queue));
		in_queue++;
		must("signal", pthread_cond_signal(&filled));
		must("unlock", pthread_mutex_unlock(&queue));
	}
	must("lock", pthread_mutex_lock(&queue));
	if (--producers == 0)
		must("broadcast", pthread_cond_broadcast(&filled));
	must("unlock", pthread_mutex_unlock(&queue));
	return arg;
}

static void *consume(void *arg)
{
	must("lock", pthread_mutex_lock(&queue));
	while (in_queue || producers) {
		if (in_queue) {
			in_queue--;
			taken++;
		} else {
			must("wait", pthread_cond_wait(&filled, &queue));
		}
	}
	must("unlock", pthread_mutex_unlock(&queue));
	return arg;
}

static void check_queue(void)
{
	pthread_t thread[THREADS];

	producers = THREADS / 2;
	for (int i = 0; i < THREADS; i++)
		TEST_MUST(!pthread_create(&thread[i], NULL,
					  i % 2 ? consume : produce, NULL));
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	must("taken", taken != (long)rounds * (THREADS / 2));
}

int main(void)
{
	struct server *srv = server_start(NULL);

	setenv("RL_SERVERS", srv->url, 1);
	rounds = getenv("RL_TEST_SLOW") ? 5 : 15;
	check_sums();
	check_queue();
	server_stop(srv);
	return atomic_load(&failed);
}
