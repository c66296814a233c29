/*
 * Threads of one process whose owner is the process: they stand in a line of
 * their own, pass the lock on among themselves, and give others their turn.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "waiting/crowd.h"
#include "waiting/inside.h"
#include "waiting/party.h"

#define MS 1000000LL
#define CREW 5

static struct server *srv;
static struct plan plan;
static rl_mutex_t probe; /* of this process, never locked */

static void setup(void)
{
	srv = server_start(NULL);
	plan = (struct plan){ .servers = srv->url,
			      .granularity = RL_GRANULARITY_PROCESS };
}

static void teardown(void)
{
	parties_end();
	rl_mutex_destroy(&probe);
	server_stop(srv);
}

TestSuite(waiting_turns, .init = setup, .fini = teardown);

static struct proc *holding(void)
{
	struct proc *p;

	plan_mutex(&plan, &probe);
	p = party_start(PROC_THREAD, &plan);
	cr_assert_eq(party(p, LOCK, 0), 0);
	return p;
}

static struct proc *in_turn_line(int place)
{
	struct proc *p = party_start(PROC_THREAD, &plan);

	party_begin(p, LOCK, 0);
	cr_assert(turn_line_has(&probe, place));
	return p;
}

struct how {
	int granularity;
	long slice;
	char owner[8];
};

ParameterizedTestParameters(waiting_turns, threads_are_served_in_their_order)
{
	static struct how how[] = {
		{ RL_GRANULARITY_PROCESS, 0, "" },
		{ RL_GRANULARITY_PROCESS, NEVER, "" },
		{ RL_GRANULARITY_PROCESS, 60000000, "" },
		{ RL_GRANULARITY_HOST, 60000000, "" },
		{ RL_GRANULARITY_THREAD, 60000000, "me" },
	};

	return cr_make_param_array(struct how, how, 5);
}

ParameterizedTest(struct how *how, waiting_turns,
		  threads_are_served_in_their_order)
{
	struct proc *holder, *crew[CREW];

	plan.granularity = how->granularity;
	plan.slice = how->slice;
	plan.owner = how->owner[0] ? how->owner : NULL;
	holder = holding();
	for (int i = 0; i < CREW; i++)
		crew[i] = in_turn_line(i + 1);
	for (int i = 0; i < CREW; i++) {
		for (int j = i; j < CREW; j++)
			cr_assert(party_is_busy(crew[j]));
		cr_assert_eq(party(holder, UNLOCK, 0), 0);
		cr_assert_eq(party_end(crew[i]).err, 0);
		holder = crew[i];
	}
	cr_assert_eq(party(holder, UNLOCK, 0), 0);
}

/* It keeps the fence, costs no request, and the hold is the next one's. */
Test(waiting_turns, a_lock_is_passed_on_without_the_servers)
{
	struct proc *holder, *next;
	struct outcome first, second;
	long long asked;

	plan.slice = 60000000;
	holder = holding();
	party_begin(holder, FENCE, 0);
	first = party_end(holder);
	next = in_turn_line(1);
	asked = calls_of(srv, "evalsha");
	cr_assert_eq(party(holder, UNLOCK, 0), 0);
	cr_assert_eq(party_end(next).err, 0);
	party_begin(next, FENCE, 0);
	second = party_end(next);
	cr_expect_eq(calls_of(srv, "evalsha"), asked);
	cr_expect_eq(first.value, second.value);
	cr_expect_eq(party(next, UNLOCK, 0), 0);
	cr_expect_eq(party(holder, UNLOCK, 0), EPERM);
	cr_expect_eq(server_ask_int(srv, "EXISTS rl:lock"), 0);
}

Test(waiting_turns, after_the_slice_another_process_has_its_turn)
{
	struct proc *holder, *next, *other;

	plan.slice = NEVER;
	holder = holding();
	next = in_turn_line(1);
	other = party_start(PROC_PROCESS, &plan);
	party_begin(other, LOCK, 0);
	cr_assert(line_has(srv, 1));
	cr_assert_eq(party(holder, UNLOCK, 0), 0);
	cr_assert_eq(party_end(other).err, 0);
	cr_assert(party_is_busy(next));
	cr_assert_eq(party(other, UNLOCK, 0), 0);
	cr_assert_eq(party_end(next).err, 0);
	cr_assert_eq(party(next, UNLOCK, 0), 0);
}

Test(waiting_turns, one_that_times_out_leaves_the_line)
{
	struct proc *holder = holding(), *crew[2], *brief;

	crew[0] = in_turn_line(1);
	brief = party_start(PROC_THREAD, &plan);
	party_begin(brief, TIMEDLOCK, 300);
	cr_assert(turn_line_has(&probe, 2));
	crew[1] = in_turn_line(3);
	cr_assert_eq(party_end(brief).err, ETIMEDOUT);
	cr_assert_eq(turn_line(&probe), 2);
	cr_assert_eq(party(holder, UNLOCK, 0), 0);
	cr_assert_eq(party_end(crew[0]).err, 0);
	cr_assert_eq(party(crew[0], UNLOCK, 0), 0);
	cr_assert_eq(party_end(crew[1]).err, 0);
}

Test(waiting_turns, a_trylock_does_not_pass_those_who_wait)
{
	struct proc *holder = holding(), *next, *fresh;

	next = in_turn_line(1);
	fresh = party_start(PROC_THREAD, &plan);
	cr_expect_eq(party(fresh, TRYLOCK, 0), EBUSY);
	cr_assert_eq(party(holder, UNLOCK, 0), 0);
	cr_expect_eq(party(fresh, TRYLOCK, 0), EBUSY);
	cr_assert_eq(party_end(next).err, 0);
	cr_expect_eq(party(fresh, TRYLOCK, 0), EBUSY);
	cr_assert_eq(party(next, UNLOCK, 0), 0);
}

/* The unlock of a state that nobody mended reaches the servers, and the next
 * one learns it. */
Test(waiting_turns, an_unmended_lock_is_not_passed_on)
{
	struct proc *dead, *holder, *next;

	plan.slice = 60000000;
	plan.robust = RL_MUTEX_ROBUST;
	plan.lease = 300;
	dead = party_start(PROC_PROCESS, &plan);
	cr_assert_eq(party(dead, LOCK, 0), 0);
	party_kill(dead);
	plan.lease = 30000;
	plan_mutex(&plan, &probe);
	holder = party_start(PROC_THREAD, &plan);
	cr_assert_eq(party(holder, LOCK, 0), EOWNERDEAD);
	next = in_turn_line(1);
	cr_assert_eq(party(holder, UNLOCK, 0), 0);
	cr_assert_eq(party_end(next).err, ENOTRECOVERABLE);
}

Test(waiting_turns, a_mended_lock_is_passed_on_as_a_healthy_one)
{
	struct proc *dead, *holder, *next;

	plan.slice = 60000000;
	plan.robust = RL_MUTEX_ROBUST;
	plan.lease = 300;
	dead = party_start(PROC_PROCESS, &plan);
	cr_assert_eq(party(dead, LOCK, 0), 0);
	party_kill(dead);
	plan.lease = 30000;
	plan_mutex(&plan, &probe);
	holder = party_start(PROC_THREAD, &plan);
	cr_assert_eq(party(holder, LOCK, 0), EOWNERDEAD);
	next = in_turn_line(1);
	cr_assert_eq(party(holder, CONSISTENT, 0), 0);
	cr_assert_eq(party(holder, UNLOCK, 0), 0);
	cr_assert_eq(party_end(next).err, 0);
	cr_assert_eq(party(next, CONSISTENT, 0), EINVAL);
	cr_assert_eq(party(next, UNLOCK, 0), 0);
}

/* A thread that waits under other terms gets a hold of its own, by the
 * servers, and with the lease that it asked for. */
Test(waiting_turns, a_waiter_with_other_attributes_gets_its_own_hold)
{
	struct plan other;
	struct proc *holder, *next;

	plan.slice = 60000000;
	plan.lease = 20000;
	holder = holding();
	other = plan;
	other.lease = 90000;
	next = party_start(PROC_THREAD, &other);
	party_begin(next, LOCK, 0);
	cr_assert(turn_line_has(&probe, 1));
	cr_assert_eq(party(holder, UNLOCK, 0), 0);
	cr_assert_eq(party_end(next).err, 0);
	cr_expect_gt(server_ask_int(srv, "PTTL rl:lock"), 60000);
	cr_expect_eq(party(next, UNLOCK, 0), 0);
}

/* The lease has not half of its time left: the servers are asked. */
Test(waiting_turns, a_lock_that_is_about_to_end_is_not_passed_on)
{
	struct proc *holder, *next;
	long long asked;

	plan.slice = 60000000;
	plan.lease = 20000;
	plan.refresh = RL_REFRESH_OFF;
	holder = holding();
	cr_assert_eq(party(holder, EXTEND, 9000), 0);
	next = in_turn_line(1);
	asked = calls_of(srv, "evalsha");
	cr_assert_eq(party(holder, UNLOCK, 0), 0);
	cr_assert_eq(party_end(next).err, 0);
	cr_expect_geq(calls_of(srv, "evalsha"), asked + 2);
	cr_expect_gt(server_ask_int(srv, "PTTL rl:lock"), 15000);
	cr_expect_eq(party(next, UNLOCK, 0), 0);
}

struct loss {
	long lease;
	bool elsewhere; /* who resets it */
	char what[40];
};

ParameterizedTestParameters(waiting_turns, a_lock_taken_away_goes_to_the_next)
{
	static struct loss loss[] = {
		{ NEVER, false, "lease 0, reset in the process" },
		{ NEVER, true, "lease 0, reset elsewhere" },
		{ 2000, false, "a lease, reset in the process" },
		{ 2000, true, "a lease, reset elsewhere" },
	};

	return cr_make_param_array(struct loss, loss, 4);
}

ParameterizedTest(struct loss *loss, waiting_turns,
		  a_lock_taken_away_goes_to_the_next)
{
	struct proc *holder, *next, *other;

	plan.lease = loss->lease;
	holder = holding();
	next = in_turn_line(1);
	other = party_start(loss->elsewhere ? PROC_PROCESS : PROC_THREAD,
			    &plan);
	cr_assert_eq(party(other, RESET, 0), 0);
	cr_assert_eq(party_end(next).err, 0, "%s", loss->what);
	cr_expect_eq(party(holder, UNLOCK, 0), ESTALE);
	cr_expect_eq(party(next, HELD, 0), 0);
	cr_expect_eq(party(next, UNLOCK, 0), 0);
}

/* ------------------------------------------------------------- in a crowd */

struct deal {
	int granularity;
	long slice;
	char what[16];
};

ParameterizedTestParameters(waiting_turns, sums_of_8_threads_in_4_processes)
{
	static struct deal deals[] = {
		{ RL_GRANULARITY_THREAD, 0, "thread" },
		{ RL_GRANULARITY_PROCESS, 0, "process" },
		{ RL_GRANULARITY_PROCESS, NEVER, "process, each" },
		{ RL_GRANULARITY_HOST, 0, "host" },
	};

	return cr_make_param_array(struct deal, deals, 4);
}

/* Whether everybody had his share. */
static bool deal_out(const struct deal *deal, long target)
{
	struct field *f = field_new(&plan, 4, 8, target);
	bool fair;

	cr_assert_eq(crowd(f), 0);
	crowd_report(f, deal->what);
	cr_expect_eq(f->errors, 0);
	cr_expect_eq(f->overlaps, 0);
	cr_expect_eq(f->fences_back, 0);
	cr_expect_eq(f->sum, f->target);
	cr_expect_gt(f->turns, 10);
	fair = crowd_slowest(f) > target / 32 / 10;
	field_free(f);
	return fair;
}

/* With a slice of a millisecond the turns go round among the processes, and
 * within one among its threads. A machine that keeps one of them from running
 * for a good part of the time spoils a deal, but not each. */
ParameterizedTest(struct deal *deal, waiting_turns,
		  sums_of_8_threads_in_4_processes, .timeout = 300)
{
	const char *n = getenv("RL_TEST_HANDOVERS");
	long target = n ? atol(n) : 1600;
	bool fair = false;
	int i;

	/* Hundreds of holds to a slice: it takes many slices for all threads of
	 * a process to have had theirs. */
	if (deal->granularity && deal->slice != NEVER)
		target *= 100;
	plan.granularity = deal->granularity;
	plan.slice = deal->slice;
	for (i = 0; i < 4 && !fair; i++)
		fair = deal_out(deal, target << i);
	cr_expect(fair);
}
