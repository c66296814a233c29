/*
 * How long a hold is certain to last, when requests that set its lease were
 * under way at the same time. Times here are made up; only their order counts.
 */
#include <criterion/criterion.h>

#include "base/clock.h"
#include "lock/lock.h"

static struct rli_hold hold;
static int64_t start;

static int64_t in_s(int64_t s)
{
	return rli_after(start, s * RLI_S);
}

static void setup(void)
{
	start = rli_now();
	rli_validity_begin(&hold, in_s(10));
}

TestSuite(keeper_validity, .init = setup);

Test(keeper_validity, follows_requests_that_come_one_after_the_other)
{
	static const int64_t lasts[] = { 20, 5, 60, 10 };

	cr_expect_eq(hold.valid_until, in_s(10));
	for (int i = 0; i < 4; i++) {
		rli_validity_set(&hold, rli_now(), in_s(lasts[i]));
		cr_expect_eq(hold.valid_until, in_s(lasts[i]));
	}
}

Test(keeper_validity, is_the_shortest_of_two_at_a_time)
{
	int64_t sent = rli_now();

	rli_validity_set(&hold, sent, in_s(1));
	rli_validity_set(&hold, sent, in_s(60));
	cr_expect_eq(hold.valid_until, in_s(1));
	/* And the other way round. */
	sent = rli_now();
	rli_validity_set(&hold, sent, in_s(60));
	rli_validity_set(&hold, sent, in_s(1));
	cr_expect_eq(hold.valid_until, in_s(1));
	rli_validity_set(&hold, rli_now(), in_s(30));
	cr_expect_eq(hold.valid_until, in_s(30));
}

/* Sent before the lock was granted is sent before everything. */
Test(keeper_validity, is_not_raised_by_a_request_from_before_the_grant)
{
	rli_validity_set(&hold, start - RLI_S, in_s(60));
	cr_expect_eq(hold.valid_until, in_s(10));
}

/* Each overlaps the one before, without end: what is certain still grows. */
Test(keeper_validity, grows_although_there_is_always_one_under_way)
{
	int64_t sent[2] = { rli_now(), rli_now() };

	for (int i = 0; i < 100; i++) {
		rli_validity_set(&hold, sent[i % 2], in_s(10 + i));
		sent[i % 2] = rli_now();
		cr_expect_leq(hold.valid_until, in_s(10 + i));
		if (i > 4)
			cr_expect_geq(hold.valid_until, in_s(10 + i - 3));
	}
}

Test(keeper_validity, of_a_lease_without_end_has_none)
{
	rli_validity_set(&hold, rli_now(), RLI_FOREVER);
	cr_expect_eq(hold.valid_until, RLI_FOREVER);
	rli_validity_set(&hold, rli_now(), in_s(3));
	cr_expect_eq(hold.valid_until, in_s(3));
}
