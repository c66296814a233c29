/*
 * A hold that had but a majority, of which a minority has lost all its data:
 * nobody else gets the lock, its owner is told of no loss, and the next renewal
 * sets K again wherever it can.
 */
#include "quorum.h"

static rl_mutex_t m, other;
static uint64_t fence;		/* of m's hold */

static void begin(int n, long lease_ms)
{
	nodes_begin(n, NULL);
	make(&m, &(struct want){ .lease_ms = lease_ms, .robust = true });
	make(&other, &(struct want){ .owner = "other", .robust = true });
	become_known(&m, "n");
}

static void three(void)
{
	begin(3, 0);
}

static void teardown(void)
{
	rl_mutex_destroy(&m);
	rl_mutex_destroy(&other);
	nodes_end();
}

/* In place of the suite's three. */
static void five(void)
{
	teardown();
	begin(5, 0);
}

/* Leases that are renewed while one waits for it. */
static void short_three(void)
{
	teardown();
	begin(3, 900);
}

/* Leases that are not renewed for as long as a test takes. */
static void long_three(void)
{
	teardown();
	begin(3, 60000);
}

TestSuite(quorum_forgets, .init = three, .fini = teardown);

static int minority(void)
{
	return (nodes - 1) / 2;
}

#define ATTEMPT "name:late#8000000000000000"

/* K of an attempt above m's, by a client that lives. */
static void try_at(int i)
{
	server_ask(node[i], "SET rl:n " ATTEMPT " PX 60000");
	lay_open(i, "n");
	server_ask(node[i], "HSET {rl:n}:rl:meta t %llu",
		   (unsigned long long)fence + 2);
}

/* m holds all nodes but the last ones, on which an attempt above it was undone
 * meanwhile; err is what its lock gives. */
static void hold_a_majority_with(int err)
{
	int i;

	for (i = nodes - minority(); i < nodes; i++)
		server_ask(node[i], "SET rl:n " ATTEMPT);
	cr_assert_eq(rl_mutex_lock(&m), err);
	OK(rl_mutex_fence(&m, &fence));
	for (i = nodes - minority(); i < nodes; i++) {
		server_ask(node[i], "DEL rl:n");
		lay_open(i, "n");
		server_ask(node[i], "HSET {rl:n}:rl:meta t %llu",
			   (unsigned long long)fence + 3);
	}
	cr_assert_eq(holding("n"), nodes - minority());
}

static void hold_a_majority(void)
{
	hold_a_majority_with(0);
}

static void forget(void)
{
	int i;

	for (i = 0; i < minority(); i++)
		server_ask(node[i], "FLUSHALL");
	cr_assert_eq(holding("n"), 1);
}

/* --------------------------------------------------------------- the others */

static void keep_others_out(void)
{
	uint64_t next;

	hold_a_majority();
	forget();
	EXPECT(rl_mutex_trylock(&other), EBUSY);
	EXPECT(timedlock_ms(&other, 300), ETIMEDOUT);
	OK(rl_mutex_unlock(&m));
	MUST(rl_mutex_lock(&other));
	OK(rl_mutex_fence(&other, &next));
	cr_expect_gt(next, fence);
	OK(rl_mutex_unlock(&other));
}

Test(quorum_forgets, nobody_else_gets_the_lock)
{
	keep_others_out();
}

Test(quorum_forgets, nor_if_two_of_five_forget, .init = five)
{
	keep_others_out();
}

/* Who would have the lock but for one that may know of another waits for that
 * one for longer than for any. */
Test(quorum_forgets, nor_while_one_that_remembers_is_slow)
{
	struct want want = { .robust = true };
	struct proc *p = party_start(PROC_THREAD, &want);
	int64_t began, took, err;

	hold_a_majority();
	forget();
	began = wait_now_ms();
	server_pause(node[1]);
	party_begin(p, TRYLOCK, 0);
	cr_expect_not(proc_heard(p, 200), "it did not wait");
	server_resume(node[1]);
	took = wait_now_ms() - began;
	err = proc_hear(p);
	cr_expect(err == EBUSY || took > 300, "%d after %d ms", (int)err,
		  (int)took);
	party_end(p);
}

/* Not within 300 ms, and not even by a question of the keeper's. */
static bool is_asked_no_more(void *arg)
{
	long long before = scripts_run(0);

	(void)arg;
	usleep(300000);
	return scripts_run(0) == before;
}

Test(quorum_forgets, who_waits_is_woken_by_the_unlock, .init = long_three)
{
	struct want want = { .owner = "waiter" };
	struct proc *p = party_start(PROC_THREAD, &want);
	int64_t t;

	hold_a_majority();
	forget();
	party_begin(p, LOCK, 0);
	cr_assert(waiters_become(1));
	/* Once it is sure that this is a hold, it does not ask all the time. */
	cr_assert(wait_until(is_asked_no_more, NULL, WAIT_MS));
	OK(rl_mutex_unlock(&m));
	t = wait_now_ms();
	cr_expect_eq(proc_hear(p), 0);
	cr_expect_lt(wait_now_ms() - t, 900);
	DID(p, UNLOCK, 0, 0);
	party_end(p);
}

Test(quorum_forgets, the_holder_is_still_seen)
{
	char owner[256];

	hold_a_majority();
	forget();
	OK(rl_mutex_owner(&other, owner, sizeof(owner)));
	cr_expect_eq(strncmp(owner, "thrd:", 5), 0, "%s", owner);
	EXPECT(rl_mutex_locked(&other), EBUSY);
	OK(rl_mutex_held(&m));
	OK(rl_mutex_unlock(&m));
	OK(rl_mutex_locked(&other));
}

/* --------------------------------------------------------------- the unlock */

/* An attempt has all nodes but the one that has m's hold. */
static void unlock_beside_an_attempt(const char *born, int err)
{
	int i, first = minority() + 1;

	hold_a_majority();
	forget();
	for (i = 0; i < minority(); i++)
		server_ask(node[i], "HSET {rl:n}:rl:meta b %s", born);
	for (i = 0; i < nodes; i++)
		if (i != first - 1)
			try_at(i);
	EXPECT(rl_mutex_unlock(&m), err);
}

/* It needs the votes of those that forgot, and must not count them. */
Test(quorum_forgets, an_attempt_is_not_taken_for_a_loss)
{
	unlock_beside_an_attempt("1000", 0);
}

Test(quorum_forgets, nor_on_five, .init = five)
{
	unlock_beside_an_attempt("1000", 0);
}

/* Its owner could not hear the node that has m's hold, and said so. */
Test(quorum_forgets, one_that_vouched_is)
{
	unlock_beside_an_attempt("-1000", ESTALE);
}

/* One forgot, and one is not to be heard: more than a minority. Then others get
 * the lock, and its holder is told. */
Test(quorum_forgets, a_loss_is_told)
{
	struct want want = { .owner = "process" };
	struct proc *p = party_start(PROC_PROCESS, &want);

	DID(p, TRYLOCK, 0, 0);
	DID(p, UNLOCK, 0, 0);
	hold_a_majority();
	forget();
	server_pause(node[1]);
	DID(p, TIMEDLOCK, 8000, 0);
	cr_expect_gt((uint64_t)party_do(p, FENCE, 0), fence);
	server_resume(node[1]);
	EXPECT(rl_mutex_unlock(&m), ESTALE);
	DID(p, UNLOCK, 0, 0);
	party_end(p);
}

/* -------------------------------------------------------------- the renewal */

Test(quorum_forgets, a_renewal_sets_it_where_attempts_were_undone,
     .init = short_three)
{
	int i;

	hold_a_majority();
	cr_expect(holding_becomes("n", 3));
	OK(rl_mutex_unlock(&m));
	cr_expect(holding_becomes("n", 0));
	/* What was undone is refused as before, and the unlock is known. */
	for (i = 0; i < nodes; i++) {
		lay_open(i, "n");
		cr_expect_eq(server_ask_int(node[i],
					    "HGET {rl:n}:rl:meta s"),
			     (long long)fence + 1, "node %d", i);
	}
	cr_expect_eq(server_ask_int(node[2], "HGET {rl:n}:rl:meta t"),
		     (long long)fence + 3);
}

Test(quorum_forgets, a_renewal_sets_it_where_it_was_forgotten,
     .init = short_three)
{
	int i;

	hold_a_majority();
	for (i = 0; i < 3; i++) {
		cr_expect(holding_becomes("n", 3));
		server_ask(node[i], "FLUSHALL");
		cr_expect_eq(rl_mutex_trylock(&other), EBUSY);
	}
	cr_expect(holding_becomes("n", 3));
	OK(rl_mutex_unlock(&m));
}

static int hold_and_die(struct proc *self, void *arg)
{
	(void)arg;
	make(&m, &(struct want){ .lease_ms = 900 });
	hold_a_majority();
	proc_tell(self, holding_becomes("n", 3));
	proc_hear(self);
	return 0;
}

/* The node on which it was set again tells of its death, as the only one. */
Test(quorum_forgets, the_death_of_one_set_again_is_told)
{
	struct proc *p = proc_start(PROC_PROCESS, hold_and_die, NULL);

	cr_assert_eq(proc_hear(p), 1);
	proc_kill(p);
	server_ask(node[0], "FLUSHALL");
	server_kill(node[1]);
	EXPECT(timedlock_ms(&other, 5000), EOWNERDEAD);
	OK(rl_mutex_consistent(&other));
	OK(rl_mutex_unlock(&other));
}

/* The owner's death before m's hold is known to its majority alone: not to the
 * node on which that was set again. */
Test(quorum_forgets, one_set_again_is_mended_by_another_process)
{
	struct want want = { .owner = "me", .robust = true, .lease_ms = 900 };
	struct proc *p = party_start(PROC_PROCESS, &want);
	int i;

	rl_mutex_destroy(&m);
	make(&m, &want);
	for (i = 0; i < nodes; i++) {
		lay_open(i, "n");
		server_ask(node[i], "HINCRBY {rl:n}:rl:meta t 1");
	}
	hold_a_majority_with(EOWNERDEAD);
	cr_expect(holding_becomes("n", 3));
	DID(p, CONSISTENT, 0, 0);
	party_end(p);
	rl_mutex_unlock(&m);
}

/* ------------------------------------------------ another process of the owner */

static const struct timespec a_minute = { .tv_sec = 60 };
static const struct want of_host = { .name = "h", .no_refresh = true,
				     .granularity = RL_GRANULARITY_HOST };

/* Node 2 answers when this is over already, and that it does not have it. */
static int extends(struct proc *self, void *arg)
{
	rl_mutex_t mine;
	int i;

	(void)arg;
	make(&mine, &of_host);
	PROC_CHECK(rl_mutex_held(&mine) == 0);
	proc_tell(self, 1);
	proc_hear(self);
	PROC_CHECK(rl_mutex_extend(&mine, &a_minute) == 0);
	proc_tell(self, 2);
	proc_hear(self);
	for (i = 0; i < 20; i++)
		PROC_CHECK(rl_mutex_held(&mine) == 0);
	return 0;
}

/* It knows the owner, and not the hold: so it cannot set that again. */
Test(quorum_forgets, who_extends_for_another_process_sets_nothing_again)
{
	rl_mutex_t host;
	struct proc *p;

	make(&host, &of_host);
	become_known(&host, "h");
	OK(rl_mutex_lock(&host));
	cr_assert(holding_becomes("h", 3));
	p = proc_start(PROC_PROCESS, extends, NULL);
	cr_expect_eq(proc_hear(p), 1);
	server_ask(node[2], "DEL rl:h {rl:h}:rl:meta");
	server_pause(node[2]);
	proc_tell(p, 1);
	cr_expect_eq(proc_hear(p), 2);
	server_resume(node[2]);
	cr_expect_gt(server_ask_int(node[0], "PTTL rl:h"), 50000);
	cr_expect_eq(server_ask_int(node[2], "EXISTS rl:h"), 0);
	proc_tell(p, 2);
	cr_expect_eq(proc_join(p), 0);
	cr_expect_eq(server_ask_int(node[2], "EXISTS rl:h"), 0);
	OK(rl_mutex_unlock(&host));
	cr_expect(holding_becomes("h", 0));
	rl_mutex_destroy(&host);
}
