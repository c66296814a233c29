/*
 * Where they wait: one node for all, whose loss costs a moment, and who waits
 * there does not poll.
 */
#include <pthread.h>

#include "quorum.h"

#define NODES 3

static void setup(void)
{
	nodes_begin(NODES, NULL);
}

TestSuite(quorum_home, .init = setup, .fini = nodes_end);

/* Where they wait; -1: nowhere. */
static int home(void)
{
	for (int i = 0; i < NODES; i++)
		if (node[i]->pid && server_info(node[i], "blocked_clients"))
			return i;
	return -1;
}

static _Atomic int64_t got_at;

static void *lock_once(void *m)
{
	cr_expect_eq(rl_mutex_lock(m), 0, "%s", rl_last_error());
	got_at = wait_now_ms();
	cr_expect_eq(rl_mutex_unlock(m), 0, "%s", rl_last_error());
	return NULL;
}

static pthread_t wait_for(rl_mutex_t *m)
{
	pthread_t thread;

	got_at = 0;
	cr_assert_eq(pthread_create(&thread, NULL, lock_once, m), 0);
	cr_assert(waiters_become(1));
	return thread;
}

Test(quorum_home, a_release_wakes_a_waiter_which_has_not_polled)
{
	long long before = 0, after = 0;
	pthread_t thread;
	int64_t until;
	rl_mutex_t m;

	make(&m, &(struct want){ 0 });
	cr_assert_eq(rl_mutex_lock(&m), 0);
	thread = wait_for(&m);
	for (int i = 0; i < NODES; i++)
		before += scripts_run(i);
	for (until = wait_now_ms() + 1500; wait_now_ms() < until;)
		usleep(10000);
	for (int i = 0; i < NODES; i++)
		after += scripts_run(i);
	/* A question a second. */
	cr_expect_leq(after - before, 3 * NODES, "%lld", after - before);
	until = wait_now_ms();
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	pthread_join(thread, NULL);
	cr_expect_lt(got_at - until, 500);
	rl_mutex_destroy(&m);
}

static void lose_the_home(void (*lose)(struct server *),
			  void (*back)(struct server *))
{
	pthread_t thread;
	rl_mutex_t m;
	int64_t began;
	int at;

	make(&m, &(struct want){ .lease_ms = 2000 });
	cr_assert_eq(rl_mutex_lock(&m), 0);
	thread = wait_for(&m);
	at = home();
	lose(node[at]);
	began = wait_now_ms();
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	pthread_join(thread, NULL);
	cr_expect_lt(got_at - began, 6000);
	back(node[at]);
	server_wait_ready(node[at]);
	rl_mutex_destroy(&m);
}

static void restart_empty(struct server *srv)
{
	server_restart(srv, false);
}

Test(quorum_home, a_waiter_whose_node_dies_gets_the_lock)
{
	lose_the_home(server_kill, restart_empty);
}

Test(quorum_home, a_waiter_whose_node_hangs_gets_the_lock)
{
	lose_the_home(server_pause, server_resume);
}
