/*
 * lock/delegation.h - locks that a process keeps after its threads have
 * unlocked them, until somebody else asks: see delegation.c.
 */
#ifndef RLI_LOCK_DELEGATION_H
#define RLI_LOCK_DELEGATION_H

#include "lock/turn.h"

/* A lock that nobody has wanted for so long is given back. */
#define RLI_DELEGATION_IDLE (100 * RLI_MS)

/* ------------------------------------------------------- for any thread */

/* Whether the process may keep the hold, unlocked or not, until it is recalled.
 * If so it is seen to that a recall is heard. Under guard. */
bool rli_delegation_stands(struct rli_hold *hold, int64_t now);

/* Somebody else has the lock, and can be recalled: does so. */
void rli_delegation_recall(struct rli_lock *lock, struct rli_thread *self,
			   struct rli_servers *servers);

/* -------------------------------------------------------- for the keeper */

/* The lists that one run of the keeper listens to. */
struct rli_listeners;

int rli_listeners_new(struct rli_listeners **listeners);

/* Waits for recalls of this lock too. Without its guard. */
void rli_listeners_add(struct rli_listeners *listeners, struct rli_lock *lock,
		       struct rli_servers *servers);

/* The lock is being given back. */
void rli_listeners_drop(struct rli_listeners *listeners,
			const struct rli_lock *lock);

/* Begins to wait where there is something to wait for. */
void rli_listeners_update(struct rli_listeners *listeners,
			  struct rli_conns *conns);

/* The hold of the lock that may be recalled; NULL. Under guard. */
struct rli_hold *rli_delegated_hold(struct rli_lock *lock);

/* The lock has been recalled, or could not be: it goes with the next unlock, or
 * at once. False: this process does not have it. Without its guard. */
bool rli_delegation_ends(struct rli_lock *lock);

/* The process ends: gives back all that rests. */
void rli_delegation_give_back(struct rli_conns *conns);

/* After the connections have been closed. */
void rli_listeners_free(struct rli_listeners *listeners);

#endif /* RLI_LOCK_DELEGATION_H */
