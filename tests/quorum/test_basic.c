/* The mutex on three servers, each of which may fail. */
#include <pthread.h>

#include "quorum.h"

#define NODES 3

static void setup(void)
{
	nodes_begin(NODES, NULL);
}

TestSuite(quorum_basic, .init = setup, .fini = nodes_end);

static uint64_t fence_of(rl_mutex_t *m)
{
	uint64_t fence = 0;

	OK(rl_mutex_fence(m, &fence));
	return fence;
}

Test(quorum_basic, every_call_works)
{
	struct timespec lease = { .tv_sec = 20 }, left;
	char owner[256];
	uint64_t fence;
	rl_mutex_t m;

	make(&m, &(struct want){ 0 });
	cr_expect_eq(rl_mutex_lock(&m), 0, "%s", rl_last_error());
	fence = fence_of(&m);
	cr_expect_eq(rl_mutex_refresh(&m), 0);
	cr_expect_eq(rl_mutex_extend(&m, &lease), 0);
	cr_expect_eq(rl_mutex_remaining(&m, &left), 0);
	cr_expect_gt(left.tv_sec, 15);
	cr_expect_eq(rl_mutex_held(&m), 0);
	cr_expect_eq(rl_mutex_locked(&m), EBUSY);
	cr_expect_eq(rl_mutex_owner(&m, owner, sizeof(owner)), 0);
	cr_expect_eq(strncmp(owner, "thrd:", 5), 0);
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	cr_expect_eq(rl_mutex_locked(&m), 0);
	cr_expect_eq(rl_mutex_trylock(&m), 0);
	cr_expect_gt(fence_of(&m), fence);
	cr_expect_eq(rl_mutex_reset(&m), 0);
	cr_expect_eq(rl_mutex_unlock(&m), ESTALE);
	cr_expect_eq(rl_mutex_destroy(&m), 0);
}

Test(quorum_basic, one_node_may_be_down)
{
	uint64_t last = 0;
	rl_mutex_t m;

	make(&m, &(struct want){ 0 });
	for (int i = 0; i < NODES; i++) {
		server_kill(node[i]);
		for (int k = 0; k < 20; k++) {
			cr_expect_eq(rl_mutex_lock(&m), 0, "%s",
				     rl_last_error());
			cr_expect_gt(fence_of(&m), last);
			last = fence_of(&m);
			cr_expect_eq(rl_mutex_unlock(&m), 0, "%s",
				     rl_last_error());
		}
		server_restart(node[i], false);
	}
	rl_mutex_destroy(&m);
}

Test(quorum_basic, one_node_may_hang)
{
	rl_mutex_t m;

	make(&m, &(struct want){ 0 });
	cr_expect_eq(rl_mutex_lock(&m), 0);
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	for (int i = 0; i < NODES; i++) {
		int64_t began = wait_now_ms();

		server_pause(node[i]);
		for (int k = 0; k < 100; k++) {
			cr_expect_eq(rl_mutex_lock(&m), 0);
			cr_expect_eq(rl_mutex_unlock(&m), 0);
		}
		cr_expect_lt(wait_now_ms() - began, 1900, "node %d: %lld", i,
			     (long long)(wait_now_ms() - began));
		server_resume(node[i]);
		server_wait_ready(node[i]);
	}
	rl_mutex_destroy(&m);
}

Test(quorum_basic, without_a_majority_each_missing_server_is_named)
{
	rl_mutex_t m;

	make(&m, &(struct want){ 0 });
	server_kill(node[0]);
	server_kill(node[2]);
	cr_expect_eq(rl_mutex_trylock(&m), ENOLCK);
	cr_expect(strstr(rl_last_error(), node[0]->addr.path), "%s",
		  rl_last_error());
	cr_expect(strstr(rl_last_error(), node[2]->addr.path), "%s",
		  rl_last_error());
	cr_expect_not(strstr(rl_last_error(), node[1]->addr.path));
	server_restart(node[2], true);
	cr_expect_eq(rl_mutex_lock(&m), 0, "%s", rl_last_error());
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	rl_mutex_destroy(&m);
}

/* ----------------------------------------------------------------- deaths */

static void *lock_and_end(void *m)
{
	cr_assert_eq(rl_mutex_lock(m), 0);
	return NULL;
}

static void bury_a_holder(rl_mutex_t *m)
{
	pthread_t thread;

	cr_assert_eq(pthread_create(&thread, NULL, lock_and_end, m), 0);
	pthread_join(thread, NULL);
}

/* Whichever two of the nodes answer. */
Test(quorum_basic, a_death_is_told_whichever_node_is_down)
{
	struct want w = { .robust = true };
	rl_mutex_t m;

	for (int i = 0; i < NODES; i++) {
		make(&m, &w);
		bury_a_holder(&m);
		server_kill(node[i]);
		cr_expect_eq(rl_mutex_lock(&m), EOWNERDEAD, "%d: %s", i,
			     rl_last_error());
		cr_expect_eq(rl_mutex_consistent(&m), 0);
		cr_expect_eq(rl_mutex_unlock(&m), 0);
		cr_expect_eq(rl_mutex_lock(&m), 0);
		cr_expect_eq(rl_mutex_unlock(&m), 0);
		server_restart(node[i], false);
		cr_expect_eq(rl_mutex_lock(&m), 0);
		cr_expect_eq(rl_mutex_unlock(&m), 0);
		rl_mutex_destroy(&m);
	}
}

/* A node that has a hold and not its end is overruled by the others. */
Test(quorum_basic, a_node_that_missed_a_release_tells_no_death)
{
	struct want w = { .robust = true, .lease_ms = 10000 };
	rl_mutex_t m;

	for (int i = 0; i < NODES; i++) {
		make(&m, &w);
		cr_expect_eq(rl_mutex_lock(&m), 0);
		server_pause(node[i]);
		cr_expect_eq(rl_mutex_unlock(&m), 0);
		/* What was sent to it is lost with it. */
		rl_mutex_destroy(&m);
		server_resume(node[i]);
		server_wait_ready(node[i]);
		/* Its lease ends. */
		server_ask(node[i], "DEL rl:n");
		for (int other = 0; other < NODES; other++) {
			if (other == i)
				continue;
			server_pause(node[other]);
			make(&m, &w);
			cr_expect_eq(rl_mutex_lock(&m), 0, "%d %d", i, other);
			cr_expect_eq(rl_mutex_unlock(&m), 0);
			rl_mutex_destroy(&m);
			server_resume(node[other]);
			server_wait_ready(node[other]);
		}
	}
}

Test(quorum_basic, not_recoverable_until_a_reset_whichever_node_is_down)
{
	struct want w = { .robust = true };
	rl_mutex_t m;

	make(&m, &w);
	bury_a_holder(&m);
	cr_expect_eq(rl_mutex_lock(&m), EOWNERDEAD);
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	for (int i = 0; i < NODES; i++) {
		server_pause(node[i]);
		cr_expect_eq(rl_mutex_trylock(&m), ENOTRECOVERABLE, "%d: %s",
			     i, rl_last_error());
		server_resume(node[i]);
		server_wait_ready(node[i]);
	}
	server_pause(node[1]);
	cr_expect_eq(rl_mutex_reset(&m), 0);
	server_resume(node[1]);
	server_wait_ready(node[1]);
	/* One node has not heard of the reset, and another is missing. */
	server_kill(node[0]);
	cr_expect_eq(rl_mutex_lock(&m), 0, "%s", rl_last_error());
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	rl_mutex_destroy(&m);
}

/* ---------------------------------------------------------------- holding */

static void count(rl_mutex_t *m, int error, void *arg)
{
	(void)m;
	if (error == ESTALE)
		atomic_fetch_add((atomic_int *)arg, 1);
}

static bool has_k(void *arg)
{
	return server_ask_int(arg, "EXISTS rl:n") == 1;
}

Test(quorum_basic, a_node_that_forgot_gets_the_hold_again)
{
	atomic_int lost = 0;
	struct want w = { .lease_ms = 2000, .refresh_ms = 50, .onlost = count,
			  .arg = &lost };
	rl_mutex_t m;

	make(&m, &w);
	cr_expect_eq(rl_mutex_lock(&m), 0);
	for (int i = 0; i < NODES; i++) {
		server_restart(node[i], false);
		cr_expect(wait_until(has_k, node[i], WAIT_MS), "%d", i);
	}
	cr_expect_eq(lost, 0);
	cr_expect_eq(rl_mutex_unlock(&m), 0, "%s", rl_last_error());
	rl_mutex_destroy(&m);
}

static bool was_told(void *arg)
{
	return atomic_load((atomic_int *)arg) > 0;
}

Test(quorum_basic, a_hold_that_a_majority_does_not_confirm_is_lost)
{
	atomic_int lost = 0;
	struct want w = { .lease_ms = 300, .onlost = count, .arg = &lost };
	int64_t began;
	rl_mutex_t m;

	make(&m, &w);
	cr_expect_eq(rl_mutex_lock(&m), 0);
	began = wait_now_ms();
	server_kill(node[0]);
	server_kill(node[1]);
	cr_expect(wait_until(was_told, &lost, WAIT_MS));
	cr_expect_lt(wait_now_ms() - began, 2000);
	cr_expect_eq(rl_mutex_unlock(&m), ESTALE);
	server_restart(node[0], false);
	cr_expect_eq(rl_mutex_lock(&m), 0, "%s", rl_last_error());
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	cr_expect_eq(lost, 1);
	rl_mutex_destroy(&m);
}

Test(quorum_basic, a_release_that_is_not_awaited_reaches_all)
{
	struct want w = { .async = true };
	rl_mutex_t m;

	make(&m, &w);
	for (int i = 0; i < 50; i++) {
		cr_expect_eq(rl_mutex_lock(&m), 0);
		cr_expect_eq(rl_mutex_unlock(&m), 0);
	}
	cr_expect(holding_becomes("n", 0));
	rl_mutex_destroy(&m);
}

/* -------------------------------------------------------------- reset all */

Test(quorum_basic, reset_all_counts_a_lock_once)
{
	rl_mutexattr_t attr;
	rl_mutex_t a, b;
	size_t n = 0;

	make(&a, &(struct want){ .name = "a" });
	make(&b, &(struct want){ .name = "b" });
	cr_assert_eq(rl_mutex_lock(&a), 0);
	cr_assert_eq(rl_mutex_lock(&b), 0);
	server_kill(node[1]);
	rl_mutexattr_init(&attr);
	rl_mutexattr_setservers(&attr, all);
	cr_expect_eq(rl_reset_all(&attr, &n), 0, "%s", rl_last_error());
	cr_expect_eq(n, 2);
	rl_mutexattr_destroy(&attr);
	cr_expect_eq(rl_mutex_unlock(&a), ESTALE);
	cr_expect_eq(rl_mutex_unlock(&b), ESTALE);
	rl_mutex_destroy(&a);
	rl_mutex_destroy(&b);
}

/* One node has seen a higher number than the clock gives: it is asked twice,
 * and the others are, when they have nothing more to free. */
Test(quorum_basic, reset_all_counts_what_a_second_round_frees)
{
	rl_mutexattr_t attr;
	uint64_t fence;
	rl_mutex_t m;
	size_t n = 0;

	make(&m, &(struct want){ .name = "a" });
	MUST(rl_mutex_lock(&m));
	MUST(rl_mutex_fence(&m, &fence));
	server_kill(node[1]);
	lay_open(2, "a");
	server_ask(node[2], "HSET {rl:a}:rl:meta t %llu",
		   (unsigned long long)fence + 2000000000000);
	rl_mutexattr_init(&attr);
	rl_mutexattr_setservers(&attr, all);
	cr_expect_eq(rl_reset_all(&attr, &n), 0, "%s", rl_last_error());
	cr_expect_eq(n, 1);
	cr_expect_eq(holding("a"), 0);
	rl_mutexattr_destroy(&attr);
	EXPECT(rl_mutex_unlock(&m), ESTALE);
	rl_mutex_destroy(&m);
}

static int resume_later(struct proc *self, void *arg)
{
	(void)self;
	usleep(200000);
	server_resume(arg);
	return 0;
}

/* What node 2 has yet to answer comes before its part of the scan: taken for
 * that, the scan's cursor, "0", would be the name of a lock. */
Test(quorum_basic, reset_all_tells_its_answers_from_those_that_are_late)
{
	rl_mutexattr_t attr;
	rl_mutex_t m;
	struct proc *resumes;
	size_t n = 0;

	make(&m, &(struct want){ .name = "a" });
	MUST(rl_mutex_lock(&m));
	server_ask(node[0], "SET 0 precious");
	server_pause(node[2]);
	EXPECT(rl_mutex_locked(&m), EBUSY);
	resumes = proc_start(PROC_THREAD, resume_later, node[2]);
	rl_mutexattr_init(&attr);
	rl_mutexattr_setservers(&attr, all);
	cr_expect_eq(rl_reset_all(&attr, &n), 0, "%s", rl_last_error());
	cr_expect_eq(n, 1);
	cr_expect_eq(proc_join(resumes), 0);
	cr_expect_eq(holding("a"), 0);
	cr_expect_str_eq(server_ask(node[0], "GET 0"), "precious");
	rl_mutexattr_destroy(&attr);
	EXPECT(rl_mutex_unlock(&m), ESTALE);
	rl_mutex_destroy(&m);
}
