/*
 * What the keeper renews, how often, and when it does not any more.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdatomic.h>

#include "keeper/tasks.h"
#include "waiting/party.h"

static struct server *srv;
static struct plan plan;
static rl_mutex_t mutex;

static void setup(void)
{
	srv = server_start(NULL);
	plan = (struct plan){ .servers = srv->url };
}

static void teardown(void)
{
	drop_mutex(&mutex);
	parties_end();
	server_stop(srv);
}

TestSuite(keeper_renewal, .init = setup, .fini = teardown);

static void hold(void)
{
	plan_mutex(&plan, &mutex);
	cr_assert_eq(rl_mutex_lock(&mutex), 0);
}

static int64_t remaining_ms(void)
{
	struct timespec left;

	if (rl_mutex_remaining(&mutex, &left))
		return -1;
	return left.tv_sec * 1000 + left.tv_nsec / 1000000;
}

static long long left(void)
{
	return server_ask_int(srv, "PTTL rl:lock");
}

/* Whether what is certain is not more than what is true. A renewal between the
 * two makes the truth greater only. */
static bool certain_is_true(void)
{
	int64_t certain = remaining_ms(), asked = wait_now_ms();
	long long truth = left();

	return certain <= truth + (wait_now_ms() - asked) + 1;
}

Test(keeper_renewal, a_lock_is_held_for_longer_than_its_lease)
{
	plan.lease = 1500;
	plan.interval = 200;
	hold();
	for (int i = 0; i < 20; i++) {
		pass_ms(120);
		cr_assert_gt(left(), 0);
		cr_assert_gt(remaining_ms(), 0);
		cr_assert(certain_is_true());
	}
	cr_expect_eq(rl_mutex_unlock(&mutex), 0);
}

struct pace {
	long lease, interval, during_ms;
	long long least, most; /* renewals */
};

ParameterizedTestParameters(keeper_renewal, keeps_the_interval)
{
	static struct pace paces[] = {
		{ 900, 0, 1900, 3, 6 },	    /* a third */
		{ 2000, 100, 1050, 5, 11 }, /* the first after 50 */
		{ 4000, 2500, 5300, 1, 2 }, /* more than a third */
		{ 10000, 0, 1500, 0, 0 },
	};

	return cr_make_param_array(struct pace, paces, 4);
}

/* The time that goes by is what is measured, and may be more than was asked
 * for; a machine that is slow renews less often, never more. */
ParameterizedTest(struct pace *pace, keeper_renewal, keeps_the_interval)
{
	long interval = pace->interval ? pace->interval : pace->lease / 3;
	int64_t began, more;
	long long n;

	plan.lease = pace->lease;
	plan.interval = pace->interval;
	hold();
	began = wait_now_ms();
	n = calls_of(srv, "evalsha");
	pass_ms(pace->during_ms);
	n = calls_of(srv, "evalsha") - n;
	more = wait_now_ms() - began - pace->during_ms;
	cr_expect_leq(n, pace->most + (more + interval - 1) / interval,
		      "%lld renewals", n);
	cr_expect_geq(n, pace->least, "%lld renewals", n);
	cr_expect_eq(rl_mutex_unlock(&mutex), 0);
}

#define MANY 200
#define SOME 64

Test(keeper_renewal, many_locks_go_in_one_pipeline)
{
	static rl_mutex_t many[MANY];
	long long reads, renewals;
	char name[20];
	int lost = 0;

	plan.lease = 3000;
	plan.name = name;
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "many%d", i);
		plan_mutex(&plan, &many[i]);
		cr_assert_eq(rl_mutex_lock(&many[i]), 0);
	}
	renewals = calls_of(srv, "evalsha");
	reads = server_info(srv, "total_reads_processed");
	pass_ms(4300);
	reads = server_info(srv, "total_reads_processed") - reads;
	renewals = calls_of(srv, "evalsha") - renewals;
	fprintf(stderr, "%lld renewals of %d locks in %lld reads\n", renewals,
		MANY, reads);
	cr_expect_geq(renewals, 3 * MANY);
	cr_expect_lt(reads, renewals / 4);
	for (int i = 0; i < MANY; i++)
		lost += rl_mutex_unlock(&many[i]) != 0;
	cr_expect_eq(lost, 0, "%d lost", lost);
}

/* Whether some were seen to be renewed while others were not. */
static bool spread(int round)
{
	rl_mutex_t some[SOME];
	long long before, n = 0;
	bool seen = false;
	char name[20];

	plan.name = name;
	for (int i = 0; i < SOME; i++) {
		snprintf(name, sizeof(name), "some%d-%d", round, i);
		plan_mutex(&plan, &some[i]);
		cr_assert_eq(rl_mutex_lock(&some[i]), 0);
	}
	before = calls_of(srv, "evalsha");
	while (n < SOME) {
		n = calls_of(srv, "evalsha") - before;
		seen |= n > SOME / 4 && n < SOME * 3 / 4;
		pass_ms(5);
	}
	for (int i = 0; i < SOME; i++) {
		cr_expect_eq(rl_mutex_unlock(&some[i]), 0);
		cr_expect_eq(rl_mutex_destroy(&some[i]), 0);
	}
	return seen;
}

/* A machine that stands still may hide it, but not three times. */
Test(keeper_renewal, those_of_locks_taken_at_once_are_spread)
{
	bool seen = false;

	plan.lease = 3000;
	for (int round = 0; !seen && round < 3; round++)
		seen = spread(round);
	cr_expect(seen);
}

Test(keeper_renewal, stops_with_the_unlock)
{
	long long n;

	plan.lease = 150;
	hold();
	cr_assert_eq(rl_mutex_unlock(&mutex), 0);
	n = calls_of(srv, "evalsha");
	pass_ms(600);
	cr_expect_eq(calls_of(srv, "evalsha"), n);
}

static int lock_and_end(struct proc *self, void *arg)
{
	(void)arg;
	PROC_CHECK(rl_mutex_lock(&mutex) == 0);
	proc_tell(self, 0);
	return 0;
}

static bool key_is_gone(void *key)
{
	return server_ask_int(srv, "EXISTS %s", (const char *)key) == 0;
}

Test(keeper_renewal, stops_with_the_thread_that_owns)
{
	char key[] = "rl:lock";
	struct proc *p;

	plan.lease = 400;
	plan_mutex(&plan, &mutex);
	p = proc_start(PROC_THREAD, lock_and_end, NULL);
	proc_hear(p);
	cr_assert_eq(proc_join(p), 0);
	cr_expect_gt(left(), 0);
	cr_expect(wait_until(key_is_gone, key, 2000));
	cr_expect_eq(rl_mutex_lock(&mutex), 0);
}

Test(keeper_renewal, goes_on_for_a_process_whose_thread_has_ended)
{
	struct proc *p;

	plan.lease = 1500;
	plan.interval = 200;
	plan.granularity = RL_GRANULARITY_PROCESS;
	plan_mutex(&plan, &mutex);
	p = proc_start(PROC_THREAD, lock_and_end, NULL);
	proc_hear(p);
	cr_assert_eq(proc_join(p), 0);
	for (int i = 0; i < 10; i++) {
		pass_ms(220);
		cr_assert_gt(left(), 0);
	}
	cr_expect_eq(rl_mutex_unlock(&mutex), 0);
}

static atomic_int told;

static void tell(rl_mutex_t *m, int error, void *arg)
{
	(void)m;
	(void)error;
	(void)arg;
	atomic_fetch_add(&told, 1);
}

static bool is_told(void *arg)
{
	(void)arg;
	return atomic_load(&told) > 0;
}

/* Not sooner than maxhold; then the lease is left to run out. */
Test(keeper_renewal, stops_after_maxhold)
{
	int64_t begun = wait_now_ms(), lost;

	plan.lease = 1000;
	plan.interval = 100;
	plan.maxhold = 1500;
	plan.onlost = tell;
	hold();
	cr_assert(wait_until(is_told, NULL, WAIT_MS));
	lost = wait_now_ms() - begun;
	cr_expect_geq(lost, 1500);
	cr_expect_leq(lost, 1500 + 1000 + 3000);
	cr_expect_eq(rl_mutex_unlock(&mutex), ESTALE);
	cr_expect_eq(atomic_load(&told), 1);
}

Test(keeper_renewal, maxhold_counts_anew_for_each_hold)
{
	plan.lease = 1000;
	plan.interval = 100;
	plan.maxhold = 2500;
	plan_mutex(&plan, &mutex);
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(rl_mutex_lock(&mutex), 0);
		pass_ms(1300);
		cr_assert_eq(rl_mutex_unlock(&mutex), 0);
	}
}

Test(keeper_renewal, is_off_if_switched_off)
{
	char key[] = "rl:lock";
	long long n;

	plan.lease = 300;
	plan.refresh = RL_REFRESH_OFF;
	hold();
	n = calls_of(srv, "evalsha");
	cr_expect(wait_until(key_is_gone, key, 2000));
	cr_expect_eq(calls_of(srv, "evalsha"), n);
	cr_expect_eq(rl_mutex_unlock(&mutex), ESTALE);
}

Test(keeper_renewal, never_shortens_what_extend_made_longer)
{
	struct timespec ts = from_ms(8000);

	plan.lease = 1000;
	plan.interval = 100;
	hold();
	cr_assert_eq(rl_mutex_extend(&mutex, &ts), 0);
	pass_ms(1200);
	cr_expect_gt(left(), 4000);
	cr_expect_gt(remaining_ms(), 4000);
	cr_expect(certain_is_true());
	/* refresh does what it says. */
	cr_expect_eq(rl_mutex_refresh(&mutex), 0);
	cr_expect_leq(left(), 1000);
	cr_expect_leq(remaining_ms(), 1000);
	pass_ms(1300);
	cr_expect_gt(left(), 0);
	cr_expect_eq(rl_mutex_unlock(&mutex), 0);
}

Test(keeper_renewal, keeps_alive_what_extend_made_shorter)
{
	struct timespec ts = from_ms(700);

	plan.lease = 6000;
	hold();
	cr_assert_eq(rl_mutex_extend(&mutex, &ts), 0);
	cr_expect_leq(left(), 700);
	cr_expect_leq(remaining_ms(), 700);
	pass_ms(1200);
	cr_expect_gt(left(), 0);
	cr_expect_gt(remaining_ms(), 0);
	cr_expect_eq(rl_mutex_unlock(&mutex), 0);
}

/* Errors on the way: it tries again until the validity has run out. */
Test(keeper_renewal, survives_what_befalls_its_connection)
{
	plan.lease = 1500;
	plan.interval = 200;
	plan.onlost = tell;
	hold();
	for (int i = 0; i < 6; i++) {
		server_ask(srv, "CLIENT KILL TYPE normal SKIPME yes");
		if (i % 2)
			server_ask(srv, "SCRIPT FLUSH");
		pass_ms(400);
		cr_assert_gt(left(), 0, "round %d", i);
	}
	cr_expect_eq(atomic_load(&told), 0);
	cr_expect_eq(rl_mutex_unlock(&mutex), 0);
}

Test(keeper_renewal, survives_a_server_that_stands_still_for_a_while)
{
	plan.lease = 4000;
	plan.interval = 200;
	plan.onlost = tell;
	hold();
	server_pause(srv);
	pass_ms(2600);
	server_resume(srv);
	pass_ms(1600);
	cr_expect_gt(left(), 2000);
	cr_expect_eq(atomic_load(&told), 0);
	cr_expect_eq(rl_mutex_unlock(&mutex), 0);
}

/* Many threads of the owner set the lease at the same time, and differently:
 * what is believed is never more than what is true. */
static atomic_bool enough;

static int extender(struct proc *self, void *arg)
{
	struct timespec ts = from_ms(*(long *)arg);

	(void)self;
	while (!atomic_load(&enough))
		PROC_CHECK(rl_mutex_extend(&mutex, &ts) == 0);
	return 0;
}

Test(keeper_renewal, believes_no_more_than_what_is_true)
{
	static long leases[] = { 3000, 60000, 5000 };
	struct proc *p[3];
	int64_t end = wait_now_ms() + 1500;

	plan.lease = 3000;
	plan.interval = 10;
	plan.granularity = RL_GRANULARITY_PROCESS;
	hold();
	for (int i = 0; i < 3; i++)
		p[i] = proc_start(PROC_THREAD, extender, &leases[i]);
	while (wait_now_ms() < end) {
		int64_t before = remaining_ms();

		cr_assert_gt(before, 0);
	}
	atomic_store(&enough, true);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(proc_join(p[i]), 0);
	/* Nothing is on its way now but renewals, which do not shorten. */
	cr_expect(certain_is_true());
	cr_expect_gt(remaining_ms(), 0);
	cr_expect_eq(rl_mutex_unlock(&mutex), 0);
}
