/*
 * posix/gate.h - a mutex of <rl/pthread.h> taken and given back, whole.
 */
#ifndef RLI_POSIX_GATE_H
#define RLI_POSIX_GATE_H

#include "posix/object.h"
#include "posix/record.h"

/* How a locker waits; clock and deadline of those who do until a moment. */
struct rli_px_how {
	enum { RLI_PX_WAIT, RLI_PX_TRY, RLI_PX_UNTIL } way;
	clockid_t clock;
	const struct timespec *deadline;
};

/*
 * The caller has taken the gate (gate_err is what it got: 0 or EOWNERDEAD)
 * and takes the rl lock. On any error but EOWNERDEAD it has neither.
 */
int rli_px_take(struct rli_px_object *object, struct rli_px_record *record,
		const struct rli_px_how *how, int gate_err);

/*
 * Whether the caller is the one who may unlock. Mutexes that are neither
 * checked nor robust may be unlocked by anybody.
 */
bool rli_px_may_unlock(const struct rli_px_object *object);

/* The holder gives the rl lock back, and keeps the gate. */
void rli_px_give(struct rli_px_object *object, struct rli_px_record *record);

/*
 * The object is destroyed: a lock that was left beyond mending is made usable
 * again, as destroying and initialising does it for a robust mutex.
 */
void rli_px_begin_anew(const struct rli_px_object *object,
		       struct rli_px_record *record);

#endif /* RLI_POSIX_GATE_H */
