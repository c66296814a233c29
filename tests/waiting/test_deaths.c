/*
 * Holders and waiters that die, and locks that are taken away: what those who
 * wait get of it, and when.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "waiting/party.h"

#define MS 1000000LL

static struct server *srv;
static struct plan plan;

static void setup(void)
{
	srv = server_start(NULL);
	plan = (struct plan){ .servers = srv->url };
}

static void teardown(void)
{
	parties_end();
	server_stop(srv);
}

TestSuite(waiting_deaths, .init = setup, .fini = teardown);

static struct proc *holding(enum proc_kind kind)
{
	struct proc *p = party_start(kind, &plan);

	cr_assert_eq(party(p, LOCK, 0), 0);
	return p;
}

static void begin_to_wait(struct proc *p, int line)
{
	party_begin(p, LOCK, 0);
	cr_assert(line_has(srv, line));
}

static struct proc *waiting(enum proc_kind kind, int line)
{
	struct proc *p = party_start(kind, &plan);

	begin_to_wait(p, line);
	return p;
}

/* Not before its lease has ended; late ones are counted. */
Test(waiting_deaths, the_lock_passes_on_when_the_lease_ends)
{
	int late = 0;

	plan.lease = 1000;
	plan.refresh = RL_REFRESH_OFF;
	for (int i = 0; i < 4; i++) {
		struct proc *holder = party_start(PROC_PROCESS, &plan);
		struct proc *next = party_start(PROC_PROCESS, &plan);
		struct outcome held, got;

		party_begin(holder, LOCK, 0);
		held = party_end(holder);
		cr_assert_eq(held.err, 0);
		begin_to_wait(next, 1);
		party_kill(holder);
		got = party_end(next);
		cr_assert_eq(got.err, 0);
		cr_assert_geq(got.done_ns, held.begun_ns + 1000 * MS);
		late += got.done_ns > held.done_ns + 1100 * MS;
		cr_assert_eq(party(next, UNLOCK, 0), 0);
		cr_assert_eq(party_leave(next), 0);
	}
	cr_expect_leq(late, 2);
}

/* As above, but the keeper renewed it until it died with the process. */
Test(waiting_deaths, a_renewed_lock_passes_on_when_its_last_lease_ends)
{
	struct proc *holder, *next;
	int64_t killed;
	long long left;
	struct outcome got;

	plan.lease = 1500;
	plan.robust = RL_MUTEX_ROBUST;
	holder = holding(PROC_PROCESS);
	next = waiting(PROC_PROCESS, 1);
	proc_pause(holder);
	left = server_ask_int(srv, "PTTL rl:lock");
	killed = wait_now_ns();
	party_kill(holder);
	got = party_end(next);
	cr_expect_eq(got.err, EOWNERDEAD);
	cr_expect_gt(got.done_ns, killed + (left - 100) * MS);
	cr_expect_lt(got.done_ns, killed + (left + 1000) * MS);
	cr_expect_eq(party(next, CONSISTENT, 0), 0);
	cr_expect_eq(party(next, UNLOCK, 0), 0);
}

/* A thread that returns while it holds: the process lives on. */
static int lock_and_end(struct proc *self, void *arg)
{
	rl_mutex_t *mutex = arg;

	PROC_CHECK(rl_mutex_lock(mutex) == 0);
	proc_tell(self, 0);
	proc_hear(self);
	return 0;
}

Test(waiting_deaths, a_robust_lock_of_a_thread_that_ends_passes_on_at_once)
{
	struct proc *holder, *next;
	struct outcome got;
	rl_mutex_t mutex;
	int64_t ended;

	plan.robust = RL_MUTEX_ROBUST;
	plan_mutex(&plan, &mutex);
	holder = proc_start(PROC_THREAD, lock_and_end, &mutex);
	proc_hear(holder);
	next = waiting(PROC_PROCESS, 1);
	ended = wait_now_ns();
	proc_tell(holder, 0);
	cr_expect_eq(proc_join(holder), 0);
	got = party_end(next);
	cr_expect_eq(got.err, EOWNERDEAD);
	cr_expect_lt(got.done_ns - ended, 3000 * MS);
	cr_expect_eq(party(next, CONSISTENT, 0), 0);
	cr_expect_eq(party(next, UNLOCK, 0), 0);
	cr_expect_eq(party_leave(next), 0);
	cr_expect_eq(rl_mutex_destroy(&mutex), 0);
}

Test(waiting_deaths, one_that_dies_unmended_tells_the_next_but_one)
{
	struct proc *holder, *second, *third;

	plan.lease = 1500;
	plan.robust = RL_MUTEX_ROBUST;
	holder = holding(PROC_PROCESS);
	second = waiting(PROC_PROCESS, 1);
	third = waiting(PROC_PROCESS, 2);
	party_kill(holder);
	cr_assert_eq(party_end(second).err, EOWNERDEAD);
	party_kill(second);
	cr_assert_eq(party_end(third).err, EOWNERDEAD);
	cr_expect_eq(party(third, CONSISTENT, 0), 0);
	cr_expect_eq(party(third, UNLOCK, 0), 0);
	cr_expect_eq(party(third, LOCK, 0), 0);
}

Test(waiting_deaths, an_unmended_unlock_is_learnt_by_all_who_wait)
{
	struct proc *holder, *second, *crew[4];

	plan.lease = 1500;
	plan.robust = RL_MUTEX_ROBUST;
	holder = holding(PROC_PROCESS);
	second = waiting(PROC_PROCESS, 1);
	for (int i = 0; i < 4; i++)
		crew[i] = waiting(i % 2 ? PROC_PROCESS : PROC_THREAD, 2 + i);
	party_kill(holder);
	cr_assert_eq(party_end(second).err, EOWNERDEAD);
	cr_assert_eq(party(second, UNLOCK, 0), 0);
	for (int i = 0; i < 4; i++)
		cr_expect_eq(party_end(crew[i]).err, ENOTRECOVERABLE);
	cr_expect_eq(party(second, RESET, 0), 0);
	cr_expect_eq(party(crew[0], LOCK, 0), 0);
}

/* The waiter's connection is gone from the line with it. */
Test(waiting_deaths, a_waiter_that_dies_never_blocks_the_line)
{
	struct proc *holder = holding(PROC_PROCESS), *crew[3], *last;
	int64_t released;

	for (int i = 0; i < 3; i++)
		crew[i] = waiting(PROC_PROCESS, i + 1);
	for (int i = 0; i < 3; i++)
		party_kill(crew[i]);
	last = waiting(PROC_PROCESS, 1);
	released = wait_now_ns();
	cr_assert_eq(party(holder, UNLOCK, 0), 0);
	cr_assert_eq(party_end(last).err, 0);
	cr_expect_lt(wait_now_ns() - released, 900 * MS);
	/* With nobody alive in the line a newcomer gets it at once. */
	crew[0] = waiting(PROC_PROCESS, 1);
	party_kill(crew[0]);
	cr_assert(line_has(srv, 0));
	cr_assert_eq(party(last, UNLOCK, 0), 0);
	cr_expect_eq(party(holder, TRYLOCK, 0), 0);
}

Test(waiting_deaths, flushall_frees_the_lock_for_the_first_waiter)
{
	struct proc *holder = holding(PROC_PROCESS);
	struct proc *first = waiting(PROC_PROCESS, 1);
	struct proc *second = waiting(PROC_THREAD, 2);
	int64_t flushed = wait_now_ns();

	server_ask(srv, "FLUSHALL");
	cr_assert_eq(party_end(first).err, 0);
	cr_expect_lt(wait_now_ns() - flushed, 2500 * MS);
	cr_assert(party_is_busy(second));
	cr_expect_eq(party(holder, UNLOCK, 0), ESTALE);
	cr_expect_eq(party(first, UNLOCK, 0), 0);
	cr_assert_eq(party_end(second).err, 0);
	cr_expect_eq(party(second, UNLOCK, 0), 0);
}

struct who {
	enum proc_kind holder, waiter, resetter;
	int granularity;
	long lease;
};

ParameterizedTestParameters(waiting_deaths, reset_goes_to_the_first_waiter)
{
	static struct who who[] = {
		{ PROC_PROCESS, PROC_PROCESS, PROC_PROCESS, 0, NEVER },
		{ PROC_THREAD, PROC_THREAD, PROC_THREAD, 0, NEVER },
		{ PROC_PROCESS, PROC_PROCESS, PROC_PROCESS,
		  RL_GRANULARITY_PROCESS, NEVER },
		{ PROC_PROCESS, PROC_PROCESS, PROC_PROCESS, 0, 0 },
	};

	return cr_make_param_array(struct who, who, 4);
}

ParameterizedTest(struct who *who, waiting_deaths,
		  reset_goes_to_the_first_waiter)
{
	struct proc *holder, *first, *second, *other;

	plan.lease = who->lease;
	plan.granularity = who->granularity;
	holder = holding(who->holder);
	first = waiting(who->waiter, 1);
	second = waiting(who->waiter, 2);
	other = party_start(who->resetter, &plan);
	cr_assert_eq(party(other, RESET, 0), 0);
	cr_assert_eq(party_end(first).err, 0);
	cr_assert(party_is_busy(second));
	cr_expect_eq(party(holder, UNLOCK, 0), ESTALE);
	cr_expect_eq(party(first, UNLOCK, 0), 0);
	cr_assert_eq(party_end(second).err, 0);
	cr_expect_eq(party(second, UNLOCK, 0), 0);
}

/* A holder that died with a lease of 0 holds until somebody resets. */
Test(waiting_deaths, a_lease_of_0_outlives_its_holder_until_reset)
{
	struct proc *holder, *first, *second;

	plan.lease = NEVER;
	holder = holding(PROC_PROCESS);
	first = waiting(PROC_PROCESS, 1);
	party_kill(holder);
	second = party_start(PROC_PROCESS, &plan);
	cr_expect_eq(party(second, TIMEDLOCK, 2500), ETIMEDOUT);
	cr_assert(party_is_busy(first));
	cr_expect_eq(party(second, RESET, 0), 0);
	cr_expect_eq(party_end(first).err, 0);
}
