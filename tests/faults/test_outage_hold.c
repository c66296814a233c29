/*
 * Servers that are gone, or say nothing, while a lock is held: unlock tries as
 * long as its work is covered, and the keeper until the validity has run out.
 */
#include <stdatomic.h>
#include <unistd.h>

#include "faults/faults.h"
#include "support/proc.h"

static struct server *srv;
static rl_mutex_t m;
static atomic_int lost;

static void setup(void)
{
	srv = server_start(&(struct server_options){ .persist = true,
						     .tcp = true });
	atomic_store(&lost, 0);
}

static void teardown(void)
{
	rl_mutex_destroy(&m);
	server_stop(srv);
}

TestSuite(faults_outage_hold, .init = setup, .fini = teardown);

/* -------------------------------------------------------------- unlocking */

static int unlocker(struct proc *self, void *arg)
{
	(void)arg;
	PROC_CHECK(rl_mutex_lock(&m) == 0);
	proc_tell(self, 1);
	proc_hear(self);
	return rl_mutex_unlock(&m);
}

/* What unlock says whose server is killed before, and restarted during it. */
static int unlock_over_restart(const char *url, bool keep_data)
{
	struct proc *p;

	make(&m, &(struct want){ .url = url });
	p = proc_start(PROC_THREAD, unlocker, NULL);
	proc_hear(p);
	server_kill(srv);
	proc_tell(p, 1);
	cr_expect_not(proc_heard(p, 200), "it gave up");
	server_restart(srv, keep_data);
	return proc_join(p);
}

Test(faults_outage_hold, unlock_rides_out_an_outage)
{
	cr_expect_eq(unlock_over_restart(srv->url, true), 0);
	cr_expect(is_free(srv, NULL));
}

Test(faults_outage_hold, unlock_rides_out_an_outage_over_tcp)
{
	cr_expect_eq(unlock_over_restart(srv->tcp_url, true), 0);
	cr_expect(is_free(srv, NULL));
}

Test(faults_outage_hold, unlock_after_an_outage_that_lost_the_lock_is_estale)
{
	cr_expect_eq(unlock_over_restart(srv->url, false), ESTALE);
}

Test(faults_outage_hold, unlock_over_tcp_after_an_outage_that_lost_it_is_estale)
{
	cr_expect_eq(unlock_over_restart(srv->tcp_url, false), ESTALE);
}

Test(faults_outage_hold, unlock_after_a_restart_while_idle_is_estale)
{
	make(&m, &(struct want){ .url = srv->tcp_url });
	cr_assert_eq(rl_mutex_lock(&m), 0);
	server_restart(srv, false);
	cr_expect_eq(rl_mutex_unlock(&m), ESTALE);
	cr_expect_eq(rl_mutex_unlock(&m), EPERM);
}

Test(faults_outage_hold, unlock_is_enolck_after_the_outage_timeout)
{
	make(&m, &(struct want){ .url = srv->url,
				 .options = "outage_timeout=400" });
	cr_assert_eq(rl_mutex_lock(&m), 0);
	server_kill(srv);
	start_clock();
	cr_expect_eq(rl_mutex_unlock(&m), ENOLCK);
	expect_took(400);
	expect_said(srv, "");
	cr_expect_eq(rl_mutex_unlock(&m), EPERM);
	server_restart(srv, true);
	/* The lease frees it; and its end is no loss of ours. */
	cr_expect_eq(rl_mutex_trylock(&m), EBUSY);
}

Test(faults_outage_hold, unlock_is_enolck_at_the_end_of_the_validity)
{
	make(&m, &(struct want){ .url = srv->url, .lease_ms = 1500 });
	start_clock();
	cr_assert_eq(rl_mutex_lock(&m), 0);
	server_pause(srv);
	cr_expect_eq(rl_mutex_unlock(&m), ENOLCK);
	expect_took(1480);
	cr_expect_eq(rl_mutex_unlock(&m), EPERM);
	server_resume(srv);
	cr_expect_eq(rl_mutex_lock(&m), 0);
}

/* ---------------------------------------------------------------- holding */

static void on_lost(rl_mutex_t *mutex, int error, void *arg)
{
	(void)arg;
	if (mutex == &m && error == ESTALE)
		atomic_fetch_add(&lost, 1);
}

static bool is_lost(void *arg)
{
	(void)arg;
	return atomic_load(&lost) > 0;
}

static void hold_and_watch(int64_t lease)
{
	make(&m, &(struct want){ .url = srv->url, .lease_ms = lease,
				 .options = "command_timeout=100",
				 .onlost = on_lost });
	cr_assert_eq(rl_mutex_lock(&m), 0);
}

static void expect_lost(int64_t within)
{
	struct timespec left = { .tv_sec = 5 };

	start_clock();
	cr_expect(wait_until(is_lost, NULL, WAIT_MS));
	cr_expect(wait_now_ms() - clock_began < within + LATE, "%d ms",
		  (int)(wait_now_ms() - clock_began));
	cr_expect_eq(rl_mutex_remaining(&m, &left), ESTALE);
	cr_expect_eq(left.tv_sec, 5);
	cr_expect_eq(rl_mutex_unlock(&m), ESTALE);
	cr_expect_eq(rl_mutex_unlock(&m), EPERM);
	cr_expect_eq(atomic_load(&lost), 1);
}

Test(faults_outage_hold, a_hold_is_lost_in_time_when_the_server_is_gone)
{
	hold_and_watch(600);
	server_kill(srv);
	expect_lost(600);
	server_restart(srv, true);
	cr_expect_eq(rl_mutex_lock(&m), 0);
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	cr_expect_eq(atomic_load(&lost), 1);
}

Test(faults_outage_hold, a_hold_is_lost_in_time_when_the_server_is_silent)
{
	hold_and_watch(600);
	server_pause(srv);
	expect_lost(600);
	server_resume(srv);
}

Test(faults_outage_hold, a_hold_is_lost_with_the_data)
{
	/* By a renewal, a third of the lease apart, and not with its end. */
	hold_and_watch(3000);
	server_ask(srv, "FLUSHALL");
	expect_lost(1000);
}

static bool is_gone_later(void *arg)
{
	int64_t *until = arg;

	cr_assert(!atomic_load(&lost), "lost");
	return wait_now_ms() > *until;
}

/* Held over twice the lease from now. */
static void expect_goes_on(int64_t lease)
{
	int64_t until = wait_now_ms() + 2 * lease;
	struct timespec left;

	cr_assert(wait_until(is_gone_later, &until, WAIT_MS));
	cr_expect_eq(rl_mutex_remaining(&m, &left), 0);
	cr_expect_eq(rl_mutex_held(&m), 0);
	cr_expect_eq(rl_mutex_unlock(&m), 0);
}

Test(faults_outage_hold, the_keeper_renews_through_a_short_outage)
{
	hold_and_watch(2500);
	server_kill(srv);
	server_restart(srv, true);
	server_pause(srv);
	cr_expect_not(wait_until(is_lost, NULL, 200));
	server_resume(srv);
	server_ask(srv, "CLIENT KILL TYPE normal SKIPME yes");
	server_ask(srv, "SCRIPT FLUSH");
	expect_goes_on(2500);
}

/* ------------------------------------- a loss that looks like a lost answer */

/* The request does not get there, is sent again, and finds nothing. */
static int unlock_sent_twice(const char *what_happens)
{
	struct proxy *p = proxy_start(&srv->addr, false);
	int err;

	make(&m, &(struct want){ .url = p->url });
	cr_assert_eq(rl_mutex_lock(&m), 0);
	server_ask(srv, what_happens);
	proxy_arm(p, &(struct proxy_rule){ .dir = TO_SERVER, .bytes = 20,
					   .action = PROXY_CUT });
	err = rl_mutex_unlock(&m);
	cr_expect(proxy_fired(p));
	cr_expect_eq(rl_mutex_unlock(&m), EPERM);
	rl_mutex_destroy(&m);
	proxy_stop(p);
	return err;
}

Test(faults_outage_hold, unlock_that_is_sent_twice_does_not_hide_a_loss)
{
	cr_expect_eq(unlock_sent_twice("PING"), 0);
	cr_expect_eq(unlock_sent_twice("DEL rl:n"), ESTALE);
	cr_expect_eq(unlock_sent_twice("FLUSHALL"), ESTALE);
}

/* Nothing was sent: that another has it now is no answer that was lost. */
Test(faults_outage_hold, unlock_that_was_not_sent_does_not_hide_a_loss)
{
	char path[100], url[120];
	static rl_mutex_t rival;
	struct proc *p;

	snprintf(path, sizeof(path), "%s/link", srv->dir);
	snprintf(url, sizeof(url), "unix://%s", path);
	cr_assert_eq(symlink(srv->addr.path, path), 0);
	make(&m, &(struct want){ .url = url });
	make(&rival, &(struct want){ .url = srv->url, .owner = "rival" });
	p = proc_start(PROC_THREAD, unlocker, NULL);
	proc_hear(p);
	cr_assert_eq(unlink(path), 0);
	server_ask(srv, "CLIENT KILL TYPE normal SKIPME yes");
	proc_tell(p, 1);
	cr_expect_not(proc_heard(p, 100), "it gave up");
	server_ask(srv, "FLUSHALL");
	cr_assert_eq(rl_mutex_lock(&rival), 0);
	cr_assert_eq(symlink(srv->addr.path, path), 0);
	cr_expect_eq(proc_join(p), ESTALE);
	cr_expect_eq(rl_mutex_unlock(&rival), 0);
}
