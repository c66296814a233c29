/*
 * Waits that end by the clock: never before their deadline, as a rule a few
 * milliseconds after it, and as a grant if the lock comes with it.
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

TestSuite(waiting_times, .init = setup, .fini = teardown);

struct who {
	enum proc_kind kind;
	int granularity;
	char what[16];
};

ParameterizedTestParameters(waiting_times, a_wait_ends_at_its_deadline)
{
	static struct who who[] = {
		{ PROC_THREAD, RL_GRANULARITY_THREAD, "at the server" },
		{ PROC_PROCESS, RL_GRANULARITY_PROCESS, "at the server" },
		{ PROC_THREAD, RL_GRANULARITY_PROCESS, "in the process" },
	};

	return cr_make_param_array(struct who, who, 3);
}

/* Others keep the server awake, which then ends waits to the millisecond. */
static int traffic(struct proc *self, void *arg)
{
	rl_mutex_t mutex;

	plan_mutex(arg, &mutex);
	while (!proc_heard(self, 0)) {
		PROC_CHECK(rl_mutex_lock(&mutex) == 0);
		PROC_CHECK(rl_mutex_unlock(&mutex) == 0);
	}
	return 0;
}

/* The attribute's timeout counts from the call, in the same way. */
ParameterizedTest(struct who *who, waiting_times, a_wait_ends_at_its_deadline)
{
	struct plan other = { .servers = srv->url, .name = "other" };
	struct plan held;
	struct proc *holder, *waiter, *busy;
	int64_t worst = 0;
	int late = 0;

	plan.granularity = who->granularity;
	held = plan;
	plan.timeout = 35;
	holder = party_start(who->kind, &held);
	waiter = party_start(who->kind, &plan);
	busy = proc_start(PROC_PROCESS, traffic, &other);
	cr_assert_eq(party(holder, LOCK, 0), 0);
	for (int i = 0; i < 60; i++) {
		if (i == 30) {
			proc_tell(busy, 0);
			cr_assert_eq(proc_join(busy), 0);
		}
		int ms = i % 3 ? 2 + 3 * (i % 20) : 35;
		struct outcome out;
		int64_t over;

		party_begin(waiter, i % 3 ? TIMEDLOCK : LOCK, ms);
		out = party_end(waiter);
		cr_assert_eq(out.err, ETIMEDOUT);
		over = out.done_ns - out.begun_ns - ms * MS;
		cr_assert_geq(over, 0, "%d ms: %lld ns too early", ms,
			      (long long)-over);
		late += over > 10 * MS;
		if (over > worst)
			worst = over;
	}
	fprintf(stderr, "%s: worst %.2f ms after, %d of 60 over 10 ms\n",
		who->what, (double)worst / 1e6, late);
	cr_expect_leq(late, 20);
	cr_expect_eq(party_leave(waiter), 0);
}

Test(waiting_times, a_deadline_that_has_passed_takes_a_free_lock_only)
{
	struct proc *a = party_start(PROC_PROCESS, &plan);
	struct proc *b = party_start(PROC_PROCESS, &plan);

	cr_expect_eq(party(a, TIMEDLOCK, -1000), 0);
	cr_expect_eq(party(b, TIMEDLOCK, -1000), ETIMEDOUT);
	cr_expect_eq(party(a, UNLOCK, 0), 0);
	cr_expect_eq(party(b, TIMEDLOCK, -1000), 0);
}

static void until(int64_t moment_ns)
{
	struct timespec ts = { .tv_sec = moment_ns / 1000000000,
			       .tv_nsec = moment_ns % 1000000000 };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL))
		;
}

/*
 * The lock is freed about when the wait ends, again and again: it is granted,
 * or it is free for the next at once. A token that got lost in between would
 * cost the next one a second.
 */
Test(waiting_times, a_token_that_comes_at_the_deadline_is_a_grant)
{
	struct proc *holder = party_start(PROC_PROCESS, &plan);
	struct proc *waiter = party_start(PROC_PROCESS, &plan);
	struct proc *next = party_start(PROC_PROCESS, &plan);
	int granted = 0, slow = 0;

	for (int i = 0; i < 120; i++) {
		int64_t begun, freed;
		struct outcome out, after;

		cr_assert_eq(party(holder, LOCK, 0), 0);
		begun = wait_now_ns();
		party_begin(waiter, TIMEDLOCK, 15);
		until(begun + 15 * MS + (i % 31 - 15) * (MS / 10));
		party_begin(holder, UNLOCK, 0);
		cr_assert_eq(party_end(holder).err, 0);
		freed = wait_now_ns();
		out = party_end(waiter);
		if (out.err == 0) {
			granted++;
			cr_assert_eq(party(waiter, HELD, 0), 0);
			cr_assert_eq(party(waiter, UNLOCK, 0), 0);
		} else {
			cr_assert_eq(out.err, ETIMEDOUT);
			cr_assert_eq(party(waiter, UNLOCK, 0), EPERM);
		}
		party_begin(next, LOCK, 0);
		after = party_end(next);
		cr_assert_eq(after.err, 0);
		slow += after.done_ns - freed > 500 * MS;
		cr_assert_eq(party(next, UNLOCK, 0), 0);
	}
	fprintf(stderr, "%d of 120 granted, %d slow\n", granted, slow);
	cr_expect_leq(slow, 2);
	cr_expect(granted > 5 && granted < 115, "%d granted", granted);
}
