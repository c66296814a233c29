/*
 * Keys that are not what rl made of them, and renewals that are refused until
 * the lease is over.
 */
#include "faults/faults.h"

static struct server *srv;
static rl_mutex_t m, rival;

static void setup(void)
{
	srv = server_start(NULL);
	make(&m, &(struct want){ .url = srv->url, .robust = true,
				 .options = "outage_timeout=500&"
					    "command_timeout=5000" });
	make(&rival, &(struct want){ .url = srv->url, .owner = "rival",
				     .robust = true });
}

static void teardown(void)
{
	server_stop(srv);
}

TestSuite(faults_keys, .init = setup, .fini = teardown);

static void expect_recovers(void)
{
	cr_expect_eq(rl_mutex_lock(&m), 0, "%s", rl_last_error());
	cr_expect_eq(rl_mutex_unlock(&m), 0, "%s", rl_last_error());
	cr_expect(is_free(srv, NULL));
}

/* ------------------------------------------------------ keys of other types */

Test(faults_keys, a_lock_key_of_another_type_is_eproto)
{
	server_ask(srv, "RPUSH %s x", key(NULL));
	cr_expect_eq(rl_mutex_trylock(&m), EPROTO);
	expect_said(srv, "WRONGTYPE");
	cr_expect_eq(rl_mutex_lock(&m), EPROTO);
	expect_said(srv, "WRONGTYPE");
	cr_expect_eq(timedlock_ms(&m, 100), EPROTO);
	cr_expect_eq(rl_mutex_locked(&m), EPROTO);
	cr_expect_eq(rl_mutex_unlock(&m), EPERM);
	cr_expect_str_eq(server_ask(srv, "TYPE %s", key(NULL)), "list");
	server_ask(srv, "DEL %s", key(NULL));
	expect_recovers();
}

Test(faults_keys, a_meta_key_of_another_type_is_eproto)
{
	server_ask(srv, "SET %s x", meta(NULL));
	cr_expect_eq(rl_mutex_trylock(&m), EPROTO);
	expect_said(srv, "WRONGTYPE");
	cr_expect_eq(rl_mutex_lock(&m), EPROTO);
	/* What was taken is given back at once. */
	cr_expect(is_free(srv, NULL));
	server_ask(srv, "DEL %s", meta(NULL));
	expect_recovers();
}

Test(faults_keys, a_meta_field_that_is_no_number_is_eproto)
{
	server_ask(srv, "HSET %s f what", meta(NULL));
	cr_expect_eq(rl_mutex_trylock(&m), EPROTO);
	cr_expect(is_free(srv, NULL));
	cr_expect_eq(rl_mutex_lock(&m), EPROTO);
	server_ask(srv, "DEL %s", meta(NULL));
	expect_recovers();
}

Test(faults_keys, a_wake_key_of_another_type_is_eproto_for_who_waits)
{
	server_ask(srv, "SET {rl:n}:rl:wake x");
	expect_recovers();
	cr_assert_eq(rl_mutex_lock(&rival), 0);
	cr_expect_eq(rl_mutex_lock(&m), EPROTO);
	expect_said(srv, "WRONGTYPE");
	cr_expect_eq(rl_mutex_trylock(&m), EBUSY);
	/* A waiter was there: the hand-off cannot be made. */
	cr_expect_eq(rl_mutex_unlock(&rival), ENOLCK);
	cr_expect_eq(rl_mutex_unlock(&rival), EPERM);
	server_ask(srv, "DEL {rl:n}:rl:wake");
	cr_expect_eq(timedlock_ms(&m, WAIT_MS / 2), 0, "%s", rl_last_error());
}

/* ------------------------------------------------------------------ the end */

static void lose(rl_mutex_t *mutex, int error, void *arg)
{
	(void)mutex;
	cr_expect_eq(error, ESTALE);
	++*(volatile int *)arg;
}

static bool was_told(void *arg)
{
	return *(volatile int *)arg > 0;
}

static void hold_in_vain(const char *refusal, const char *again)
{
	static int told;

	told = 0;
	rl_mutex_destroy(&m);
	make(&m, &(struct want){ .url = srv->url, .lease_ms = 1000,
				 .onlost = lose, .arg = &told });
	cr_assert_eq(rl_mutex_lock(&m), 0);
	server_ask(srv, refusal);
	cr_expect(wait_until(was_told, &told, WAIT_MS), "%s", refusal);
	cr_expect_eq(rl_mutex_unlock(&m), ESTALE);
	server_ask(srv, again);
	cr_expect_eq(timedlock_ms(&m, WAIT_MS), 0, "%s", rl_last_error());
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	cr_expect_eq(told, 1);
}

Test(faults_keys, renewals_that_are_refused_end_in_a_loss)
{
	hold_in_vain("REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE");
	hold_in_vain("ACL SETUSER default -evalsha -eval",
		     "ACL SETUSER default +@all");
	hold_in_vain("SET rl:n stolen", "DEL rl:n");
}
