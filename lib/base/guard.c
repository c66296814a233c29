#include "base/guard.h"

#include "base/clock.h"
#include "base/futex.h"

#define SPINS 64

static int try_spinning(struct rli_guard *guard)
{
	int i;

	for (i = 0; i < SPINS; i++) {
		uint32_t free = 0;

		if (atomic_compare_exchange_weak_explicit(
			    &guard->word, &free, 1, memory_order_acquire,
			    memory_order_relaxed))
			return 1;
	}
	return 0;
}

void rli_guard_lock_slow(struct rli_guard *guard)
{
	if (try_spinning(guard))
		return;
	/* From here on the word says 2: whoever unlocks wakes somebody. */
	while (atomic_exchange_explicit(&guard->word, 2,
					memory_order_acquire) != 0)
		rli_futex_wait(&guard->word, 2, RLI_FOREVER);
}

void rli_guard_unlock_slow(struct rli_guard *guard)
{
	rli_futex_wake(&guard->word, 1);
}
