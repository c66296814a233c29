#include "base/gate.h"

#include <limits.h>

#include "base/clock.h"
#include "base/futex.h"

#define INSIDE (RLI_GATE_SHUT - 1)

bool rli_gate_enter(struct rli_gate *gate)
{
	uint32_t word = atomic_load_explicit(&gate->word,
					     memory_order_relaxed);

	for (;;) {
		if (word & RLI_GATE_ENDED)
			return false;
		if (word & RLI_GATE_SHUT) {
			rli_futex_wait(&gate->word, word, RLI_FOREVER);
			word = atomic_load_explicit(&gate->word,
						    memory_order_relaxed);
			continue;
		}
		/* Acquire: what was done while it was shut is seen. */
		if (atomic_compare_exchange_weak_explicit(
			    &gate->word, &word, word + 1, memory_order_acquire,
			    memory_order_relaxed))
			return true;
	}
}

void rli_gate_leave(struct rli_gate *gate)
{
	/* Release: whoever shuts the gate sees what was done inside. */
	uint32_t word = atomic_fetch_sub_explicit(&gate->word, 1,
						  memory_order_release);

	if ((word & INSIDE) == 1 && word > INSIDE)
		rli_futex_wake(&gate->word, INT_MAX);
}

static void close_it(struct rli_gate *gate, uint32_t bit, int64_t deadline)
{
	/* Acquire, here and below: see leave. */
	uint32_t word = atomic_fetch_or_explicit(&gate->word, bit,
						 memory_order_acquire) | bit;

	while ((word & INSIDE) && rli_now() < deadline) {
		rli_futex_wait(&gate->word, word, deadline);
		word = atomic_load_explicit(&gate->word, memory_order_acquire);
	}
}

void rli_gate_shut(struct rli_gate *gate, int64_t deadline)
{
	close_it(gate, RLI_GATE_SHUT, deadline);
}

void rli_gate_end(struct rli_gate *gate, int64_t deadline)
{
	close_it(gate, RLI_GATE_ENDED, deadline);
	/* Those who wait outside turn back. */
	rli_futex_wake(&gate->word, INT_MAX);
}

void rli_gate_open(struct rli_gate *gate)
{
	/* Release: see enter. */
	atomic_fetch_and_explicit(&gate->word, ~RLI_GATE_SHUT,
				  memory_order_release);
	rli_futex_wake(&gate->word, INT_MAX);
}

void rli_gate_reset(struct rli_gate *gate)
{
	uint32_t word = atomic_load_explicit(&gate->word,
					     memory_order_relaxed);

	atomic_store_explicit(&gate->word, word & RLI_GATE_ENDED,
			      memory_order_relaxed);
}
