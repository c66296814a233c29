#include <criterion/criterion.h>

#include <sched.h>
#include <stdbool.h>

#include "base/clock.h"
#include "base/watch.h"

#define READINGS 200000

TestSuite(watch, .timeout = 20);

/* What it says, less what the clock says, is out of the range by so much. */
static int64_t wrong_by(struct rli_watch *watch)
{
	int64_t before = rli_now(), now = rli_watch_read(watch),
		after = rli_now();

	if (now < before)
		return before - now;
	return now > after ? now - after : 0;
}

static int64_t worst_of(struct rli_watch *watch)
{
	int64_t wrong, worst = 0;
	int i;

	for (i = 0; i < READINGS; i++) {
		wrong = wrong_by(watch);
		if (wrong > worst)
			worst = wrong;
		if (i % 1000 == 0)
			sched_yield();
	}
	return worst;
}

Test(watch, is_right_where_no_counter_may_be_used)
{
	struct rli_watch watch = { 0 };

	cr_assert_eq(worst_of(&watch), 0);
}

Test(watch, is_wrong_by_no_more_than_it_says)
{
	struct rli_watch watch = { 0 };

	rli_watches_init();
	cr_assert_lt(worst_of(&watch), RLI_WATCH_WRONG);
}

Test(watch, sees_a_pause_of_any_length)
{
	struct timespec pause = { 0, 1 };
	struct rli_watch watch = { 0 };

	rli_watches_init();
	for (; pause.tv_nsec < 100 * RLI_MS; pause.tv_nsec *= 3) {
		rli_watch_read(&watch);
		nanosleep(&pause, NULL);
		cr_assert_lt(wrong_by(&watch), RLI_WATCH_WRONG, "%ld ns",
			     pause.tv_nsec);
	}
}

static int stopped_clock(clockid_t clock, struct timespec *now)
{
	(void)clock;
	*now = (struct timespec){ 7, 0 };
	return 0;
}

Test(watch, goes_by_another_clock_at_once)
{
	struct rli_watch watch = { 0 };

	rli_watches_init();
	rli_watch_read(&watch);
	rli_clock_fn = stopped_clock;
	cr_assert_eq(rli_watch_read(&watch), 7 * RLI_S);
}
