#include "cases.h"

static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t c = PTHREAD_COND_INITIALIZER;
static int ready, woken, waiting;

static void *wait_ready(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&m);
	waiting++;
	pthread_cond_broadcast(&c);
	while (!ready)
		pthread_cond_wait(&c, &m);
	woken++;
	pthread_mutex_unlock(&m);
	return NULL;
}

CASE(broadcast_wakes_all)
{
	pthread_t t[8];

	for (int i = 0; i < 8; i++)
		MUST(pthread_create(&t[i], NULL, wait_ready, NULL));
	MUST(pthread_mutex_lock(&m));
	while (waiting < 8)
		MUST(pthread_cond_wait(&c, &m));
	ready = 1;
	SAY(pthread_cond_broadcast(&c));
	MUST(pthread_mutex_unlock(&m));
	for (int i = 0; i < 8; i++)
		MUST(pthread_join(t[i], NULL));
	printf("%d\n", woken);
	SAY(pthread_mutex_destroy(&m));
	SAY(pthread_cond_destroy(&c));
}

static int items, taken, done;

static void *produce(void *arg)
{
	(void)arg;
	for (int i = 0; i < 200; i++) {
		pthread_mutex_lock(&m);
		items++;
		pthread_cond_signal(&c);
		pthread_mutex_unlock(&m);
	}
	return NULL;
}

static void *consume(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&m);
	for (;;) {
		while (items == 0 && !done)
			pthread_cond_wait(&c, &m);
		if (items == 0)
			break;
		items--;
		taken++;
	}
	pthread_mutex_unlock(&m);
	return NULL;
}

CASE(producers_and_consumers)
{
	pthread_t p[3], q[3];

	for (int i = 0; i < 3; i++) {
		MUST(pthread_create(&p[i], NULL, produce, NULL));
		MUST(pthread_create(&q[i], NULL, consume, NULL));
	}
	for (int i = 0; i < 3; i++)
		MUST(pthread_join(p[i], NULL));
	MUST(pthread_mutex_lock(&m));
	done = 1;
	MUST(pthread_cond_broadcast(&c));
	MUST(pthread_mutex_unlock(&m));
	for (int i = 0; i < 3; i++)
		MUST(pthread_join(q[i], NULL));
	printf("%d\n", taken);
}

static void *lock_signal(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&m);
	ready = 1;
	pthread_cond_signal(&c);
	pthread_mutex_unlock(&m);
	return NULL;
}

/* One that others signal while holding the mutex: nothing is lost. */
CASE(no_wake_up_is_lost)
{
	for (int i = 0; i < 100; i++) {
		pthread_t t;

		MUST(pthread_mutex_lock(&m));
		ready = 0;
		MUST(pthread_create(&t, NULL, lock_signal, NULL));
		while (!ready)
			MUST(pthread_cond_wait(&c, &m));
		MUST(pthread_mutex_unlock(&m));
		MUST(pthread_join(t, NULL));
	}
	puts("all came");
}

CASE(timedwait)
{
	struct timespec t = in_ms(CLOCK_REALTIME, 50);
	long began = now_ms();

	SAY(pthread_mutex_lock(&m));
	SAY(pthread_cond_timedwait(&c, &m, &t));
	printf("%d\n", now_ms() - began >= 49);
	SAY(elsewhere(do_trylock, &m));
	SAY(pthread_mutex_unlock(&m));
	SAY(elsewhere(do_trylock, &m));
}

CASE(timedwait_in_the_past)
{
	struct timespec t = in_ms(CLOCK_REALTIME, -5000);

	SAY(pthread_mutex_lock(&m));
	SAY(pthread_cond_timedwait(&c, &m, &t));
	SAY(elsewhere(do_trylock, &m));
	SAY(pthread_mutex_unlock(&m));
}

CASE(bad_times)
{
	struct timespec t = { 0, -1 };

	SAY(pthread_mutex_lock(&m));
	SAY(pthread_cond_timedwait(&c, &m, &t));
	t.tv_nsec = 1000000000;
	SAY(pthread_cond_timedwait(&c, &m, &t));
	SAY(pthread_cond_clockwait(&c, &m, CLOCK_MONOTONIC, &t));
	t.tv_nsec = 0;
	SAY(pthread_cond_clockwait(&c, &m, 999, &t));
	SAY(elsewhere(do_trylock, &m));
	SAY(pthread_mutex_unlock(&m));
}

CASE(clockwait)
{
	struct timespec t = in_ms(CLOCK_MONOTONIC, 50);

	SAY(pthread_mutex_lock(&m));
	SAY(pthread_cond_clockwait(&c, &m, CLOCK_MONOTONIC, &t));
	t = in_ms(CLOCK_REALTIME, 50);
	SAY(pthread_cond_clockwait(&c, &m, CLOCK_REALTIME, &t));
	SAY(elsewhere(do_trylock, &m));
	SAY(pthread_mutex_unlock(&m));
}

CASE(monotonic_attribute)
{
	struct timespec t = in_ms(CLOCK_MONOTONIC, 50);
	pthread_condattr_t a;
	pthread_cond_t own;

	MUST(pthread_condattr_init(&a));
	MUST(pthread_condattr_setclock(&a, CLOCK_MONOTONIC));
	MUST(pthread_cond_init(&own, &a));
	SAY(pthread_mutex_lock(&m));
	SAY(pthread_cond_timedwait(&own, &m, &t));
	SAY(pthread_mutex_unlock(&m));
}

CASE(wait_without_the_mutex)
{
	pthread_mutex_t e;
	struct timespec t = in_ms(CLOCK_REALTIME, 50);

	make(&e, PTHREAD_MUTEX_ERRORCHECK, 0);
	SAY(pthread_cond_wait(&c, &e));
	SAY(pthread_cond_timedwait(&c, &e, &t));
	SAY(elsewhere(do_lock, &e));
	SAY(pthread_cond_wait(&c, &e));
	SAY(pthread_mutex_trylock(&e));
}

static pthread_mutex_t recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

/* glibc lets go of one level only. */
CASE(wait_with_an_inner_level)
{
	struct timespec t = in_ms(CLOCK_REALTIME, 30);

	SAY(pthread_mutex_lock(&recursive));
	SAY(pthread_mutex_lock(&recursive));
	SAY(pthread_cond_timedwait(&c, &recursive, &t));
	SAY(pthread_mutex_unlock(&recursive));
	SAY(elsewhere(do_trylock, &recursive));
	SAY(pthread_mutex_unlock(&recursive));
	SAY(elsewhere(do_trylock, &recursive));
}

static void *wait_on(void *mutex)
{
	pthread_mutex_lock(mutex);
	waiting = 1;
	while (!ready)
		pthread_cond_wait(&c, mutex);
	pthread_mutex_unlock(mutex);
	return NULL;
}

#define DESTROY(name, type) \
	CASE(destroy_while_somebody_waits_##name) \
	{ \
		pthread_mutex_t own; \
		pthread_t t; \
		int there = 0; \
		make(&own, type, 0); \
		MUST(pthread_create(&t, NULL, wait_on, &own)); \
		while (!there) { \
			MUST(pthread_mutex_lock(&own)); \
			there = waiting; \
			MUST(pthread_mutex_unlock(&own)); \
		} \
		SAY(pthread_mutex_destroy(&own)); \
		MUST(pthread_mutex_lock(&own)); \
		ready = 1; \
		MUST(pthread_cond_signal(&c)); \
		MUST(pthread_mutex_unlock(&own)); \
		MUST(pthread_join(t, NULL)); \
		SAY(pthread_mutex_destroy(&own)); \
	}
DESTROY(normal, PTHREAD_MUTEX_NORMAL)
DESTROY(errorcheck, PTHREAD_MUTEX_ERRORCHECK)
DESTROY(recursive, PTHREAD_MUTEX_RECURSIVE)

CASE(timedwait_races_with_signals)
{
	pthread_t t;
	int n = 0;

	MUST(pthread_create(&t, NULL, produce, NULL));
	MUST(pthread_mutex_lock(&m));
	while (n < 200) {
		struct timespec until = in_ms(CLOCK_REALTIME, 1);

		pthread_cond_timedwait(&c, &m, &until);
		n += items;
		items = 0;
	}
	MUST(pthread_mutex_unlock(&m));
	MUST(pthread_join(t, NULL));
	printf("%d\n", n);
}
