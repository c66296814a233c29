/*
 * base/futex.h - sleeping on a word of this process's memory.
 */
#ifndef RLI_BASE_FUTEX_H
#define RLI_BASE_FUTEX_H

#include <stdatomic.h>
#include <stdint.h>

/*
 * Sleeps while *word is value, until woken, the deadline (a moment of
 * rli_now()), or for no reason at all: the caller looks at *word again.
 * No cancellation point; preserves errno.
 */
void rli_futex_wait(_Atomic uint32_t *word, uint32_t value, int64_t deadline);

/* Wakes at most n of those who sleep on word. */
void rli_futex_wake(_Atomic uint32_t *word, int n);

#endif /* RLI_BASE_FUTEX_H */
