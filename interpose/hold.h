/*
 * interpose/hold.h - taking and giving back the rl lock behind a gate.
 */
#ifndef RLI_INTERPOSE_HOLD_H
#define RLI_INTERPOSE_HOLD_H

#include "interpose/object.h"

/* How long a call may wait. */
struct rli_how {
	enum {
		RLI_HOW_LOCK,
		RLI_HOW_RELOCK,	/* after a wait: is not cancelled */
		RLI_HOW_TRY,
		RLI_HOW_UNTIL
	} how;
	clockid_t clock;
	const struct timespec *abstime;
};

/*
 * The calling thread has just locked the mutex, with gate (0 or EOWNERDEAD) as
 * the result: takes the rl lock too. What the program's call returns; if that
 * is neither 0 nor EOWNERDEAD, the mutex is unlocked again.
 */
int rli_hold_after_gate(pthread_mutex_t *mutex, int gate,
			const struct rli_how *how);

/*
 * The calling thread is about to unlock, or to wait on a condition: gives the
 * rl lock back, if that is the end of a hold of its. True if it did.
 */
bool rli_hold_give(pthread_mutex_t *mutex);

/* Mends what rl called inconsistent; err is what the real one said. */
int rli_hold_mend(pthread_mutex_t *mutex, int err);

/* The mutex's life has ended, or a new one begins. */
void rli_hold_forget(pthread_mutex_t *mutex);

#endif /* RLI_INTERPOSE_HOLD_H */
