/*
 * interpose/allocator.h - the mutexes of the allocator are never bound.
 *
 * rl needs memory to lock, and an allocator that is a library (jemalloc,
 * tcmalloc) locks mutexes to give it: what is called from there goes straight
 * to the C library.
 */
#ifndef RLI_INTERPOSE_ALLOCATOR_H
#define RLI_INTERPOSE_ALLOCATOR_H

#include <stdbool.h>
#include <stdint.h>

extern struct rli_range {
	uintptr_t begin, end;
} rli_allocator_code;	/* read-only after the start; empty: none */

static inline bool rli_is_allocator(const void *caller)
{
	uintptr_t at = (uintptr_t)caller;

	return at - rli_allocator_code.begin <
	       rli_allocator_code.end - rli_allocator_code.begin;
}

/* Finds out whose malloc the process uses. */
void rli_allocator_start(void);

#endif /* RLI_INTERPOSE_ALLOCATOR_H */
