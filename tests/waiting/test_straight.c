/*
 * Who has just handed the lock on and wants it again goes straight into the
 * line: seen by what the server was asked meanwhile.
 */
#include <criterion/criterion.h>

#include "waiting/party.h"

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

TestSuite(waiting_straight, .init = setup, .fini = teardown);

/* The lock was handed to *a, and *b stands in the line. */
static void hand_over(struct proc **a, struct proc **b)
{
	*a = party_start(PROC_PROCESS, &plan);
	*b = party_start(PROC_PROCESS, &plan);
	cr_assert_eq(party(*b, LOCK, 0), 0);
	party_begin(*a, LOCK, 0);
	cr_assert(line_has(srv, 1));
	cr_assert_eq(party(*b, UNLOCK, 0), 0);
	cr_assert_eq(party_end(*a).err, 0);
	party_begin(*b, LOCK, 0);
	cr_assert(line_has(srv, 1));
}

/* *a unlocks and does that at once; how many scripts were run until it, too,
 * stood in the line: the release and the claim, and what else it asked. */
static long long scripts_until_in_line(enum deed deed, int64_t arg)
{
	struct proc *a, *b;
	long long n;

	hand_over(&a, &b);
	server_ask(srv, "CONFIG RESETSTAT");
	party_begin(a, UNLOCK, 0);
	party_begin(a, deed, arg);
	cr_assert_eq(party_end(b).err, 0);
	cr_assert_eq(party_end(a).err, 0);
	cr_assert(line_has(srv, 1));
	n = calls_of(srv, "evalsha");
	cr_assert_eq(party(b, UNLOCK, 0), 0);
	cr_assert_eq(party_end(a).err, 0);
	cr_assert_eq(party_leave(a), 0);
	cr_assert_eq(party_leave(b), 0);
	return n;
}

/* Unless the machine has kept it for 5 ms from doing so. */
Test(waiting_straight, who_hands_it_on_waits_without_asking)
{
	long long least = 9;

	for (int i = 0; least > 2 && i < 20; i++) {
		long long n = scripts_until_in_line(LOCK, 0);

		least = n < least ? n : least;
	}
	cr_expect_eq(least, 2);
}

Test(waiting_straight, who_has_little_time_asks)
{
	for (int i = 0; i < 5; i++)
		cr_expect_geq(scripts_until_in_line(TIMEDLOCK, 900), 3);
}

/* Its own hand-off, which nobody else takes. */
Test(waiting_straight, who_is_alone_gets_it_back)
{
	struct proc *a, *b;

	hand_over(&a, &b);
	cr_assert_eq(party(a, UNLOCK, 0), 0);
	cr_assert_eq(party_end(b).err, 0);
	for (int i = 0; i < 100; i++) {
		struct outcome got;

		party_begin(b, UNLOCK, 0);
		party_begin(b, LOCK, 0);
		cr_assert_eq(party_end(b).err, 0);
		got = party_end(b);
		cr_assert_eq(got.err, 0);
	}
}

/* No release will come of a lock that is freed by force. */
Test(waiting_straight, what_is_freed_by_force_is_found)
{
	struct proc *a, *b;

	hand_over(&a, &b);
	party_begin(a, UNLOCK, 0);
	party_begin(a, LOCK, 0);
	cr_assert_eq(party_end(b).err, 0);
	cr_assert_eq(party_end(a).err, 0);
	cr_assert(line_has(srv, 1));
	cr_assert_eq(server_ask_int(srv, "DEL rl:lock"), 1);
	cr_assert_eq(party_end(a).err, 0);
	cr_assert_eq(party(b, UNLOCK, 0), ESTALE);
}
