/* When an answer is awaited awake: on a clock that only the test moves. */
#include <criterion/criterion.h>

#include <sched.h>
#include <stdbool.h>

#include "base/clock.h"
#include "redis/awake.h"

TestSuite(awake, .timeout = 20);

#define FIRST_TRY 8	/* of a process that knows nothing yet */
#define TRIES_LEFT 4096	/* one of so many, at the least */

static int64_t now = RLI_S;

static int fake_clock(clockid_t clock, struct timespec *ts)
{
	(void)clock;
	ts->tv_sec = now / RLI_S;
	ts->tv_nsec = now % RLI_S;
	return 0;
}

/* A server, and what there is on the core. */
struct scene {
	int64_t passes;		/* time, with each look */
	int64_t until;		/* 0: for ever */
	int comes_at;		/* the look that finds the answer; 0: none */
	int others;		/* answers that others get until then */
	struct rli_awake *beside;	/* misses while this one looks */
	int looks;
};

static void setup(void)
{
	rli_clock_fn = fake_clock;
}

static bool look(void *arg);

/* Whether there was a look, and how many. */
static int request(struct rli_awake *a, struct scene *s)
{
	s->looks = 0;
	rli_awake_look(a, s->until ? s->until : RLI_FOREVER, look, s);
	return s->looks;
}

static bool look(void *arg)
{
	struct scene *s = arg, miss = { .passes = RLI_MS };
	int i;

	s->looks++;
	now += s->passes;
	for (i = 0; i < s->others; i++)
		rli_awake_answered();
	if (s->beside) {
		struct rli_awake *beside = s->beside;

		s->beside = NULL;
		cr_assert_gt(request(beside, &miss), 0);
	}
	return s->looks == s->comes_at;
}

/* Requests until one is looked for, that one included; at most. */
static int until_tried(struct rli_awake *a, struct scene *s, int at_most)
{
	int n = 1;

	while (n < at_most && !request(a, s))
		n++;
	return n;
}

static void use_cores(int n)
{
	cpu_set_t all, set;
	int i;

	cr_assert_eq(sched_getaffinity(0, sizeof(all), &all), 0);
	CPU_ZERO(&set);
	for (i = 0; i < CPU_SETSIZE && CPU_COUNT(&set) < n; i++)
		if (CPU_ISSET(i, &all))
			CPU_SET(i, &set);
	cr_assert_eq(CPU_COUNT(&set), n, "this test needs %d cores", n);
	cr_assert_eq(sched_setaffinity(0, sizeof(set), &set), 0);
}

Test(awake, each_miss_doubles_what_goes_by_until_the_next_try, .init = setup)
{
	struct scene none = { .passes = 60 * RLI_US };
	struct rli_awake a = { 0 };
	int gone = until_tried(&a, &none, 2 * TRIES_LEFT), next;

	cr_assert_eq(gone, FIRST_TRY);
	for (next = 2 * FIRST_TRY; next <= TRIES_LEFT; next *= 2) {
		gone += until_tried(&a, &none, 2 * TRIES_LEFT);
		cr_assert_eq(gone, next);
	}
	cr_assert_eq(until_tried(&a, &none, 2 * TRIES_LEFT), TRIES_LEFT);
}

static void pay(struct rli_awake *a, struct scene *s)
{
	int i;

	for (i = 0; i < 3; i++)
		until_tried(a, s, 2 * FIRST_TRY);
	for (i = 0; i < 1000; i++)
		cr_assert_eq(until_tried(a, s, 2), 1);
}

Test(awake, where_it_pays_all_are, .init = setup)
{
	struct scene soon = { .passes = RLI_US, .comes_at = 4 };
	struct rli_awake a = { 0 };

	pay(&a, &soon);
	cr_assert_eq(soon.looks, 4);
}

Test(awake, gives_up_after_a_while, .init = setup)
{
	struct scene late = { .passes = RLI_US, .comes_at = 1000 };
	struct rli_awake a = { 0 };

	until_tried(&a, &late, 2 * FIRST_TRY);
	cr_assert_gt(late.looks, 95);
	cr_assert_leq(late.looks, 102);
}

Test(awake, an_answer_behind_a_long_yield_is_a_miss, .init = setup)
{
	struct scene wanted = { .passes = 20 * RLI_US, .comes_at = 2 };
	struct rli_awake a = { 0 };

	cr_assert_eq(until_tried(&a, &wanted, 2 * FIRST_TRY), FIRST_TRY);
	cr_assert_eq(until_tried(&a, &wanted, 4 * FIRST_TRY), FIRST_TRY);
	cr_assert_eq(until_tried(&a, &wanted, 4 * FIRST_TRY), 2 * FIRST_TRY);
}

Test(awake, but_not_if_the_core_was_ours, .init = setup)
{
	struct scene ours = { .passes = 2 * RLI_MS, .comes_at = 5,
			      .others = 100 };
	struct rli_awake a = { 0 };

	pay(&a, &ours);
	cr_assert_eq(ours.looks, 5);
}

Test(awake, ours_is_not_awaited_for_ever, .init = setup)
{
	struct scene ours = { .passes = 2 * RLI_MS, .others = 100 };
	struct rli_awake a = { 0 };

	until_tried(&a, &ours, 2 * FIRST_TRY);
	cr_assert_gt(ours.looks, 40);
	cr_assert_leq(ours.looks, 52);
}

Test(awake, nor_beyond_its_time, .init = setup)
{
	struct scene ours = { .passes = 2 * RLI_MS, .others = 100 };
	struct rli_awake a = { 0 };

	ours.until = now + 20 * RLI_MS;
	until_tried(&a, &ours, 2 * FIRST_TRY);
	cr_assert_eq(ours.looks, 10);
}

Test(awake, a_crowd_does_not_wait_beyond_it_either, .init = setup)
{
	struct scene soon = { .passes = 10 * RLI_US };
	struct rli_awake a = { 0 };

	use_cores(1);
	rli_awake_crowd(&a);
	soon.until = now + 40 * RLI_US;
	cr_assert_eq(request(&a, &soon), 4);
}

/* What others get on other cores says nothing of this one. */
Test(awake, a_yield_that_nobody_took_is_not_to_ours, .init = setup)
{
	struct scene alone = { .passes = RLI_US, .others = 100 };
	struct rli_awake a = { 0 };

	until_tried(&a, &alone, 2 * FIRST_TRY);
	cr_assert_gt(alone.looks, 95);
	cr_assert_leq(alone.looks, 102);
}

/* The first try of one, in which another tries and misses. */
static void try_beside(struct rli_awake *a, struct scene *s)
{
	struct rli_awake b = { 0 };
	int i;

	for (i = 1; i < FIRST_TRY; i++) {
		cr_assert_eq(request(a, s), 0);
		cr_assert_eq(request(&b, s), 0);
	}
	s->beside = &b;
	cr_assert_gt(request(a, s), 0);
	cr_assert_null(s->beside);
}

Test(awake, many_misses_at_once_are_one, .init = setup)
{
	struct scene misses = { .passes = RLI_MS };
	struct rli_awake a = { 0 };

	try_beside(&a, &misses);
	cr_assert_eq(until_tried(&a, &misses, 8 * FIRST_TRY), FIRST_TRY);
}

Test(awake, nor_does_a_hit_beside_a_miss_count, .init = setup)
{
	struct scene hits = { .passes = RLI_US, .comes_at = 1 };
	struct rli_awake a = { 0 };

	try_beside(&a, &hits);
	cr_assert_eq(until_tried(&a, &hits, 8 * FIRST_TRY), FIRST_TRY);
	cr_assert_eq(until_tried(&a, &hits, 8 * FIRST_TRY), FIRST_TRY);
}

Test(awake, a_crowd_on_one_core_awaits_claim_and_release, .init = setup)
{
	struct scene soon = { .passes = 30 * RLI_US, .comes_at = 3 };
	struct rli_awake a = { 0 };
	int round, i;

	use_cores(1);
	for (round = 0; round < 100; round++) {
		rli_awake_crowd(&a);
		cr_assert_eq(request(&a, &soon), 3);
		cr_assert_eq(request(&a, &soon), 3);
		for (i = 0; i < 5; i++)
			cr_assert_eq(request(&a, &soon), 0);
	}
}

Test(awake, a_crowd_that_has_a_choice_sleeps, .init = setup)
{
	struct scene soon = { .passes = RLI_US, .comes_at = 1 };
	struct rli_awake a = { 0 };
	int i;

	use_cores(2);
	rli_awake_crowd(&a);
	for (i = 0; i < 8; i++)
		cr_assert_eq(request(&a, &soon), 0);
}

Test(awake, a_crowd_leaves_the_core_to_who_keeps_it, .init = setup)
{
	struct scene kept = { .passes = 3 * RLI_MS, .comes_at = 2 };
	struct rli_awake a = { 0 };
	int round, tried = 0;

	use_cores(1);
	for (round = 0; round < 1000; round++) {
		rli_awake_crowd(&a);
		tried += request(&a, &kept) > 0;
		tried += request(&a, &kept) > 0;
	}
	cr_assert_geq(tried, 2);
	cr_assert_leq(tried, 20);
}
