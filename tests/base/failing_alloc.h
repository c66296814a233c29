/*
 * A heap that counts what is live and fails when it is told to.
 */
#ifndef TESTS_BASE_FAILING_ALLOC_H
#define TESTS_BASE_FAILING_ALLOC_H

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/alloc.h"

static long live_allocations;
static int allocations_left = INT_MAX;	/* before the one that fails */
static bool failing_for_good;		/* or that one only */
static bool an_allocation_failed;

static bool fails_now(void)
{
	bool fails = allocations_left == 0;

	if (!fails || !failing_for_good)
		allocations_left--;
	an_allocation_failed |= fails;
	return fails;
}

static void *count(void *p)
{
	live_allocations += p != NULL;
	return p;
}

static void *counted_malloc(size_t size)
{
	return fails_now() ? NULL : count(malloc(size));
}

static void *counted_calloc(size_t n, size_t size)
{
	return fails_now() ? NULL : count(calloc(n, size));
}

static void *counted_realloc(void *p, size_t size)
{
	if (fails_now())
		return NULL;
	return p ? realloc(p, size) : count(malloc(size));
}

static void counted_free(void *p)
{
	live_allocations -= p != NULL;
	free(p);
}

static inline void count_allocations(void)
{
	rli_allocator = (struct rli_allocator){
		counted_malloc, counted_calloc, counted_realloc, counted_free
	};
}

/* The n-th allocation from now on fails, or that one and all after it. */
static inline void fail_allocation(int n, bool for_good)
{
	count_allocations();
	allocations_left = n - 1;
	failing_for_good = for_good;
	an_allocation_failed = false;
}

static inline void fail_no_allocation(void)
{
	allocations_left = INT_MAX;
	failing_for_good = false;
}

#endif /* TESTS_BASE_FAILING_ALLOC_H */
