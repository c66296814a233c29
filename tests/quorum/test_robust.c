/*
 * Owners that died, over nodes that have not all heard the same.
 */
#include "quorum.h"

#include <signal.h>

#define LEASE 2000

static rl_mutex_t m, other;

static void setup(void)
{
	nodes_begin(3, &(struct server_options){ .persist = true });
	make(&m, &(struct want){ .lease_ms = LEASE, .robust = true });
	make(&other, &(struct want){ .owner = "other", .robust = true,
				     .lease_ms = LEASE });
}

static void teardown(void)
{
	rl_mutex_destroy(&m);
	rl_mutex_destroy(&other);
	nodes_end();
}

TestSuite(quorum_robust, .init = setup, .fini = teardown);

static int holds_and_dies(struct proc *self, void *arg)
{
	rl_mutex_t mine;

	(void)arg;
	make(&mine, &(struct want){ .owner = "late", .robust = true,
				    .lease_ms = LEASE });
	PROC_CHECK(rl_mutex_lock(&mine) == 0);
	proc_tell(self, 1);
	proc_hear(self);
	return 0;
}

static struct proc *start_holder(void)
{
	struct proc *p = proc_start(PROC_PROCESS, holds_and_dies, NULL);

	cr_assert_eq(proc_hear(p), 1);
	return p;
}

static void mend_and_unlock(rl_mutex_t *mutex)
{
	OK(rl_mutex_consistent(mutex));
	OK(rl_mutex_unlock(mutex));
}

/* Each node of those that can be asked missed something: 0 and 1 took the hold
 * that died, 2 did not; then any two of them are asked. */
Test(quorum_robust, a_death_is_told_by_any_majority)
{
	struct proc *p;
	int i;

	for (i = 0; i < 3; i++) {
		p = start_holder();
		cr_assert(holding_becomes("n", 3));
		proc_kill(p);
		server_kill(node[i]);
		EXPECT(timedlock_ms(&m, LEASE + 3000), EOWNERDEAD);
		mend_and_unlock(&m);
		server_restart(node[i], true);
		OK(timedlock_ms(&other, LEASE + 3000));
		OK(rl_mutex_unlock(&other));
	}
}

Test(quorum_robust, a_node_that_missed_the_hold_does_not_forget_its_death)
{
	struct proc *p;

	server_kill(node[2]);
	p = start_holder();
	proc_kill(p);
	server_restart(node[2], true);
	server_kill(node[0]);
	EXPECT(timedlock_ms(&m, LEASE + 3000), EOWNERDEAD);
	mend_and_unlock(&m);
}

Test(quorum_robust, a_node_that_missed_the_unlock_tells_no_death)
{
	int i;

	for (i = 0; i < 3; i++) {
		OK(rl_mutex_lock(&m));
		cr_assert(holding_becomes("n", 3));
		server_kill(node[i]);
		OK(rl_mutex_unlock(&m));
		server_restart(node[i], true);
		/* Its lease has run out there; another is missing now. */
		cr_assert(holding_becomes("n", 0));
		server_kill(node[(i + 1) % 3]);
		OK(timedlock_ms(&other, LEASE + 3000));
		OK(rl_mutex_unlock(&other));
		server_restart(node[(i + 1) % 3], true);
		cr_assert(holding_becomes("n", 0));
	}
}

/* An unlock that found K at one node only, for the others had missed
 * renewals or the hold: it settles where it is not, too. */
Test(quorum_robust, an_unlock_settles_where_its_key_is_gone)
{
	OK(rl_mutex_lock(&m));
	cr_assert(holding_becomes("n", 3));
	server_ask(node[1], "DEL rl:n");
	server_kill(node[2]);
	OK(rl_mutex_unlock(&m));
	server_restart(node[2], true);
	cr_assert(holding_becomes("n", 0));
	server_kill(node[0]);
	OK(timedlock_ms(&other, LEASE + 3000));
	OK(rl_mutex_unlock(&other));
}

Test(quorum_robust, an_attempt_in_vain_forgets_no_death)
{
	struct proc *p = start_holder();
	int i;

	cr_assert(holding_becomes("n", 3));
	proc_kill(p);
	cr_assert(holding_becomes("n", 0));
	/* One node alone accepts, and is told that it came to nothing. */
	for (i = 0; i < 3; i++) {
		server_kill(node[i]);
		server_kill(node[(i + 1) % 3]);
		EXPECT(rl_mutex_trylock(&m), ENOLCK);
		cr_expect(holding_becomes("n", 0));
		server_restart(node[i], true);
		server_restart(node[(i + 1) % 3], true);
	}
	EXPECT(timedlock_ms(&other, LEASE + 3000), EOWNERDEAD);
	mend_and_unlock(&other);
	OK(rl_mutex_lock(&m));
	OK(rl_mutex_unlock(&m));
}

Test(quorum_robust, an_attempt_in_vain_tells_no_death)
{
	int i;

	OK(rl_mutex_lock(&m));
	OK(rl_mutex_unlock(&m));
	for (i = 0; i < 3; i++) {
		server_kill(node[i]);
		server_kill(node[(i + 1) % 3]);
		EXPECT(rl_mutex_trylock(&other), ENOLCK);
		cr_expect(holding_becomes("n", 0));
		server_restart(node[i], true);
		server_restart(node[(i + 1) % 3], true);
	}
	OK(timedlock_ms(&m, LEASE + 3000));
	OK(rl_mutex_unlock(&m));
}

static void *dies_as_a_thread(void *arg)
{
	MUST(rl_mutex_lock(arg));
	return NULL;
}

Test(quorum_robust, a_thread_that_ends_holding_is_told_at_once)
{
	pthread_t thread;
	int64_t t;

	OK(pthread_create(&thread, NULL, dies_as_a_thread, &m));
	OK(pthread_join(thread, NULL));
	t = wait_now_ms();
	EXPECT(timedlock_ms(&other, 5000), EOWNERDEAD);
	cr_expect_lt(wait_now_ms() - t, LEASE - 500);
	mend_and_unlock(&other);
}

static void make_not_recoverable(void)
{
	struct proc *p = start_holder();

	proc_kill(p);
	EXPECT(timedlock_ms(&m, LEASE + 3000), EOWNERDEAD);
	OK(rl_mutex_unlock(&m));
	EXPECT(rl_mutex_trylock(&other), ENOTRECOVERABLE);
}

Test(quorum_robust, not_recoverable_is_so_at_any_majority)
{
	int i;

	make_not_recoverable();
	for (i = 0; i < 3; i++) {
		server_kill(node[i]);
		EXPECT(timedlock_ms(&m, 3000), ENOTRECOVERABLE);
		EXPECT(timedlock_ms(&other, 3000), ENOTRECOVERABLE);
		server_restart(node[i], true);
	}
}

Test(quorum_robust, a_node_that_missed_the_reset_is_overruled)
{
	make_not_recoverable();
	server_kill(node[1]);
	OK(rl_mutex_reset(&m));
	server_restart(node[1], true);
	OK(timedlock_ms(&m, 3000));
	OK(rl_mutex_unlock(&m));
	server_kill(node[0]);
	OK(timedlock_ms(&other, 3000));
	OK(rl_mutex_unlock(&other));
	server_restart(node[0], true);
	server_kill(node[2]);
	OK(timedlock_ms(&m, 3000));
	OK(rl_mutex_unlock(&m));
}
