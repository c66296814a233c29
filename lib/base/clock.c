#include "base/clock.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>

int (*rli_clock_fn)(clockid_t clock, struct timespec *now) = clock_gettime;

/* What goes over an end of the range stays at that end. */
static int64_t add(int64_t a, int64_t b)
{
	int64_t sum;

	if (!__builtin_add_overflow(a, b, &sum))
		return sum;
	return a > 0 ? INT64_MAX : INT64_MIN;
}

static int64_t mul(int64_t a, int64_t factor)
{
	int64_t product;

	if (!__builtin_mul_overflow(a, factor, &product))
		return product;
	return a > 0 ? INT64_MAX : INT64_MIN;
}

static int64_t to_ns(const struct timespec *ts)
{
	return add(mul(ts->tv_sec, RLI_S), ts->tv_nsec);
}

static bool read_clock(clockid_t clock, int64_t *ns)
{
	int saved = errno;
	struct timespec ts;
	bool ok = rli_clock_fn(clock, &ts) == 0;

	errno = saved;
	if (ok)
		*ns = to_ns(&ts);
	return ok;
}

int64_t rli_now(void)
{
	int64_t now = 0;

	if (!read_clock(CLOCK_BOOTTIME, &now))
		read_clock(CLOCK_MONOTONIC, &now);
	return now;
}

int64_t rli_after(int64_t from, int64_t ns)
{
	if (from == RLI_FOREVER || ns == RLI_FOREVER)
		return RLI_FOREVER;
	return add(from, ns);
}

int64_t rli_ms(int64_t ms)
{
	return mul(ms, RLI_MS);
}

static bool nanoseconds_ok(const struct timespec *ts)
{
	return ts->tv_nsec >= 0 && ts->tv_nsec < RLI_S;
}

int rli_deadline(clockid_t clock, const struct timespec *abs, int64_t *deadline)
{
	int64_t at, there, left;

	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC)
		return EINVAL;
	if (!nanoseconds_ok(abs) || !read_clock(clock, &there))
		return EINVAL;
	at = to_ns(abs);
	if (at == RLI_FOREVER || __builtin_sub_overflow(at, there, &left))
		left = at > 0 ? RLI_FOREVER : INT64_MIN;
	*deadline = rli_after(rli_now(), left);
	return 0;
}

int rli_poll_timeout(int64_t deadline)
{
	int64_t now, left, ms;

	if (deadline == RLI_FOREVER)
		return -1;
	now = rli_now();
	if (deadline <= now)
		return 0;
	/* A deadline below zero has returned, so this cannot go over. */
	left = deadline - now;
	ms = left / RLI_MS + (left % RLI_MS != 0);
	return ms > INT_MAX ? INT_MAX : (int)ms;
}

int64_t rli_valid_until(int64_t sent, int64_t lease_ms)
{
	int64_t lease = rli_ms(lease_ms);

	if (lease_ms == 0)
		return RLI_FOREVER;
	return rli_after(sent, lease - lease / 100 - 2 * RLI_MS);
}

void rli_to_timespec(int64_t ns, struct timespec *ts)
{
	/* time_t is signed on every system this is for. */
	const int64_t largest = sizeof(ts->tv_sec) == sizeof(int32_t) ?
		INT32_MAX : INT64_MAX;

	if (ns < 0)
		ns = 0;
	if (ns == RLI_FOREVER || ns / RLI_S > largest) {
		ts->tv_sec = (time_t)largest;
		ts->tv_nsec = RLI_S - 1;
		return;
	}
	ts->tv_sec = (time_t)(ns / RLI_S);
	ts->tv_nsec = (long)(ns % RLI_S);
}

int rli_from_timespec(const struct timespec *ts, int64_t *ns)
{
	if (ts->tv_sec < 0 || !nanoseconds_ok(ts))
		return EINVAL;
	*ns = to_ns(ts);
	return 0;
}
