/*
 * What is left after many cycles: no descriptor, no thread, no memory, no
 * connection, and on the server nothing but a meta key with an expiry.
 */
#include <pthread.h>

#include "faults/leaks.h"

TestSuite(faults_leaks, .init = setup, .fini = teardown);

/* ------------------------------------------------------------------ cycles */

static rl_mutex_t shared;

static void *use_shared(void *arg)
{
	int i;

	for (i = 0; i < 5; i++) {
		cr_assert_eq(rl_mutex_lock(&shared), 0, "%s", rl_last_error());
		cr_assert_eq(rl_mutex_unlock(&shared), 0);
	}
	return arg;
}

static void threads(void)
{
	pthread_t t[4];
	int i;

	for (i = 0; i < 4; i++)
		cr_assert_eq(pthread_create(&t[i], NULL, use_shared, NULL), 0);
	for (i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
}

static void many_threads(void)
{
	make(&shared, &(struct want){ .url = srv->tcp_url });
	threads();
	threads();
	cr_assert_eq(rl_mutex_destroy(&shared), 0);
}

Test(faults_leaks, threads_leave_nothing_behind)
{
	struct left before = settle(many_threads);
	int i;

	for (i = 0; i < 25; i++)
		many_threads();
	expect_same(before);
}

static void *holding(void *arg)
{
	cr_assert_eq(rl_mutex_lock(&shared), 0);
	return arg;
}

static void thread_that_holds(void)
{
	pthread_t t;

	make(&shared, &(struct want){ .url = srv->url, .lease_ms = 20 });
	cr_assert_eq(pthread_create(&t, NULL, holding, NULL), 0);
	pthread_join(t, NULL);
	cr_assert_eq(rl_mutex_destroy(&shared), 0);
}

Test(faults_leaks, threads_that_end_holding_leave_nothing_behind)
{
	struct left before = settle(thread_that_holds);
	int i;

	for (i = 0; i < 40; i++)
		thread_that_holds();
	expect_same(before);
}

static void *many_mutexes_in_a_thread(void *arg)
{
	rl_mutex_t m[20];
	char name[20];
	int i;

	for (i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "many-%d", i);
		make(&m[i], &(struct want){ .url = srv->url, .name = name,
					    .granularity = i % 3,
					    .type = i % 4 });
		cr_assert_eq(rl_mutex_lock(&m[i]), 0);
	}
	for (i = 0; i < 20; i++) {
		cr_assert_eq(rl_mutex_unlock(&m[i]), 0);
		cr_assert_eq(rl_mutex_destroy(&m[i]), 0);
	}
	return arg;
}

static void mutexes(void)
{
	pthread_t t;

	cr_assert_eq(pthread_create(&t, NULL, many_mutexes_in_a_thread, NULL),
		     0);
	pthread_join(t, NULL);
}

Test(faults_leaks, mutexes_leave_nothing_behind)
{
	struct left before = settle(mutexes);
	int i;

	for (i = 0; i < 30; i++)
		mutexes();
	expect_same(before);
	/* One meta key for each name, that expires; and nothing else. */
	cr_expect_eq(server_ask_int(srv, "DBSIZE"), 20);
	cr_expect_eq(server_ask_int(srv, "EXISTS %s %s", meta("many-0"),
				    meta("many-19")), 2);
	cr_expect(server_ask_int(srv, "PTTL %s", meta("many-7")) > 0);
}

static void broken_connections(void)
{
	struct proxy *p = proxy_start(&srv->addr, true);
	rl_mutex_t m;
	int i;

	make(&m, &(struct want){ .url = p->url });
	for (i = 0; i < 10; i++) {
		cr_assert_eq(rl_mutex_lock(&m), 0);
		proxy_act(p, TO_CLIENT, i % 2 ? PROXY_RST : PROXY_CUT);
		cr_assert_eq(rl_mutex_unlock(&m), 0);
	}
	proxy_refuse(p, true);
	proxy_act(p, TO_CLIENT, PROXY_CUT);
	for (i = 0; i < 10; i++)
		cr_assert_eq(rl_mutex_trylock(&m), ENOLCK);
	cr_assert_eq(rl_mutex_destroy(&m), 0);
	proxy_stop(p);
}

static void *in_a_thread(void *arg)
{
	void (**fn)(void) = arg;

	(*fn)();
	return NULL;
}

static void broken_connections_in_a_thread(void)
{
	void (*fn)(void) = broken_connections;
	pthread_t t;

	cr_assert_eq(pthread_create(&t, NULL, in_a_thread, &fn), 0);
	pthread_join(t, NULL);
}

Test(faults_leaks, broken_connections_leave_nothing_behind)
{
	struct left before = settle(broken_connections_in_a_thread);
	int i;

	for (i = 0; i < 8; i++)
		broken_connections_in_a_thread();
	expect_same(before);
}

static void *look_up(void *arg)
{
	rl_mutex_t m;
	char url[60];

	snprintf(url, sizeof(url), "redis://localhost:%d", srv->port);
	make(&m, &(struct want){ .url = url });
	cr_assert_eq(rl_mutex_lock(&m), 0, "%s", rl_last_error());
	cr_assert_eq(rl_mutex_unlock(&m), 0);
	cr_assert_eq(rl_mutex_destroy(&m), 0);
	return arg;
}

static void lookups(void)
{
	pthread_t t;

	cr_assert_eq(pthread_create(&t, NULL, look_up, NULL), 0);
	pthread_join(t, NULL);
}

Test(faults_leaks, looking_up_hosts_leaves_nothing_behind)
{
	struct left before = settle(lookups);
	int i;

	for (i = 0; i < 10; i++)
		lookups();
	expect_same(before);
}

