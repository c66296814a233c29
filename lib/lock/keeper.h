/*
 * lock/keeper.h - the one background thread: it renews leases, finds out that
 * one was lost, and asks the questions of those who wait.
 */
#ifndef RLI_LOCK_KEEPER_H
#define RLI_LOCK_KEEPER_H

#include "lock/lock.h"

/* Room for the timer and what it needs, so that watching cannot fail for want
 * of memory. Called as a hold, or a record, is made. */
int rli_keeper_make_room(struct rli_hold *hold);
int rli_keeper_make_room_for_question(struct rli_lock *lock);

/* Whether holds of these terms cannot do without the keeper. */
bool rli_keeper_needed(const struct rli_terms *terms);

/* Starts the thread if it is not running: 0, or why it cannot be. */
int rli_keeper_start(void);

/* A LIVE hold has a new lease: sets its timer. Under guard. */
void rli_keeper_watch(struct rli_hold *hold);

/* A thread stands in line for the hold: it asks once a second whether it is
 * still there. Under guard. */
void rli_keeper_check(struct rli_hold *hold);

/*
 * The hold has been passed on for a good part of its slice: the keeper asks
 * whether others wait, and if nobody does the slice begins anew. Under guard.
 * True: it is to be woken once the guard is released; as it often runs at once,
 * in place of whoever woke it, it would find the guard held.
 */
bool rli_keeper_ask_turn(struct rli_hold *hold, int64_t now);
void rli_keeper_wake(void);

/*
 * lock->waiting has become more than 0, or the time left on the lease is known
 * to be left_ms (-1: for ever). Under guard. As rli_keeper_start().
 */
int rli_keeper_question(struct rli_lock *lock, const struct rli_terms *terms,
			int64_t left_ms, bool foreign);

/* Whether the last question found K held by this owner ("id#"). Under guard. */
bool rli_keeper_saw(struct rli_lock *lock, const char *id, size_t len);

/* What the last question met with, ENOLCK if nothing else; says so. */
int rli_keeper_outage(struct rli_lock *lock);

/* ------------------------------------------------ between the keeper's files */

/* Room for one more timer. ENOMEM. */
int rli_timer_make_room(void);

/* Sets a timer, or moves it nearer; never farther. Under lock->guard. The
 * second leaves it to the caller, if true, to wake the keeper. */
void rli_timer_set(struct rli_timer *timer, int64_t due);
bool rli_timer_plan(struct rli_timer *timer, int64_t due);

/* A timer went off; its record is pinned, and is unpinned when done with. */
struct rli_listeners;

/* Before it is looked after n of them: what is read of each is fetched into the
 * caches. Locks are all over the memory, and looked at once in seconds. */
void rli_look_ahead(struct rli_timer *const timer[], int n);

void rli_look_after(struct rli_hold *hold, struct rli_conns *conns,
		    struct rli_listeners *listeners);
void rli_ask_question(struct rli_lock *lock, struct rli_conns *conns);

/* ------------------------------------------------------------------------- */

/* The record goes: takes its timers out of the heap. */
void rli_keeper_forget(struct rli_lock *lock);

/* The process ends: stops the thread, for good. Leases that are still held run
 * out, also those of locks that the end of the program takes. */
void rli_keeper_stop(void);

/* Whether it runs: a wish made under the guard of a lock, with a timer, is
 * heard. */
bool rli_keeper_runs(void);

/* Whether the calling thread is the keeper. */
bool rli_keeper_self(void);

void rli_keeper_before_fork(void);
void rli_keeper_after_fork_parent(void);
void rli_keeper_after_fork_child(void);

#endif /* RLI_LOCK_KEEPER_H */
