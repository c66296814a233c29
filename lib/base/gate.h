/*
 * base/gate.h - work that must be at rest at certain moments.
 *
 * Any number of threads pass through at a time, each for a short piece of work
 * that never blocks. Whoever needs that none of it is going on shuts the gate:
 * new work waits outside, and what is inside comes to its end. Used around
 * a library that must be whole in a forked child, and that ends before the
 * process does.
 */
#ifndef RLI_BASE_GATE_H
#define RLI_BASE_GATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define RLI_GATE_SHUT	(1u << 30)	/* wait outside */
#define RLI_GATE_ENDED	(1u << 31)	/* for good: turn back */

/* How many are inside, and the two bits. All zero bytes: open, and empty. */
struct rli_gate {
	_Atomic uint32_t word;
};

/* Waits while it is shut. False: it has ended, and the caller is not inside. */
bool rli_gate_enter(struct rli_gate *gate);
void rli_gate_leave(struct rli_gate *gate);

/*
 * Shuts it, or ends it, and waits until nobody is inside, at most until
 * deadline (a moment of rli_now()). Not from inside.
 */
void rli_gate_shut(struct rli_gate *gate, int64_t deadline);
void rli_gate_end(struct rli_gate *gate, int64_t deadline);

void rli_gate_open(struct rli_gate *gate);

/* In a forked child: open, and nobody inside, unless it has ended. */
void rli_gate_reset(struct rli_gate *gate);

#endif /* RLI_BASE_GATE_H */
