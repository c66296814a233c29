/*
 * Numbers of attempts, of which those that win are fences.
 */
#include "base/clock.h"
#include "redis/quorum.h"

static void raise(_Atomic uint64_t *word, uint64_t number)
{
	uint64_t old = atomic_load_explicit(word, memory_order_relaxed);

	/* Relaxed: only the number itself counts. */
	while (old < number && !atomic_compare_exchange_weak_explicit(
				       word, &old, number,
				       memory_order_relaxed,
				       memory_order_relaxed))
		;
}

void rli_quorum_saw(struct rli_notes *notes, int64_t number)
{
	if (number > 0 && number < RLI_Q_NUMBER_MAX)
		raise(&notes->seen, (uint64_t)number);
}

void rli_quorum_true(struct rli_notes *notes, uint64_t number)
{
	raise(&notes->truth, number);
}

static uint64_t micros_since_1970(void)
{
	struct timespec now = { 0 };

	rli_clock_fn(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t rli_quorum_number(struct rli_notes *notes)
{
	uint64_t seen = atomic_load_explicit(&notes->seen,
					     memory_order_relaxed);
	uint64_t clock = micros_since_1970(), number;

	/* Two threads never propose the same. */
	do
		number = (seen + 1 > clock ? seen + 1 : clock) | 1;
	while (!atomic_compare_exchange_weak_explicit(
		&notes->seen, &seen, number, memory_order_relaxed,
		memory_order_relaxed));
	return number;
}
