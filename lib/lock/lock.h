/*
 * lock/lock.h - a lock as this process sees it: the record, and its holds.
 *
 * DESIGN
 *
 * A record (struct rli_lock) stands for one lock on one set of servers. All
 * mutexes of the process that name that lock share it. It has
 *
 *   holds  what threads of this process hold, or held until it was lost. At
 *          most one is LIVE, but for holds that the servers have taken away
 *          and that we have not heard of yet.
 *   turn   the line of those threads whose owner is not the thread itself.
 *          Only the first of them deals with the servers; a hold can be passed
 *          to the next without asking them. Threads that own for themselves
 *          (RLI_OWNER_THREAD) stand in the servers' line, each on its own
 *          connection, and never here.
 *
 * LOCKING
 *
 * registry_guard (record.c)  >  lock->guard  >  keeper's guard (keeper.c)
 *
 * A guard is held for a few instructions, never across a call to a server, a
 * user's function or the log. The fields of a record and of its holds are
 * under lock->guard unless they say otherwise.
 *
 * STATES of a hold
 *
 *   FREE       in lock->spare, nobody's
 *   LIVE       held, as far as we know. Its validity may have run out already
 *              without anybody having looked: whoever looks makes it LOST
 *   ENDING     its unlock is asking the servers; the keeper and other threads
 *              do not see it
 *   LOST       its locker has not been told yet: its unlocks say ESTALE
 *   RESTING    lock->resting: unlocked, and for the next thread of this process
 *              that comes. It keeps the turn; nobody holds it, so its end is
 *              told to nobody
 */
#ifndef RLI_LOCK_LOCK_H
#define RLI_LOCK_LOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/backend.h"
#include "base/guard.h"
#include "base/owner.h"
#include "base/place.h"
#include "base/thread.h"
#include "base/watch.h"
#include "lock/timer.h"

/* How a mutex wants its holds. Read-only while a hold or a call uses it. */
struct rli_terms {
	enum rli_owner_kind kind;
	char *id;		/* HOST, NAME: "kind:…#"; else NULL, as it is
				   not the same for all who use these terms */
	size_t id_len;
	struct rli_servers *servers;	/* held by the mutex */
	bool robust;		/* EOWNERDEAD is wanted */
	bool shared;		/* whoever is the same owner joins (REFRESH) */
	bool locker_unlocks;	/* nobody else may (ERRORCHECK, RECURSIVE) */
	bool renew;		/* the keeper renews */
	bool async;		/* unlock does not wait for the servers */
	bool delegated;		/* the process may keep it, unlocked */
	int64_t lease_ms;	/* 0: never ends */
	int64_t interval;	/* ns between renewals */
	int64_t maxhold;	/* ns, 0: no limit */
	int64_t slice;		/* ns */
	int retries;		/* rounds of a quorum, -1: no limit */
	int64_t retry_delay, retry_jitter;	/* ns */
	void (*onlost)(void *mutex, int error, void *arg);	/* or NULL */
	void *onlost_arg;
	void *mutex;		/* whose terms these are; only passed on */
};

/*
 * What the servers' answers said of the end of a lease. Requests that were
 * under way at the same time may have been run in either order: so the earliest
 * end that any of them gave counts, until the answer to one that was sent
 * after theirs had come. Two generations are enough: [0] came before [1].
 */
struct rli_bounds {
	int64_t until[2];	/* RLI_FOREVER if there is none */
	int64_t heard[2];	/* when the last one of them came */
};

enum rli_hold_state {
	RLI_FREE,
	RLI_LIVE,
	RLI_ENDING,
	RLI_LOST,
	RLI_RESTING
};

struct rli_hold {
	struct rli_hold *next;		/* of lock->holds or lock->spare */
	struct rli_hold *made;		/* of lock->made; read-only */
	unsigned slot;			/* of the thread it was made for; read-
					   only */
	struct rli_lock *lock;		/* read-only */
	enum rli_hold_state state;
	unsigned long epoch;		/* counts the holds this record was */
	const struct rli_terms *terms;
	unsigned long locker;		/* serial of the thread that locked */
	struct rli_thread *thread;	/* it, if terms->kind is THREAD */
	int depth;			/* locks not yet unlocked, at least 1 */
	bool owns_turn;			/* the turn goes on when it ends */
	bool claimed;			/* it was handed to us */
	unsigned bare;			/* the only servers that know; 0: all */
	bool inconsistent;		/* EOWNERDEAD was said, and no mending */
	bool calling;			/* onlost is running, or about to */
	const struct rli_terms *telling;	/* calling: whose onlost … */
	unsigned long caller;		/* … by which thread; 0: not yet */
	uint64_t fence;
	int64_t valid_until;		/* a moment; RLI_FOREVER */
	struct rli_bounds bounds;	/* where that comes from */
	int64_t began;			/* for maxhold */
	int64_t renew_at;		/* when the keeper renews next */
	int64_t check_at;		/* when it asks next whether the hold
					   is still there, if threads of this
					   process stand in line for it, or its
					   lease never ends */
	int64_t asked;			/* the servers, for a turn: for slice */
	int64_t rested;			/* when it began to rest with nobody in
					   line */
	size_t value_len, id_len;
	char *value;			/* "id#nonce"; room for value_cap */
	size_t value_cap;
	struct rli_timer timer;		/* keeper */
	int64_t timer_due;		/* RLI_FOREVER: it is not set, or the
					   keeper is about to look */
	bool renewing;			/* the renewal is on its way */
	bool ask_turn;			/* from the wish to know whether others
					   wait until the answer to it */
	struct rli_renewal *renewal;	/* keeper */
};

/* A thread in the line; lives on its stack. */
struct rli_turn_waiter {
	struct rli_turn_waiter *next;
	const struct rli_terms *terms;
	unsigned long locker;
	_Atomic uint32_t word;		/* enum rli_turn; written under guard */
	struct rli_hold *hold;		/* RLI_TURN_PASSED */
	int64_t passed_over;		/* since when others took the lock that
					   it was called to; 0: they did not */
};

struct rli_lock {
	struct rli_lock *next;		/* under registry_guard */
	atomic_uint refs;		/* 0 only under registry_guard */
	struct rli_place place;		/* read-only */
	char *servers;			/* read-only: their identity */
	uint32_t hash;			/* read-only */

	struct rli_guard guard;
	struct rli_watch watch;
	struct rli_hold *holds, *spare;
	struct rli_hold *_Atomic made;	/* every hold there ever was */
	/* The nonce of the last hold that this process ended without being
	 * able to tell the servers: K may say for a while that its owner holds
	 * it. Empty: none. */
	char over[RLI_NONCE_LEN + 1];
	bool turn_taken;
	bool contended;		/* others have been seen to wait: they get their
				   turn without being asked for */
	bool listened;		/* the keeper listens for recalls */
	/* The hold that rests, or NULL, with the terms of the first in line or
	 * its own. Under guard; without, to see whether to take that. */
	struct rli_hold *_Atomic resting;
	struct rli_turn_waiter *first, **last;
	struct rli_attempt *attempts;	/* threads that deal with the servers */

	/* Threads that wait at the servers, and the question asked for them. */
	int waiting;
	struct rli_servers *asking;	/* held; NULL: none ever */
	struct rli_timer question;
	int64_t ask_lease_ms;		/* for which meta is kept */
	bool question_asked;		/* it is on its way */
	struct rli_question *asker;	/* keeper */
	int64_t heard;			/* when the servers last answered */
	int ask_err;			/* what they answered; 0: well */

	/* Until when who wants the lock may go into the line without asking:
	 * see rli_op.handed. 0: never. */
	_Atomic int64_t line_open;

	_Atomic uint32_t told;		/* counts calls of onlost that returned,
					   and rests that were ended */

	/* Until when meta is known to be kept: see rli_keep_flag(). */
	_Atomic int64_t kept;
};

/* ------------------------------------------------------------ record.c */

/* The record of a lock, held for the caller. EINVAL, ENOMEM. */
int rli_lock_get(const struct rli_servers *servers, const char *prefix,
		 const char *name, struct rli_lock **lock);
/* One more reference, unless there is none left (then false). */
bool rli_lock_hold(struct rli_lock *lock);
void rli_lock_put(struct rli_lock *lock);

/* Calls visit with every record; the record stays while it is visited. */
void rli_lock_each(void (*visit)(struct rli_lock *lock, void *arg), void *arg);

void rli_locks_before_fork(void);
void rli_locks_after_fork_parent(void);
void rli_locks_after_fork_child(void);

/* -------------------------------------------------------------- hold.c */

/*
 * A hold to fill in, not in any list. Under guard. NULL: out of memory. There
 * is one for each slot that ever asked, so that a thread which has used the
 * lock finds one whatever the others do; with RLI_NO_SLOT any will do.
 */
struct rli_hold *rli_hold_take(struct rli_lock *lock, unsigned slot,
			       size_t value_room);
/* Into and out of lock->holds. Under guard. */
void rli_hold_add(struct rli_hold *hold);
void rli_hold_drop(struct rli_hold *hold);
/* The same, and the turn goes to the next. */
void rli_hold_end(struct rli_hold *hold);
void rli_holds_free(struct rli_lock *lock);

/* What a caller wants to do to a hold, which decides whether it may. */
enum rli_right { RLI_RIGHT_USE, RLI_RIGHT_UNLOCK };

/*
 * The hold that a call by this thread is about: its own first, then one that
 * its owner lets it use. NULL: none. Under guard.
 */
struct rli_hold *rli_hold_find(struct rli_lock *lock,
			       const struct rli_thread *self,
			       enum rli_right right);

/* The newest hold that this thread locked, LIVE or LOST; NULL. Under guard. */
struct rli_hold *rli_hold_own(struct rli_lock *lock,
			      const struct rli_thread *self);

/* A hold ends without a word to the servers. Under guard. Whether that was the
 * one with this nonce, or that one rests: so nobody holds it, whatever K says
 * ("": whether there is none such). */
void rli_hold_over(struct rli_hold *hold);
bool rli_value_over(struct rli_lock *lock, const char *nonce);

/* A LIVE shared hold that terms let this thread join; NULL. Under guard. */
struct rli_hold *rli_hold_shared(struct rli_lock *lock,
				 const struct rli_thread *self,
				 const struct rli_terms *terms);

/* Whether the process has it, as far as it knows. Under guard. */
static inline bool rli_hold_stands(const struct rli_hold *hold)
{
	return hold->state == RLI_LIVE || hold->state == RLI_RESTING;
}

/* ---------------------------------------------------------- validity.c */

/* A new hold, certain until then. Under guard. */
void rli_validity_begin(struct rli_hold *hold, int64_t until);

/* An answer, sent at sent: the lease lasts at least until then. Under guard. */
void rli_validity_set(struct rli_hold *hold, int64_t sent, int64_t until);

/* -------------------------------------------------------------- lost.c */

/*
 * If the hold is LIVE: it is LOST from now on, and the turn goes to the next.
 * True if onlost is to be called: then rli_lost_tell() after the guard. One
 * that rests just ends.
 */
bool rli_hold_lose(struct rli_hold *hold);

/* Whether the hold is LIVE or RESTING, and within its validity; else it is
 * LOST, and *tell says as rli_hold_lose(). Under guard. */
bool rli_hold_check(struct rli_hold *hold, int64_t now, bool *tell);

/* Calls onlost, once. Without the guard; hold->calling keeps the hold. */
void rli_lost_tell(struct rli_hold *hold);

/*
 * A mutex goes: forgets the holds that it lost, having waited for the end of
 * its onlost, and gives back what rests. EBUSY, and nothing changed, if it
 * holds, if a thread stands in line for it, or if it is its own onlost that
 * asks.
 */
int rli_lock_leave(struct rli_lock *lock, const void *mutex,
		   struct rli_thread *self);

/* Waits until no onlost of this mutex is running. EBUSY if it is this thread
 * that runs it. */
int rli_lost_wait(struct rli_lock *lock, const void *mutex,
		  const struct rli_thread *self);

/* ----------------------------------------------------------- acquire.c */

/*
 * Take the lock, waiting until the deadline, or not at all (try_only). A
 * bad_deadline is EINVAL, but only if it would wait. Without a deadline
 * (RLI_FOREVER) an outage ends it after the servers' outage_timeout, ENOLCK.
 *
 * 0, or EOWNERDEAD (robust), holding; EBUSY, ETIMEDOUT, ENOTRECOVERABLE,
 * ENOLCK, EACCES, EPROTO, EINVAL, ENOMEM, not holding.
 */
struct rli_patience {
	int64_t deadline;
	bool try_only;
	bool bad_deadline;
};

int rli_acquire(struct rli_lock *lock, struct rli_thread *self,
		const struct rli_terms *terms,
		const struct rli_patience *patience);

/* ----------------------------------------------------------- release.c */

int rli_release(struct rli_lock *lock, struct rli_thread *self,
		const struct rli_terms *terms);

/* Ends the hold that rli_rest_over() was called for. */
void rli_release_rested(struct rli_thread *self, struct rli_hold *hold);

/* The thread ends: what it owns as a thread is nobody's now. */
void rli_release_of_ended(struct rli_thread *self);

/* ------------------------------------------------------------- lease.c */

/* lease_ms -1: the configured one. */
int rli_renew(struct rli_lock *lock, struct rli_thread *self,
	      const struct rli_terms *terms, int64_t lease_ms);
int rli_remaining(struct rli_lock *lock, struct rli_thread *self,
		  int64_t *left);
int rli_fence(struct rli_lock *lock, struct rli_thread *self,
	      const struct rli_terms *terms, uint64_t *fence);
int rli_mend(struct rli_lock *lock, struct rli_thread *self,
	     const struct rli_terms *terms);
int rli_held(struct rli_lock *lock, struct rli_thread *self,
	     const struct rli_terms *terms);

/* ------------------------------------------------------------- query.c */

/* A hold of this owner as the servers know it, perhaps of another process. */
struct rli_foreign_hold {
	uint64_t fence;
	bool inconsistent;	/* EOWNERDEAD was said of it, for all that is
				   known, and no mending */
	size_t value_len;
	char value[RLI_ID_MAX + RLI_NONCE_LEN + 2];
};

/* Whether this owner holds it, and which hold it is. EPERM: no. */
int rli_hold_of_owner(struct rli_lock *lock, struct rli_thread *self,
		      const struct rli_terms *terms,
		      struct rli_foreign_hold *hold);

int rli_locked(struct rli_lock *lock, struct rli_thread *self,
	       const struct rli_terms *terms);
int rli_owner(struct rli_lock *lock, struct rli_thread *self,
	      const struct rli_terms *terms, char *buf, size_t size);
int rli_reset(struct rli_lock *lock, struct rli_thread *self,
	      const struct rli_terms *terms);
int rli_reset_all(struct rli_thread *self, struct rli_servers *servers,
		  const char *prefix, size_t *n);

/* --------------------------------------------------------------- ask.c */

/* The calling thread's connections. ENOMEM. */
int rli_conns(struct rli_thread *self, struct rli_conns **conns);

/* Starts op on the calling thread and waits for its answer, once. */
int rli_ask_once(struct rli_thread *self, struct rli_op *op);

/* The same until answered, while trying again could help, until until. */
int rli_ask(struct rli_thread *self, struct rli_op *op, int64_t until);

/*
 * A try failed: what hindered it is kept in why, which has room for a message
 * (RLI_ERROR_MAX) and is empty before the first. If it was the end of its
 * patience that cut it short, what hindered the one before is told again.
 */
void rli_cause_keep(char *why, const struct rli_op *op);

/* When an outage that begins now is over: now + outage_timeout. */
int64_t rli_outage_end(const struct rli_servers *servers);

/* A pause before the next try, at most until until. */
void rli_pause(struct rli_thread *self, const struct rli_servers *servers,
	       int64_t until);

/* RLI_DO_KEEP if meta's expiry needs renewing with a lease that long, else 0. */
unsigned rli_keep_flag(struct rli_lock *lock, int64_t lease_ms);

/* The owner id of a caller, with '#' behind it. */
void rli_owner_id(const struct rli_thread *self,
		  const struct rli_terms *terms, const char **id, size_t *len);

#endif /* RLI_LOCK_LOCK_H */
