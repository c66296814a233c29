/*
 * Requests that run although nobody hears of it: the answer is dropped, comes
 * late, or its connection is cut again and again. What is said is true, and
 * what was taken for nobody goes with the release that follows it, or at the
 * latest with its lease.
 */
#include "faults/faults.h"
#include "support/proc.h"

static struct server *srv;
static struct proxy *proxy;
static rl_mutex_t m, rival;

static void setup(void)
{
	srv = server_start(NULL);
	proxy = proxy_start(&srv->addr, false);
	make(&rival, &(struct want){ .url = srv->url, .owner = "rival" });
}

static void teardown(void)
{
	proxy_stop(proxy);
	server_stop(srv);
}

TestSuite(faults_lost_answer, .init = setup, .fini = teardown);

static void use(const char *options, int64_t lease)
{
	make(&m, &(struct want){ .url = proxy->url, .options = options,
				 .lease_ms = lease });
	/* The server knows the scripts now, even if the lease was too short. */
	cr_assert_eq(lock_patiently(&m), 0);
	cr_assert_neq(rl_mutex_unlock(&m), EPERM);
}

static void arm(enum proxy_dir dir, enum proxy_action action)
{
	proxy_arm(proxy, &(struct proxy_rule){ .command = "EVALSHA",
					       .dir = dir, .action = action });
}

static void expect_held(void)
{
	char owner[1200];
	uint64_t fence;

	cr_expect_eq(rl_mutex_owner(&m, owner, sizeof(owner)), 0);
	cr_expect(held_by(srv, NULL, owner), "K is '%s'", value_of(srv, NULL));
	cr_expect_eq(rl_mutex_fence(&m, &fence), 0);
	cr_expect_eq(fence, fence_of(srv, NULL));
	cr_expect_eq(rl_mutex_trylock(&rival), EBUSY);
}

static void expect_recovers(void)
{
	int err = timedlock_ms(&m, 5000);

	cr_expect_eq(err, 0, "%d: %s", err, rl_last_error());
	expect_held();
	cr_expect_eq(rl_mutex_unlock(&m), 0, "%s", rl_last_error());
	cr_expect(is_free(srv, NULL));
}

/* ------------------------------------------------------------------ silence */

Test(faults_lost_answer, a_lock_whose_answer_is_dropped_is_asked_for_again)
{
	use("command_timeout=150", 0);
	arm(TO_CLIENT, PROXY_DROP);
	expect_recovers();
	cr_expect(proxy_fired(proxy));
}

Test(faults_lost_answer, a_trylock_whose_answer_is_dropped_leaves_no_ghost)
{
	use("command_timeout=150", 0);
	arm(TO_CLIENT, PROXY_DROP);
	cr_expect_eq(rl_mutex_trylock(&m), ENOLCK);
	cr_expect(proxy_fired(proxy));
	/* Its release was sent behind it. */
	cr_expect(becomes_free(srv, NULL, 1000));
	cr_expect_eq(rl_mutex_unlock(&m), EPERM);
	expect_recovers();
}

Test(faults_lost_answer, a_request_that_is_held_up_leaves_no_ghost)
{
	use("command_timeout=150", 0);
	proxy_act(proxy, TO_SERVER, PROXY_HOLD);
	cr_expect_eq(rl_mutex_trylock(&m), ENOLCK);
	proxy_release(proxy);
	expect_recovers();
}

Test(faults_lost_answer, an_unlock_whose_answer_is_dropped_is_true)
{
	use("command_timeout=150", 0);
	cr_assert_eq(rl_mutex_lock(&m), 0);
	arm(TO_CLIENT, PROXY_DROP);
	cr_expect_eq(rl_mutex_unlock(&m), 0, "%s", rl_last_error());
	cr_expect(proxy_fired(proxy));
	cr_expect(is_free(srv, NULL));
	cr_expect_eq(rl_mutex_unlock(&m), EPERM);
}

Test(faults_lost_answer, an_unlock_whose_answer_never_comes_is_enolck)
{
	use("command_timeout=150&outage_timeout=300", 0);
	cr_assert_eq(rl_mutex_lock(&m), 0);
	proxy_act(proxy, TO_CLIENT, PROXY_DROP);
	proxy_refuse(proxy, true);
	cr_expect_eq(rl_mutex_unlock(&m), ENOLCK);
	cr_expect_eq(rl_mutex_unlock(&m), EPERM);
	cr_expect(is_free(srv, NULL));
}

/* ------------------------------------------------------------ cut for good */

/* The server runs the request, its answer is cut, and nobody can connect. */
static void cut_for_good(void)
{
	arm(TO_CLIENT, PROXY_CUT);
	proxy_refuse(proxy, true);
}

Test(faults_lost_answer, a_trylock_cut_for_good_leaves_a_ghost_for_one_lease)
{
	use(NULL, 1000);
	cut_for_good();
	cr_expect_eq(rl_mutex_trylock(&m), ENOLCK);
	cr_expect_eq(rl_mutex_unlock(&m), EPERM);
	cr_expect_not(is_free(srv, NULL));
	cr_expect(becomes_free(srv, NULL, 1050));
	proxy_refuse(proxy, false);
	expect_recovers();
}

Test(faults_lost_answer, a_lock_that_finds_its_own_ghost_holds_it)
{
	struct timespec left;

	use(NULL, 2000);
	arm(TO_CLIENT, PROXY_CUT);
	cr_expect_eq(rl_mutex_lock(&m), 0);
	cr_expect(proxy_fired(proxy));
	cr_expect_eq(rl_mutex_remaining(&m, &left), 0);
	cr_expect(left.tv_sec < 2);
	expect_held();
	cr_expect_eq(rl_mutex_unlock(&m), 0);
}

Test(faults_lost_answer, a_lock_cut_for_good_is_enolck)
{
	use("outage_timeout=700", 1000);
	cut_for_good();
	cr_expect_eq(rl_mutex_lock(&m), ENOLCK);
	cr_expect(becomes_free(srv, NULL, 1050));
	proxy_refuse(proxy, false);
	expect_recovers();
}

Test(faults_lost_answer, a_refresh_cut_for_good_changes_nothing_it_knows_of)
{
	struct timespec before, after;

	make(&m, &(struct want){ .url = proxy->url, .no_refresh = true,
				 .options = "outage_timeout=700" });
	cr_assert_eq(rl_mutex_lock(&m), 0);
	cr_assert_eq(rl_mutex_refresh(&m), 0);
	cr_assert_eq(rl_mutex_remaining(&m, &before), 0);
	cut_for_good();
	cr_expect_eq(rl_mutex_refresh(&m), ENOLCK);
	cr_expect_eq(rl_mutex_remaining(&m, &after), 0);
	cr_expect(after.tv_sec < before.tv_sec ||
		  after.tv_nsec < before.tv_nsec);
	proxy_refuse(proxy, false);
	cr_expect_eq(rl_mutex_unlock(&m), 0);
}

/* ------------------------------------------------------------- late answers */

Test(faults_lost_answer, a_grant_later_than_the_lease_is_none)
{
	use("outage_timeout=600", 200);
	proxy_delay(proxy, TO_CLIENT, 250);
	cr_expect_eq(rl_mutex_trylock(&m), ENOLCK);
	cr_expect(strstr(rl_last_error(), "lease"), "%s", rl_last_error());
	cr_expect_eq(rl_mutex_unlock(&m), EPERM);
	cr_expect(is_free(srv, NULL));
	cr_expect_eq(timedlock_ms(&m, 700), ETIMEDOUT);
	cr_expect_eq(timedlock_ms(&m, -1), ETIMEDOUT);
	cr_expect(strstr(rl_last_error(), "lease"), "%s", rl_last_error());
	/* For who locks, that is an outage. */
	cr_expect_eq(rl_mutex_lock(&m), ENOLCK);
	cr_expect_eq(rl_mutex_unlock(&m), EPERM);
	proxy_delay(proxy, TO_CLIENT, 0);
	expect_recovers();
}

Test(faults_lost_answer, the_validity_counts_from_before_the_request)
{
	struct timespec left;

	use(NULL, 2300);
	proxy_delay(proxy, TO_CLIENT, 300);
	cr_expect_eq(rl_mutex_lock(&m), 0);
	cr_expect_eq(rl_mutex_remaining(&m, &left), 0);
	cr_expect(left.tv_sec < 2);
	proxy_delay(proxy, TO_CLIENT, 0);
	cr_expect_eq(rl_mutex_unlock(&m), 0);
}

/* ----------------------------------------------- paused, killed, unblocked */

Test(faults_lost_answer, a_pause_longer_than_the_patience_leaves_no_ghost)
{
	use("command_timeout=100", 0);
	server_ask(srv, "CLIENT PAUSE 450 ALL");
	expect_recovers();
}

Test(faults_lost_answer, a_stop_longer_than_the_patience_leaves_no_ghost)
{
	use("command_timeout=100", 0);
	server_pause(srv);
	cr_expect_eq(rl_mutex_trylock(&m), ENOLCK);
	cr_expect_eq(timedlock_ms(&m, 250), ETIMEDOUT);
	server_resume(srv);
	expect_recovers();
}

Test(faults_lost_answer, a_pause_longer_than_the_lease_loses_the_hold)
{
	use("command_timeout=100", 300);
	cr_assert_eq(rl_mutex_lock(&m), 0);
	server_ask(srv, "CLIENT PAUSE 700 ALL");
	/* It is at the end of the validity that this gives up. */
	cr_expect_eq(rl_mutex_unlock(&m), ENOLCK);
	cr_expect_eq(rl_mutex_unlock(&m), EPERM);
	expect_recovers();
}

static bool has_waiter(void *arg)
{
	(void)arg;
	return server_info(srv, "blocked_clients") == 1;
}

static bool has_no_waiter(void *arg)
{
	return !has_waiter(arg);
}

static int waiter(struct proc *self, void *arg)
{
	(void)self;
	(void)arg;
	PROC_CHECK(rl_mutex_lock(&m) == 0);
	return rl_mutex_unlock(&m);
}

/* The id of the client that waits. */
static long long waiter_id(void)
{
	const char *list = server_ask(srv, "CLIENT LIST");
	const char *blpop = strstr(list, "cmd=blpop");

	cr_assert(blpop);
	while (blpop > list && blpop[-1] != '\n')
		blpop--;
	return strtoll(blpop + 3, NULL, 10);
}

static void disturb_waiter(const char *command)
{
	struct proc *p;
	char text[80];

	use(NULL, 0);
	cr_assert_eq(rl_mutex_lock(&rival), 0);
	p = proc_start(PROC_THREAD, waiter, NULL);
	cr_assert(wait_until(has_waiter, NULL, WAIT_MS));
	snprintf(text, sizeof(text), command, waiter_id());
	cr_assert_str_eq(server_ask(srv, text), "1");
	/* It comes back into the line by itself. */
	wait_until(has_no_waiter, NULL, 50);
	cr_expect(wait_until(has_waiter, NULL, 2000));
	cr_expect_eq(rl_mutex_unlock(&rival), 0);
	cr_expect_eq(proc_join(p), 0);
}

Test(faults_lost_answer, a_waiter_whose_connection_is_killed_waits_on)
{
	disturb_waiter("CLIENT KILL ID %lld");
}

Test(faults_lost_answer, a_waiter_that_is_unblocked_waits_on)
{
	disturb_waiter("CLIENT UNBLOCK %lld TIMEOUT");
}

Test(faults_lost_answer, a_waiter_that_is_unblocked_with_an_error_waits_on)
{
	disturb_waiter("CLIENT UNBLOCK %lld ERROR");
}

Test(faults_lost_answer, a_waiter_with_a_deadline_survives_a_flushed_script)
{
	struct proc *p;

	use(NULL, 0);
	cr_assert_eq(rl_mutex_lock(&rival), 0);
	p = proc_start(PROC_THREAD, waiter, NULL);
	cr_assert(wait_until(has_waiter, NULL, WAIT_MS));
	server_ask(srv, "SCRIPT FLUSH");
	cr_expect_eq(rl_mutex_unlock(&rival), 0);
	cr_expect_eq(proc_join(p), 0);
}

/* ----------------------------------------------------- asynchronous unlock */

Test(faults_lost_answer, an_asynchronous_unlock_keeps_its_connection)
{
	int i;

	make(&m, &(struct want){ .url = proxy->url, .async = true });
	for (i = 0; i < 200; i++) {
		cr_assert_eq(rl_mutex_lock(&m), 0);
		cr_assert_eq(rl_mutex_unlock(&m), 0);
	}
	cr_expect_eq(proxy_stats(proxy).accepted, 1);
	cr_expect(becomes_free(srv, NULL, 1000));
}

Test(faults_lost_answer, an_asynchronous_unlock_of_a_new_server_is_run)
{
	make(&m, &(struct want){ .url = proxy->url, .async = true });
	cr_assert_eq(rl_mutex_lock(&m), 0);
	cr_assert_eq(rl_mutex_unlock(&m), 0);
	cr_expect(becomes_free(srv, NULL, 1000));
}
