/* The keeper's heap: whatever goes in and out, the earliest is the first. */
#include <criterion/criterion.h>

#include <stdlib.h>

#include "lock/timer.h"

#define TIMERS 500

static struct rli_heap heap;
static struct rli_timer timer[TIMERS];
static uint32_t state = 1;

static void setup(void)
{
	cr_assert_eq(rli_heap_reserve(&heap, TIMERS), 0);
}

static void teardown(void)
{
	rli_heap_free(&heap);
}

TestSuite(heap, .init = setup, .fini = teardown, .timeout = 60);

static uint32_t some(uint32_t below)
{
	state = state * 1664525u + 1013904223u;
	return (state >> 8) % below;
}

static void in(int i, uint32_t below)
{
	timer[i].due = some(below);
	rli_heap_push(&heap, &timer[i]);
}

/* The first is as early as any; each knows its place. */
static void is_well(int n)
{
	const struct rli_timer *first = rli_heap_first(&heap);
	int i, inside = 0;

	for (i = 0; i < TIMERS; i++) {
		if (!timer[i].place)
			continue;
		inside++;
		cr_assert_eq(heap.at[timer[i].place].timer, &timer[i]);
		cr_assert_eq(heap.at[timer[i].place].due, timer[i].due);
		cr_assert_leq(first->due, timer[i].due);
	}
	cr_assert_eq(inside, n);
	cr_assert_eq(!first, !n);
	rli_heap_fetch(&heap);
}

static void any_order(uint32_t below)
{
	int64_t last = 0;
	int i, step, n = 0;

	for (step = 0; step < 20000; step++) {
		i = (int)some(TIMERS);
		if (timer[i].place)
			rli_heap_remove(&heap, &timer[i]);
		else
			in(i, below);
		n += timer[i].place ? 1 : -1;
		if (step < 200 || step % 50 == 0)
			is_well(n);
	}
	/* Out again, in order. */
	for (; n > 0; n--) {
		struct rli_timer *first = rli_heap_first(&heap);

		cr_assert_geq(first->due, last);
		last = first->due;
		rli_heap_remove(&heap, first);
		cr_assert_eq(first->place, 0);
	}
	is_well(0);
}

Test(heap, any_order)
{
	any_order(1u << 20);
}

/* As renewals are, which are due at ticks. */
Test(heap, many_at_a_time)
{
	any_order(8);
}
