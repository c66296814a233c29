/*
 * A heap for rl that counts what is live and fails when a thread tells it to.
 */
#ifndef TESTS_FAULTS_HEAP_H
#define TESTS_FAULTS_HEAP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/alloc.h"

static atomic_long live;	/* what rl has allocated and not freed */
static _Thread_local long until_failure;	/* 0: never */
static _Thread_local bool for_good;
static _Thread_local long failures;
static _Thread_local long ours;	/* calls by this thread */

static bool fails_now(void)
{
	ours++;
	if (!until_failure || --until_failure)
		return false;
	if (for_good)
		until_failure = 1;
	failures++;
	return true;
}

static void *count(void *p)
{
	if (p)
		atomic_fetch_add(&live, 1);
	return p;
}

static void *failing_malloc(size_t size)
{
	return fails_now() ? NULL : count(malloc(size));
}

static void *failing_calloc(size_t n, size_t size)
{
	return fails_now() ? NULL : count(calloc(n, size));
}

static void *failing_realloc(void *p, size_t size)
{
	if (fails_now())
		return NULL;
	return p ? realloc(p, size) : count(malloc(size));
}

static void counted_free(void *p)
{
	if (p)
		atomic_fetch_sub(&live, 1);
	free(p);
}

static inline void use_counted_heap(void)
{
	rli_allocator = (struct rli_allocator){ failing_malloc, failing_calloc,
						failing_realloc, counted_free };
}

#endif /* TESTS_FAULTS_HEAP_H */
