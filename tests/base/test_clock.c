#include <criterion/criterion.h>

#include <errno.h>
#include <limits.h>
#include <stdbool.h>

#include "base/clock.h"

/* Seconds and nanoseconds that the fake clock shows for each of its clocks. */
static struct timespec boot = { 1000, 500 };
static struct timespec mono = { 900, 0 };
static struct timespec real = { 1700000000, 250 };
static bool no_boottime;

static int fake_clock(clockid_t clock, struct timespec *now)
{
	if (clock == CLOCK_BOOTTIME && no_boottime) {
		errno = EINVAL;
		return -1;
	}
	*now = clock == CLOCK_BOOTTIME ? boot :
	       clock == CLOCK_MONOTONIC ? mono : real;
	return 0;
}

static void use_fake_clock(void)
{
	rli_clock_fn = fake_clock;
}

TestSuite(clock_fake, .init = use_fake_clock, .timeout = 10);

#define BOOT_NS (1000 * RLI_S + 500)

Test(clock, now_runs_forward_on_boottime)
{
	struct timespec ts;
	int64_t before = rli_now(), after;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	after = rli_now();
	cr_assert_leq(before, ts.tv_sec * RLI_S + ts.tv_nsec);
	cr_assert_geq(after, ts.tv_sec * RLI_S + ts.tv_nsec);
}

Test(clock_fake, without_boottime_monotonic_is_used_and_errno_kept)
{
	cr_assert_eq(rli_now(), BOOT_NS);
	no_boottime = true;
	errno = 0;
	cr_assert_eq(rli_now(), 900 * RLI_S);
	cr_assert_eq(errno, 0);
}

Test(clock, sums_saturate)
{
	cr_assert_eq(rli_after(5, 7), 12);
	cr_assert_eq(rli_after(5, -7), -2);
	cr_assert_eq(rli_after(INT64_MAX - 1, 2), RLI_FOREVER);
	cr_assert_eq(rli_after(RLI_FOREVER, -1), RLI_FOREVER);
	cr_assert_eq(rli_after(-1, RLI_FOREVER), RLI_FOREVER);
	cr_assert_eq(rli_after(INT64_MIN, -1), INT64_MIN);
	cr_assert_eq(rli_ms(3), 3000000);
	cr_assert_eq(rli_ms(INT64_MAX / 1000), RLI_FOREVER);
	cr_assert_eq(rli_ms(INT64_MIN / 1000), INT64_MIN);
}

static const struct {
	clockid_t clock;
	struct timespec abs;
	int64_t deadline;
} deadlines[] = {
	{ CLOCK_REALTIME, { 1700000002, 250 }, BOOT_NS + 2 * RLI_S },
	{ CLOCK_REALTIME, { 1700000000, 0 }, BOOT_NS - 250 },
	{ CLOCK_MONOTONIC, { 900, 999999999 }, BOOT_NS + RLI_S - 1 },
	{ CLOCK_MONOTONIC, { 0, 0 }, BOOT_NS - 900 * RLI_S },
	{ CLOCK_MONOTONIC, { -1, 0 }, BOOT_NS - 901 * RLI_S },
	{ CLOCK_REALTIME, { INT64_MAX, 999999999 }, RLI_FOREVER },
	{ CLOCK_REALTIME, { INT64_MAX / RLI_S, 999999999 }, RLI_FOREVER },
};

Test(clock_fake, a_deadline_keeps_its_distance_on_our_clock)
{
	for (size_t i = 0; i < sizeof(deadlines) / sizeof(*deadlines); i++) {
		int64_t deadline = -7;

		cr_assert_eq(rli_deadline(deadlines[i].clock,
					  &deadlines[i].abs, &deadline), 0);
		cr_assert_eq(deadline, deadlines[i].deadline, "row %zu", i);
	}
}

Test(clock_fake, a_deadline_before_all_time_has_passed)
{
	const struct timespec abs = { INT64_MIN, 0 };
	int64_t deadline;

	cr_assert_eq(rli_deadline(CLOCK_REALTIME, &abs, &deadline), 0);
	cr_assert_lt(deadline, 0);
	cr_assert_eq(rli_poll_timeout(deadline), 0);
}

Test(clock_fake, a_deadline_of_a_bad_clock_or_bad_nanoseconds_is_einval)
{
	const struct timespec good = { 1, 0 }, low = { 1, -1 };
	const struct timespec high = { 1, 1000000000 };
	int64_t deadline;

	cr_assert_eq(rli_deadline(CLOCK_BOOTTIME, &good, &deadline), EINVAL);
	cr_assert_eq(rli_deadline(-1, &good, &deadline), EINVAL);
	cr_assert_eq(rli_deadline(CLOCK_REALTIME, &low, &deadline), EINVAL);
	cr_assert_eq(rli_deadline(CLOCK_MONOTONIC, &high, &deadline), EINVAL);
}

Test(clock_fake, setting_the_clock_later_moves_no_deadline)
{
	const struct timespec abs = { 1700000010, 250 };
	int64_t deadline;

	cr_assert_eq(rli_deadline(CLOCK_REALTIME, &abs, &deadline), 0);
	real.tv_sec += 3600;
	cr_assert_eq(deadline - rli_now(), 10 * RLI_S);
}

Test(clock_fake, a_poll_timeout_is_rounded_up)
{
	cr_assert_eq(rli_poll_timeout(RLI_FOREVER), -1);
	cr_assert_eq(rli_poll_timeout(INT64_MIN), 0);
	cr_assert_eq(rli_poll_timeout(BOOT_NS), 0);
	cr_assert_eq(rli_poll_timeout(BOOT_NS + 1), 1);
	cr_assert_eq(rli_poll_timeout(BOOT_NS + RLI_MS), 1);
	cr_assert_eq(rli_poll_timeout(BOOT_NS + RLI_MS + 1), 2);
	cr_assert_eq(rli_poll_timeout(RLI_FOREVER - 1), INT_MAX);
}

static const struct {
	int64_t sent, lease_ms, until;
} leases[] = {
	{ 0, 10000, 9898 * RLI_MS },
	{ 7, 10000, 9898 * RLI_MS + 7 },
	{ 0, 10, 7900000 },
	{ 5, 0, RLI_FOREVER },
	{ 0, 1LL << 40, (1LL << 40) * 990000 - 2 * RLI_MS },
};

Test(clock, validity_is_the_lease_less_the_drift_margin)
{
	for (size_t i = 0; i < sizeof(leases) / sizeof(*leases); i++)
		cr_assert_eq(rli_valid_until(leases[i].sent,
					     leases[i].lease_ms),
			     leases[i].until, "row %zu", i);
	cr_assert_eq(rli_valid_until(0, INT64_MAX), INT64_MAX -
		     INT64_MAX / 100 - 2 * RLI_MS);
}

Test(clock, timespec_of_a_length)
{
	struct timespec ts;

	rli_to_timespec(3 * RLI_S + 5, &ts);
	cr_assert(ts.tv_sec == 3 && ts.tv_nsec == 5);
	rli_to_timespec(-1, &ts);
	cr_assert(ts.tv_sec == 0 && ts.tv_nsec == 0);
	rli_to_timespec(RLI_FOREVER, &ts);
	cr_assert_eq(ts.tv_sec, sizeof(time_t) == 8 ? INT64_MAX : INT32_MAX);
	cr_assert_eq(ts.tv_nsec, 999999999);
}

Test(clock, length_of_a_timespec)
{
	int64_t ns = -7;

	cr_assert_eq(rli_from_timespec(&(struct timespec){ 3, 5 }, &ns), 0);
	cr_assert_eq(ns, 3 * RLI_S + 5);
	cr_assert_eq(rli_from_timespec(&(struct timespec){ INT64_MAX, 0 },
				       &ns), 0);
	cr_assert_eq(ns, RLI_FOREVER);
	cr_assert_eq(rli_from_timespec(&(struct timespec){ -1, 0 }, &ns),
		     EINVAL);
	cr_assert_eq(rli_from_timespec(&(struct timespec){ 0, -1 }, &ns),
		     EINVAL);
	cr_assert_eq(rli_from_timespec(&(struct timespec){ 0, RLI_S }, &ns),
		     EINVAL);
}
