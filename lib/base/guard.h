/*
 * base/guard.h - the lock inside the lock library.
 *
 * A guard protects a few words for a few instructions; whoever holds one
 * makes no system call that can block, and calls nobody back. It is rl's own,
 * and not a pthread mutex, for two reasons: a forked child makes a guard anew
 * by writing 0 into it, whoever held it in the parent; and a program whose
 * pthread mutexes are rl locks does not come back to us through our own.
 */
#ifndef RLI_BASE_GUARD_H
#define RLI_BASE_GUARD_H

#include <stdatomic.h>
#include <stdint.h>

/* 0 free, 1 held, 2 held and somebody may sleep. All zero bytes: free. */
struct rli_guard {
	_Atomic uint32_t word;
};

void rli_guard_lock_slow(struct rli_guard *guard);
void rli_guard_unlock_slow(struct rli_guard *guard);

static inline void rli_guard_lock(struct rli_guard *guard)
{
	uint32_t free = 0;

	/* Acquire: what the last holder wrote is seen. */
	if (!atomic_compare_exchange_strong_explicit(
		    &guard->word, &free, 1, memory_order_acquire,
		    memory_order_relaxed))
		rli_guard_lock_slow(guard);
}

static inline void rli_guard_unlock(struct rli_guard *guard)
{
	/* Release: what we wrote is seen by the next holder. */
	if (atomic_exchange_explicit(&guard->word, 0, memory_order_release) > 1)
		rli_guard_unlock_slow(guard);
}

/* In a forked child: nobody holds it, whatever it says. */
static inline void rli_guard_reset(struct rli_guard *guard)
{
	atomic_store_explicit(&guard->word, 0, memory_order_relaxed);
}

#endif /* RLI_BASE_GUARD_H */
