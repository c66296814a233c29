/*
 * Another process asks for a lock that is delegated: it gets it within one
 * recall, whatever the threads of the first one do, and they their share.
 */
#include "delegation/delegation.h"

#define TURNS 20
#define BUSY 4

TestSuite(delegation_recall, .init = setup, .fini = teardown);

Test(delegation_recall, one_that_rests_goes_at_once)
{
	struct proc *other = party_start(PROC_PROCESS, &plan);

	let_it_rest();
	cr_expect_lt(turn_of(other), IDLE_MS);
}

static bool somebody_waits(void *arg)
{
	(void)arg;
	return server_ask_int(srv, "HEXISTS {rl:lock}:rl:meta w");
}

Test(delegation_recall, one_that_is_held_goes_with_the_unlock)
{
	struct proc *other = party_start(PROC_PROCESS, &plan);

	let_it_rest();
	cr_assert_eq(rl_mutex_lock(&mutex), 0);
	party_begin(other, TIMEDLOCK, PATIENCE);
	cr_assert(wait_until(somebody_waits, NULL, WAIT_MS));
	cr_assert(party_is_busy(other));
	cr_assert_eq(rl_mutex_unlock(&mutex), 0);
	cr_assert_eq(party_end(other).err, 0);
	cr_assert_eq(party(other, UNLOCK, 0), 0);
}

Test(delegation_recall, one_that_is_held_is_waited_for_to_the_deadline)
{
	struct proc *other = party_start(PROC_PROCESS, &plan);

	let_it_rest();
	cr_assert_eq(rl_mutex_lock(&mutex), 0);
	cr_expect_eq(party(other, TRYLOCK, 0), EBUSY);
	cr_expect_eq(party(other, TIMEDLOCK, 50), ETIMEDOUT);
	cr_expect_eq(rl_mutex_unlock(&mutex), 0);
	cr_expect_eq(rl_mutex_lock(&mutex), 0);
	cr_expect_eq(rl_mutex_unlock(&mutex), 0);
}

/* A process that does not delegate recalls all the same. */
Test(delegation_recall, by_a_mutex_without_delegation)
{
	struct plan plain = plan;
	struct proc *other;

	plain.delegation = RL_DELEGATION_OFF;
	plain.granularity = RL_GRANULARITY_THREAD;
	other = party_start(PROC_PROCESS, &plain);
	let_it_rest();
	cr_expect_lt(turn_of(other), SOON);
	other = party_start(PROC_THREAD, &plain);
	cr_assert_eq(rl_mutex_lock(&mutex), 0);
	cr_assert_eq(rl_mutex_unlock(&mutex), 0);
	cr_expect_lt(turn_of(other), SOON);
}

/* --------------------------------------------------- while threads hammer */

#include "waiting/busy.h"

struct deal {
	int threads, granularity;
	long slice;
};

ParameterizedTestParameters(delegation_recall, threads_that_hammer_give_way)
{
	static struct deal deals[] = {
		{ 1, RL_GRANULARITY_PROCESS, 0 },
		{ BUSY, RL_GRANULARITY_PROCESS, 0 },
		{ BUSY, RL_GRANULARITY_PROCESS, NEVER },
		{ BUSY, RL_GRANULARITY_PROCESS, 60000000 },
		{ BUSY, RL_GRANULARITY_HOST, 0 },
	};

	return cr_make_param_array(struct deal, deals, 5);
}

/* Mostly at once: a question that has to repeat a recall may be due once. */
ParameterizedTest(struct deal *deal, delegation_recall,
		  threads_that_hammer_give_way)
{
	struct proc *other;
	int late = 0;

	plan.slice = deal->slice;
	plan.granularity = deal->granularity;
	other = party_start(PROC_PROCESS, &plan);
	begin(deal->threads);
	for (int i = 0; i < TURNS; i++)
		late += turn_of(other) >= SOON;
	end(deal->threads);
	cr_expect_leq(late, 1);
}

/* ------------------------------------------------------------ mishaps */

/* What cannot be heard is not kept. */
Test(delegation_recall, connections_that_break_lose_no_recall)
{
	struct proc *other = party_start(PROC_PROCESS, &plan);

	begin(1);
	for (int i = 0; i < 5; i++) {
		server_ask(srv, "CLIENT KILL TYPE normal");
		cr_expect_lt(turn_of(other), 3000);
	}
	end(1);
}

Test(delegation_recall, after_a_reset_the_process_does_not_go_on)
{
	struct proc *other = party_start(PROC_PROCESS, &plan);
	uint64_t before, after;

	plan.lease = 60000;
	plan_mutex(&plan, &mutex);
	cr_assert_eq(rl_mutex_lock(&mutex), 0);
	cr_assert_eq(rl_mutex_fence(&mutex, &before), 0);
	cr_assert_eq(rl_mutex_unlock(&mutex), 0);
	cr_assert_eq(party(other, RESET, 0), 0);
	cr_assert_eq(turn_of(other) < SOON, 1);
	cr_assert_eq(timedlock_ms(&mutex, PATIENCE), 0);
	cr_assert_eq(rl_mutex_fence(&mutex, &after), 0);
	cr_expect_gt(after, before);
	cr_expect_eq(rl_mutex_unlock(&mutex), 0);
}

/* Another process of the owner cannot end what the first hands out. */
Test(delegation_recall, only_the_process_it_is_delegated_to_unlocks)
{
	struct proc *other;

	plan.granularity = RL_GRANULARITY_HOST;
	other = party_start(PROC_PROCESS, &plan);
	let_it_rest();
	cr_expect_eq(party(other, UNLOCK, 0), EPERM);
	cr_assert_eq(rl_mutex_lock(&mutex), 0);
	cr_expect_eq(party(other, UNLOCK, 0), EPERM);
	cr_expect_eq(rl_mutex_unlock(&mutex), 0);
}

/* Of each hold: the process keeps it for longer, and it is renewed. */
Test(delegation_recall, a_maxhold_is_of_one_hold)
{
	int64_t began = wait_now_ms(), end = began + WAIT_MS;
	long long renewed = 0, calls = 0;

	plan.lease = 4000;
	plan.interval = 30;
	plan.maxhold = 100;
	plan_mutex(&plan, &mutex);
	for (; renewed < 5 && wait_now_ms() < end;) {
		cr_assert_eq(rl_mutex_lock(&mutex), 0);
		cr_assert_eq(rl_mutex_unlock(&mutex), 0);
		if (wait_now_ms() - began < 3 * plan.maxhold)
			calls = calls_of(srv, "evalsha");
		else
			renewed = calls_of(srv, "evalsha") - calls;
	}
	cr_expect_geq(renewed, 5);
}

/* ---------------------------------------------------------- in a crowd */

struct many {
	int granularity, processes, threads;
	char what[16];
};

ParameterizedTestParameters(delegation_recall, sums_of_threads_in_processes)
{
	static struct many many[] = {
		{ RL_GRANULARITY_PROCESS, 4, 8, "process" },
		{ RL_GRANULARITY_PROCESS, 8, 1, "alone in it" },
		{ RL_GRANULARITY_HOST, 3, 3, "host" },
	};

	return cr_make_param_array(struct many, many, 3);
}

ParameterizedTest(struct many *many, delegation_recall,
		  sums_of_threads_in_processes, .timeout = 300)
{
	const char *n = getenv("RL_TEST_HANDOVERS");
	struct field *f;

	plan.granularity = many->granularity;
	f = field_new(&plan, many->processes, many->threads,
		      n ? atol(n) : 20000);
	cr_assert_eq(crowd(f), 0);
	crowd_report(f, many->what);
	cr_expect_eq(f->errors, 0);
	cr_expect_eq(f->overlaps, 0);
	cr_expect_eq(f->fences_back, 0);
	cr_expect_eq(f->sum, f->target);
	field_free(f);
}
