/*
 * lock/turn.h - the line of one process's threads, and what passes along it.
 */
#ifndef RLI_LOCK_TURN_H
#define RLI_LOCK_TURN_H

#include "lock/lock.h"

/* -------------------------------------------------------------- turn.c */

enum rli_turn {
	RLI_TURN_WAIT,		/* not yet */
	RLI_TURN_LOOK,		/* the lock rests, or did: see whether it
				   still does */
	RLI_TURN_YOURS,		/* deal with the servers */
	RLI_TURN_PASSED		/* the lock itself: waiter->hold */
};

/*
 * Stand in line until the deadline. 0 with the turn, or with a hold in *hold;
 * EINPROGRESS with the turn and a hold that is to be ended first; EBUSY if it
 * is not free at once and deadline is 0; ETIMEDOUT. Takes and gives up
 * lock->guard itself.
 */
int rli_turn_enter(struct rli_lock *lock, const struct rli_terms *terms,
		   unsigned long locker, int64_t deadline,
		   struct rli_hold **hold);

/*
 * Another process of its owner may have unlocked the hold that keeps the turn:
 * asks the servers, and ends the hold if so. Only where it may matter: if the
 * caller will not wait, or would wait for itself, or for a hold that has not
 * been asked about for long. (lease.c)
 */
void rli_turn_look(struct rli_lock *lock, struct rli_thread *self,
		   bool no_wait);

/* Who is to be woken once the guard is released, or he would wake to wait for
 * it. */
struct rli_wakes {
	_Atomic uint32_t *sleeper;	/* in the line; or NULL */
	bool keeper;
};

/* Tells the first in line that the hold is his, or that it rests. Under
 * guard. */
void rli_turn_give(struct rli_lock *lock, struct rli_hold *hold,
		   struct rli_wakes *wakes);
void rli_turn_call(struct rli_lock *lock, struct rli_wakes *wakes);
void rli_turn_wake(const struct rli_wakes *wakes);

/* Gives the turn to the next in line. Under guard. */
void rli_turn_leave(struct rli_lock *lock);

/* ------------------------------------------------------------- rest.c */

/* A LIVE hold is unlocked: it is passed to the first in line, or rests, if it
 * may. Under guard. */
bool rli_turn_pass(struct rli_hold *hold, int64_t now,
		   struct rli_wakes *wakes);

/* Takes the hold that rests, if it is fit to be taken. Under guard. */
struct rli_hold *rli_rest_take(struct rli_lock *lock,
			       const struct rli_terms *terms,
			       unsigned long locker, int64_t now);

/* The same for a call that begins: one that has no other hold of this lock. If
 * it would not wait, only with nobody in line. */
bool rli_rest_catch(struct rli_lock *lock, const struct rli_thread *self,
		    const struct rli_terms *terms, bool waits);

/* An unlock that has no more to do than rli_turn_pass(). */
bool rli_rest_begin(struct rli_lock *lock, const struct rli_thread *self);

/* A RESTING hold goes: ENDING, for the caller to release, who has the turn from
 * now on. Under guard. */
void rli_rest_over(struct rli_hold *hold);

/* The servers have it back: the hold is no more. Under guard; then lock->told
 * is to be woken. */
void rli_rest_ended(struct rli_hold *hold);

#endif /* RLI_LOCK_TURN_H */
