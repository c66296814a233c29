/*
 * Servers that are gone, or say nothing: how long each call tries, what it
 * says then, and that it goes on when they are back.
 */
#include "faults/faults.h"
#include "support/proc.h"

static struct server *srv;
static rl_mutex_t m, rival;

static void setup(void)
{
	srv = server_start(&(struct server_options){ .persist = true,
						     .tcp = true });
}

static void teardown(void)
{
	rl_mutex_destroy(&m);
	server_stop(srv);
}

TestSuite(faults_outage, .init = setup, .fini = teardown);

static void use(const char *options)
{
	make(&m, &(struct want){ .url = srv->url, .options = options });
}

/* --------------------------------------------------------------- locking */

static void no_deadline(void)
{
	start_clock();
	cr_expect_eq(rl_mutex_lock(&m), ENOLCK);
	expect_took(400);
	expect_said(srv, "");
	cr_expect_eq(rl_mutex_unlock(&m), EPERM);
}

Test(faults_outage, lock_without_deadline_is_enolck_when_the_server_is_gone)
{
	use("outage_timeout=400");
	server_kill(srv);
	no_deadline();
}

Test(faults_outage, lock_without_deadline_is_enolck_when_the_server_is_silent)
{
	/* One answer is not waited for longer than that either. */
	use("outage_timeout=400&command_timeout=5000");
	cr_assert_eq(rl_mutex_locked(&m), 0);
	server_pause(srv);
	no_deadline();
	server_resume(srv);
	cr_expect_eq(lock_patiently(&m), 0);
}

static void with_deadline(void)
{
	start_clock();
	cr_expect_eq(timedlock_ms(&m, 400), ETIMEDOUT);
	expect_took(400);
	expect_said(srv, "");
	cr_expect_eq(rl_mutex_unlock(&m), EPERM);
}

Test(faults_outage, timedlock_is_etimedout_when_the_server_is_gone)
{
	use("outage_timeout=100");
	server_kill(srv);
	with_deadline();
}

Test(faults_outage, timedlock_is_etimedout_when_the_server_is_silent)
{
	use("outage_timeout=100&command_timeout=150");
	cr_assert_eq(rl_mutex_locked(&m), 0);
	server_pause(srv);
	with_deadline();
	server_resume(srv);
	cr_expect_eq(lock_patiently(&m), 0);
}

Test(faults_outage, lock_with_a_timeout_is_etimedout_then)
{
	rl_mutexattr_t attr;

	set_attr(&attr, &(struct want){ .url = srv->url });
	rl_mutexattr_settimeout(&attr, 400);
	cr_assert_eq(rl_mutex_init(&m, "n", &attr), 0);
	rl_mutexattr_destroy(&attr);
	server_kill(srv);
	start_clock();
	cr_expect_eq(rl_mutex_lock(&m), ETIMEDOUT);
	expect_took(400);
	expect_said(srv, "");
}

Test(faults_outage, trylock_makes_one_try)
{
	use("command_timeout=200");
	cr_assert_eq(rl_mutex_locked(&m), 0);
	server_pause(srv);
	start_clock();
	cr_expect_eq(rl_mutex_trylock(&m), ENOLCK);
	expect_took(200);
	expect_said(srv, "");
	server_kill(srv);
	start_clock();
	cr_expect_eq(rl_mutex_trylock(&m), ENOLCK);
	expect_took(0);
	expect_said(srv, "");
}

Test(faults_outage, queries_are_enolck)
{
	char owner[1200];
	size_t n;
	rl_mutexattr_t attr;

	use("outage_timeout=100");
	server_kill(srv);
	cr_expect_eq(rl_mutex_locked(&m), ENOLCK);
	cr_expect_eq(rl_mutex_held(&m), ENOLCK);
	cr_expect_eq(rl_mutex_owner(&m, owner, sizeof(owner)), ENOLCK);
	cr_expect_eq(rl_mutex_reset(&m), ENOLCK);
	set_attr(&attr, &(struct want){ .url = srv->url });
	cr_expect_eq(rl_reset_all(&attr, &n), ENOLCK);
	rl_mutexattr_destroy(&attr);
	expect_said(srv, "");
}

static int locker(struct proc *self, void *arg)
{
	(void)arg;
	proc_tell(self, 1);
	PROC_CHECK(rl_mutex_lock(&m) == 0);
	return rl_mutex_unlock(&m);
}

Test(faults_outage, lock_rides_out_an_outage)
{
	struct proc *p;

	use(NULL);
	cr_assert_eq(rl_mutex_locked(&m), 0);
	server_kill(srv);
	p = proc_start(PROC_THREAD, locker, NULL);
	proc_hear(p);
	cr_expect_not(proc_heard(p, 300), "it gave up");
	server_restart(srv, true);
	cr_expect_eq(proc_join(p), 0);
}

/* --------------------------------------------------------------- waiting */

static bool has_waiter(void *arg)
{
	(void)arg;
	return server_info(srv, "blocked_clients") == 1;
}

static int waiting_result;
static int64_t waiting_took;

static int waits(struct proc *self, void *arg)
{
	int *deadline = arg;
	int64_t began = wait_now_ms();

	(void)self;
	waiting_result = *deadline ? timedlock_ms(&m, *deadline)
				   : rl_mutex_lock(&m);
	waiting_took = wait_now_ms() - began;
	if (waiting_result)
		PROC_CHECK(strstr(rl_last_error(), srv->addr.path));
	return waiting_result ? 0 : rl_mutex_unlock(&m);
}

static struct proc *start_waiter(int *deadline)
{
	struct proc *p;

	make(&rival, &(struct want){ .url = srv->url, .owner = "rival",
				     .options = "command_timeout=200" });
	cr_assert_eq(rl_mutex_lock(&rival), 0);
	p = proc_start(PROC_THREAD, waits, deadline);
	cr_assert(wait_until(has_waiter, NULL, WAIT_MS));
	return p;
}

Test(faults_outage, a_waiter_without_deadline_is_enolck_when_silence_falls)
{
	int none = 0;
	struct proc *p;

	use("outage_timeout=700&command_timeout=200");
	p = start_waiter(&none);
	server_pause(srv);
	start_clock();
	cr_expect_eq(proc_join(p), 0);
	cr_expect_eq(waiting_result, ENOLCK, "%d", waiting_result);
	/* A question had to fail: asked within a second, and not answered. */
	cr_expect(wait_now_ms() - clock_began < 1000 + 200 + 2 * LATE);
	server_resume(srv);
	rl_mutex_unlock(&rival);
}

Test(faults_outage, a_waiter_with_a_deadline_is_etimedout_when_silence_falls)
{
	int deadline = 900;
	struct proc *p;

	use("command_timeout=200");
	p = start_waiter(&deadline);
	server_pause(srv);
	cr_expect_eq(proc_join(p), 0);
	cr_expect_eq(waiting_result, ETIMEDOUT);
	cr_expect(waiting_took >= 899 && waiting_took < 900 + LATE);
	server_resume(srv);
	rl_mutex_unlock(&rival);
}

Test(faults_outage, a_waiter_is_enolck_when_the_server_is_gone)
{
	int none = 0;
	struct proc *p;

	use("outage_timeout=400");
	p = start_waiter(&none);
	server_kill(srv);
	start_clock();
	cr_expect_eq(proc_join(p), 0);
	cr_expect_eq(waiting_result, ENOLCK);
	expect_took(0);
	rl_mutex_unlock(&rival);
}

Test(faults_outage, a_waiter_goes_on_when_the_server_is_back)
{
	int none = 0;
	struct proc *p;

	use(NULL);
	p = start_waiter(&none);
	server_restart(srv, true);
	cr_assert(wait_until(has_waiter, NULL, WAIT_MS));
	cr_expect_eq(rl_mutex_unlock(&rival), 0, "%s", rl_last_error());
	cr_expect_eq(proc_join(p), 0);
	cr_expect_eq(waiting_result, 0);
}

Test(faults_outage, a_waiter_gets_what_an_empty_server_forgot)
{
	int none = 0;
	struct proc *p;

	use(NULL);
	p = start_waiter(&none);
	server_restart(srv, false);
	cr_expect_eq(proc_join(p), 0);
	cr_expect_eq(waiting_result, 0);
	cr_expect_eq(rl_mutex_unlock(&rival), ESTALE);
}

Test(faults_outage, a_waiter_gets_what_flushall_forgot)
{
	int none = 0;
	struct proc *p;

	use(NULL);
	p = start_waiter(&none);
	server_ask(srv, "FLUSHALL");
	start_clock();
	cr_expect_eq(proc_join(p), 0);
	cr_expect_eq(waiting_result, 0);
	/* The next question makes the hand-off: within a second. */
	cr_expect(wait_now_ms() - clock_began < 1000 + LATE);
	cr_expect_eq(rl_mutex_unlock(&rival), ESTALE);
}

