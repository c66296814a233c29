/*
 * What it costs to wait: next to nothing.
 */
#include <criterion/criterion.h>

#include "waiting/party.h"

#define MS 1000000LL
#define WAITERS 8

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

TestSuite(waiting_idle, .init = setup, .fini = teardown);

static int64_t cpu_ns(pid_t pid)
{
	clockid_t clock;
	struct timespec ts;

	TEST_MUST(!clock_getcpuclockid(pid, &clock));
	TEST_MUST(!clock_gettime(clock, &ts));
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

/* How long it took: on a busy machine, longer. */
static int64_t pass_time(int64_t ms)
{
	struct timespec ts = from_ms(ms);
	int64_t began = wait_now_ns();

	while (nanosleep(&ts, &ts))
		;
	return wait_now_ns() - began;
}

/* The time that goes by here is what is measured. */
static void *wait_for_it(void *mutex)
{
	int err = rl_mutex_lock(mutex);

	return err || rl_mutex_unlock(mutex) ? mutex : NULL;
}

static int many_waiters(struct proc *self, void *arg)
{
	pthread_t thread[WAITERS];
	rl_mutex_t mutex;
	void *failed;

	plan_mutex(arg, &mutex);
	for (int i = 0; i < WAITERS; i++)
		PROC_CHECK(!pthread_create(&thread[i], NULL, wait_for_it,
					   &mutex));
	proc_hear(self);
	for (int i = 0; i < WAITERS; i++) {
		PROC_CHECK(!pthread_join(thread[i], &failed));
		PROC_CHECK(!failed);
	}
	return rl_mutex_destroy(&mutex);
}

/* A holder that asks nothing meanwhile: its lease lasts. */
static void measure(int granularity, int in_line)
{
	struct proc *holder, *crowd;
	long long asked, others;
	int64_t cpu, took;

	plan.granularity = granularity;
	plan.refresh = RL_REFRESH_OFF;
	plan.lease = 60000;
	holder = party_start(PROC_PROCESS, &plan);
	cr_assert_eq(party(holder, LOCK, 0), 0);
	crowd = proc_start(PROC_PROCESS, many_waiters, &plan);
	cr_assert(line_has(srv, in_line));
	server_ask(srv, "CONFIG RESETSTAT");
	cpu = cpu_ns(crowd->pid);
	took = pass_time(3000);
	cpu = cpu_ns(crowd->pid) - cpu;
	asked = calls_of(srv, "evalsha");
	others = calls_of(srv, "blpop") + calls_of(srv, "ping");
	fprintf(stderr, "3 s, %d waiters: %lld questions, %lld others, "
		"%.2f ms of CPU\n", WAITERS, asked, others, (double)cpu / 1e6);
	cr_expect_leq(asked, took / (1000 * MS) + 1);
	cr_expect_geq(asked, 1);
	cr_expect_eq(others, 0);
	cr_expect_lt(cpu, took / 200);
	cr_expect_eq(party(holder, UNLOCK, 0), 0);
	proc_tell(crowd, 0);
	cr_expect_eq(proc_join(crowd), 0);
}

Test(waiting_idle, threads_that_own_for_themselves_ask_once_a_second)
{
	measure(RL_GRANULARITY_THREAD, WAITERS);
}

Test(waiting_idle, a_process_with_one_place_in_the_line_asks_once_a_second)
{
	measure(RL_GRANULARITY_PROCESS, 1);
}

Test(waiting_idle, a_foreign_holder_is_missed_within_a_tenth_of_a_second)
{
	struct proc *waiter = party_start(PROC_PROCESS, &plan);
	int late = 0;

	for (int i = 0; i < 10; i++) {
		struct outcome got;
		int64_t freed;

		/* A release may leave a hand-off for those it believes to
		 * wait. */
		server_ask(srv, "FLUSHALL");
		cr_assert_str_eq(server_ask(srv, "SET rl:lock stranger NX PX "
					    "60000"), "OK");
		party_begin(waiter, LOCK, 0);
		cr_assert(line_has(srv, 1));
		freed = wait_now_ns();
		cr_assert_eq(server_ask_int(srv, "DEL rl:lock"), 1);
		got = party_end(waiter);
		cr_assert_eq(got.err, 0);
		cr_assert_geq(got.done_ns, freed);
		late += got.done_ns - freed > 100 * MS;
		cr_assert_eq(party(waiter, UNLOCK, 0), 0);
	}
	/* If it were looked once a second, nine. */
	cr_expect_leq(late, 7);
}

Test(waiting_idle, a_foreign_lease_that_ends_is_noticed)
{
	struct proc *waiter = party_start(PROC_PROCESS, &plan);
	struct outcome got;
	int64_t set = wait_now_ns();

	cr_assert_str_eq(server_ask(srv, "SET rl:lock stranger NX PX 700"),
			 "OK");
	party_begin(waiter, LOCK, 0);
	got = party_end(waiter);
	cr_expect_eq(got.err, 0);
	cr_expect_geq(got.done_ns - set, 700 * MS);
	cr_expect_lt(got.done_ns - set, 2000 * MS);
}
