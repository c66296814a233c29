/*
 * Who is next: the one that has waited longest, whatever became of the others.
 * That a waiter stands in the line is seen at the server, which counts the
 * clients it keeps blocked.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "support/proxy.h"
#include "waiting/party.h"

#define CREW 5

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

TestSuite(waiting_order, .init = setup, .fini = teardown);

static void start_all(enum proc_kind kind, struct proc **crew, int n)
{
	for (int i = 0; i < n; i++)
		crew[i] = party_start(kind, &plan);
}

/* They wait, one behind the other. */
static void join_line(struct proc **crew, int n, int before)
{
	for (int i = 0; i < n; i++) {
		party_begin(crew[i], LOCK, 0);
		cr_assert(line_has(srv, before + i + 1));
	}
}

/* n more parties that wait. */
static void line_up(enum proc_kind kind, struct proc **crew, int n, int before)
{
	start_all(kind, crew, n);
	join_line(crew, n, before);
}

/* Each is granted the lock when the one before it unlocks, and not sooner. */
static void serve(struct proc *holder, struct proc **crew, int n)
{
	for (int i = 0; i < n; i++) {
		for (int j = i; j < n; j++)
			cr_assert(party_is_busy(crew[j]), "%d at %d", j, i);
		cr_assert_eq(party(holder, UNLOCK, 0), 0);
		cr_assert_eq(party_end(crew[i]).err, 0);
		holder = crew[i];
	}
	cr_assert_eq(party(holder, UNLOCK, 0), 0);
}

struct who {
	enum proc_kind kind;
	int granularity;
};

ParameterizedTestParameters(waiting_order, arrival)
{
	static struct who who[] = {
		{ PROC_THREAD, RL_GRANULARITY_THREAD },
		{ PROC_PROCESS, RL_GRANULARITY_THREAD },
		{ PROC_PROCESS, RL_GRANULARITY_PROCESS },
		{ PROC_PROCESS, RL_GRANULARITY_HOST },
	};

	return cr_make_param_array(struct who, who, 4);
}

ParameterizedTest(struct who *who, waiting_order, arrival)
{
	struct proc *holder, *crew[CREW];

	plan.granularity = who->granularity;
	holder = party_start(who->kind, &plan);
	cr_assert_eq(party(holder, LOCK, 0), 0);
	line_up(who->kind, crew, CREW, 0);
	serve(holder, crew, CREW);
	cr_expect_eq(party_leave(holder), 0);
	for (int i = 0; i < CREW; i++)
		cr_expect_eq(party_leave(crew[i]), 0);
}

Test(waiting_order, threads_and_processes_stand_in_one_line)
{
	struct proc *holder = party_start(PROC_PROCESS, &plan);
	struct proc *crew[4];

	cr_assert_eq(party(holder, LOCK, 0), 0);
	for (int i = 0; i < 4; i++)
		line_up(i % 2 ? PROC_THREAD : PROC_PROCESS, &crew[i], 1, i);
	serve(holder, crew, 4);
	cr_expect_eq(party_leave(holder), 0);
	for (int i = 0; i < 4; i++)
		cr_expect_eq(party_leave(crew[i]), 0);
}

/* Nobody renews and nobody unlocks: every lease runs out while others wait. */
Test(waiting_order, lasts_longer_than_the_leases)
{
	struct proc *holder, *crew[3];
	int64_t before, lease_ms = 1000;

	plan.lease = lease_ms;
	plan.refresh = RL_REFRESH_OFF;
	holder = party_start(PROC_PROCESS, &plan);
	start_all(PROC_PROCESS, crew, 3);
	party_begin(holder, LOCK, 0);
	before = party_end(holder).begun_ns;
	join_line(crew, 3, 0);
	for (int i = 0; i < 3; i++) {
		struct outcome out = party_end(crew[i]);

		cr_assert_eq(out.err, 0);
		cr_assert_geq(out.done_ns - before, lease_ms * 1000000,
			      "%d came before the lease ended", i);
		for (int j = i + 1; j < 3; j++)
			cr_assert(party_is_busy(crew[j]));
		before += lease_ms * 1000000;
	}
	cr_expect_eq(party(crew[2], UNLOCK, 0), 0);
	cr_expect_eq(party(holder, UNLOCK, 0), ESTALE);
}

Test(waiting_order, holds_when_every_holder_is_killed)
{
	struct proc *holder, *crew[4];

	plan.lease = 1500;
	plan.interval = 100;
	plan.robust = RL_MUTEX_ROBUST;
	holder = party_start(PROC_PROCESS, &plan);
	start_all(PROC_PROCESS, crew, 4);
	cr_assert_eq(party(holder, LOCK, 0), 0);
	join_line(crew, 4, 0);
	for (int i = 0; i < 4; i++) {
		party_kill(holder);
		cr_assert_eq(party_end(crew[i]).err, EOWNERDEAD);
		holder = crew[i];
	}
	cr_expect_eq(party(holder, CONSISTENT, 0), 0);
	cr_expect_eq(party(holder, UNLOCK, 0), 0);
	cr_expect_eq(party_leave(holder), 0);
}

Test(waiting_order, whoever_gives_up_leaves_the_line)
{
	struct proc *holder = party_start(PROC_PROCESS, &plan);
	struct proc *crew[2], *brief;

	cr_assert_eq(party(holder, LOCK, 0), 0);
	line_up(PROC_PROCESS, crew, 1, 0);
	brief = party_start(PROC_PROCESS, &plan);
	party_begin(brief, TIMEDLOCK, 400);
	cr_assert(line_has(srv, 2));
	line_up(PROC_PROCESS, crew + 1, 1, 2);
	cr_assert_eq(party_end(brief).err, ETIMEDOUT);
	cr_assert(line_has(srv, 2));
	serve(holder, crew, 2);
}

Test(waiting_order, whoever_is_killed_leaves_the_line)
{
	struct proc *holder = party_start(PROC_PROCESS, &plan);
	struct proc *crew[4], *left[2];

	cr_assert_eq(party(holder, LOCK, 0), 0);
	line_up(PROC_PROCESS, crew, 4, 0);
	party_kill(crew[0]);
	party_kill(crew[2]);
	cr_assert(line_has(srv, 2));
	left[0] = crew[1];
	left[1] = crew[3];
	serve(holder, left, 2);
}

/* The server hands the lock to a process that stands still, and gives it to
 * the next when it does not claim it. */
static void hand_over_to_a_stopped_one(bool kill_it)
{
	struct proc *holder = party_start(PROC_PROCESS, &plan);
	struct proc *crew[3];
	int64_t released;

	cr_assert_eq(party(holder, LOCK, 0), 0);
	line_up(PROC_PROCESS, crew, 3, 0);
	proc_pause(crew[0]);
	party_begin(holder, UNLOCK, 0);
	released = party_end(holder).done_ns;
	cr_assert(line_has(srv, 2));
	if (kill_it)
		party_kill(crew[0]);
	cr_assert_eq(party_end(crew[1]).err, 0);
	cr_expect_lt(wait_now_ns() - released, 4000 * 1000000LL);
	cr_assert(party_is_busy(crew[2]));
	if (!kill_it) {
		/* Its token is worth nothing any more: it waits again. */
		proc_resume(crew[0]);
		cr_assert(line_has(srv, 2));
	}
	serve(crew[1], crew + 2, 1);
	if (!kill_it)
		cr_expect_eq(party_end(crew[0]).err, 0);
}

Test(waiting_order, a_waiter_killed_after_the_hand_off_costs_a_second)
{
	hand_over_to_a_stopped_one(true);
}

Test(waiting_order, a_waiter_stopped_at_the_hand_off_costs_a_second)
{
	hand_over_to_a_stopped_one(false);
}

/* Tries until somebody says stop; gives how often it was granted. */
static int newcomer(struct proc *self, void *arg)
{
	rl_mutex_t mutex;
	int granted = 0;

	plan_mutex(arg, &mutex);
	proc_tell(self, 0);
	while (!proc_heard(self, 0))
		if (rl_mutex_trylock(&mutex) != EBUSY)
			granted++;
	return granted;
}

Test(waiting_order, a_newcomer_does_not_win_as_the_lease_runs_out)
{
	struct proc *holder, *fresh, *crew[3];

	plan.lease = 1000;
	plan.refresh = RL_REFRESH_OFF;
	holder = party_start(PROC_PROCESS, &plan);
	start_all(PROC_PROCESS, crew, 3);
	cr_assert_eq(party(holder, LOCK, 0), 0);
	join_line(crew, 3, 0);
	fresh = proc_start(PROC_PROCESS, newcomer, &plan);
	proc_hear(fresh);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(party_end(crew[i]).err, 0);
	proc_tell(fresh, 0);
	cr_expect_eq(proc_join(fresh), 0);
}

static bool key_is(const char *value)
{
	const char *now = server_ask(srv, "GET rl:lock");

	return now && !strcmp(now, value);
}

Test(waiting_order, a_newcomer_that_locks_as_the_lease_runs_out_is_last)
{
	struct proc *holder, *fresh, *crew[2];
	char held[300];

	plan.lease = 800;
	plan.refresh = RL_REFRESH_OFF;
	holder = party_start(PROC_PROCESS, &plan);
	plan.lease = 10000;
	fresh = party_start(PROC_PROCESS, &plan);
	start_all(PROC_PROCESS, crew, 2);
	cr_assert_eq(party(holder, LOCK, 0), 0);
	join_line(crew, 2, 0);
	snprintf(held, sizeof(held), "%s", server_ask(srv, "GET rl:lock"));
	/* Those that wait may have it handed on before anybody sees it free. */
	while (key_is(held))
		;
	party_begin(fresh, LOCK, 0);
	cr_assert_eq(party_end(crew[0]).err, 0);
	cr_assert(party_is_busy(fresh));
	cr_assert_eq(party(crew[0], UNLOCK, 0), 0);
	cr_assert_eq(party_end(crew[1]).err, 0);
	cr_assert(party_is_busy(fresh));
	cr_assert_eq(party(crew[1], UNLOCK, 0), 0);
	cr_assert_eq(party_end(fresh).err, 0);
}

Test(waiting_order, one_release_wakes_one_waiter)
{
	struct proc *holder, *crew[CREW];
	long long asked, asked_after, waited;

	holder = party_start(PROC_PROCESS, &plan);
	cr_assert_eq(party(holder, LOCK, 0), 0);
	line_up(PROC_THREAD, crew, CREW, 0);
	/* Begin just behind a question, so that none comes between. */
	asked = calls_of(srv, "evalsha");
	while ((asked_after = calls_of(srv, "evalsha")) == asked)
		;
	waited = calls_of(srv, "blpop");
	cr_assert_eq(party(holder, UNLOCK, 0), 0);
	cr_assert_eq(party_end(crew[0]).err, 0);
	/* The release, and the claim of the one that was woken; a question
	 * may come between after all. */
	cr_expect_leq(calls_of(srv, "evalsha") - asked_after, 3);
	/* Newer servers count a wait when it ends: that of the one. */
	cr_expect_leq(calls_of(srv, "blpop") - waited, 1);
	cr_expect_eq(server_info(srv, "blocked_clients"), CREW - 1);
	serve(crew[0], crew + 1, CREW - 1);
	for (int i = 0; i < CREW; i++)
		cr_expect_eq(party_leave(crew[i]), 0);
}

/* It has been told that the lock is held, and its place in the line is still
 * on the wire while others come and go. */
Test(waiting_order, a_waiter_that_is_late_on_the_wire_is_not_forgotten)
{
	struct proxy *proxy = proxy_start(&srv->addr, false);
	struct plan far = { .servers = proxy->url };
	struct proc *holder = party_start(PROC_PROCESS, &plan);
	struct proc *late = party_start(PROC_PROCESS, &far);

	cr_assert_eq(party(holder, LOCK, 0), 0);
	proxy_arm(proxy, &(struct proxy_rule){ .command = "EVALSHA",
		.dir = TO_SERVER, .action = PROXY_HOLD });
	party_begin(late, LOCK, 0);
	cr_assert(proxy_fires(proxy));
	for (int i = 0; i < 4; i++) {
		cr_assert_eq(party(holder, UNLOCK, 0), 0);
		cr_assert_eq(party(holder, LOCK, 0), 0);
	}
	proxy_release(proxy);
	cr_assert(line_has(srv, 1));
	cr_assert_eq(party(holder, UNLOCK, 0), 0);
	party_begin(holder, LOCK, 0);
	cr_assert_eq(party_end(late).err, 0);
	cr_assert(party_is_busy(holder));
	cr_assert_eq(party(late, UNLOCK, 0), 0);
	cr_assert_eq(party_end(holder).err, 0);
	proxy_stop(proxy);
}
