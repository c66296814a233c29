/*
 * interpose/binding.h - which addresses are bound.
 *
 * A filter of 512 bits, one cache line that is only read, says of nearly every
 * unbound address that it is none: that is all the fast path does. Behind it
 * is a table of addresses. With @all, @pshared or statistics every bit is set,
 * and object.c decides.
 */
#ifndef RLI_INTERPOSE_BINDING_H
#define RLI_INTERPOSE_BINDING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rli_object;

/* How many addresses can be bound, by symbols. */
#define RLI_BOUND_MAX 512

#define RLI_FILTER_WORDS 8

extern struct rli_filter {
	_Atomic uint64_t word[RLI_FILTER_WORDS];
} rli_filter __attribute__((aligned(64)));

static inline unsigned rli_hash(const void *address)
{
	return (unsigned)(((uint64_t)(uintptr_t)address >> 3) *
				  UINT64_C(0x9e3779b97f4a7c15) >> 55);
}

/* False: it is not. */
static inline bool rli_may_be_bound(const void *mutex)
{
	unsigned bit = rli_hash(mutex);

	/* Relaxed: the table behind it is read with acquire. */
	return atomic_load_explicit(&rli_filter.word[bit >> 6],
				    memory_order_relaxed) >> (bit & 63) & 1;
}

/* The object bound to this very address, or NULL. Takes no lock. */
struct rli_object *rli_binding_find(const void *mutex);

/* What passes the filter, and what is then looked at. Read-only after the
 * start. */
enum rli_watch {
	RLI_WATCH_SYMBOLS,	/* what may be in the table */
	RLI_WATCH_SHARED,	/* all; process-shared ones are looked at */
	RLI_WATCH_ALL
};

extern enum rli_watch rli_watch;

void rli_binding_watch(enum rli_watch watch);

/* Binds what the patterns name in the modules there are. At the start a
 * symbol that cannot be found ends the program. */
void rli_binding_start(void);

/* A module has come; one may have gone. */
void rli_binding_loaded(void);
void rli_binding_unloaded(void);

void rli_binding_before_fork(void);
void rli_binding_after_fork(bool child);

#endif /* RLI_INTERPOSE_BINDING_H */
