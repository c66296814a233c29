/*
 * What becomes of a hold that is unlocked while threads of its process wait.
 */
#include <string.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "lock/keeper.h"
#include "lock/delegation.h"
#include "lock/turn.h"

/* Who was called to the lock and found it taken, for longer than this, gets
 * it from the next one that unlocks. */
#define PASSED_OVER_MOST RLI_MS

/* Whether a hold taken under the terms of a could as well be one of b. */
static bool alike(const struct rli_terms *a, const struct rli_terms *b)
{
	if (a == b)
		return true;
	return a->kind == b->kind && a->id_len == b->id_len &&
	       (!a->id || !memcmp(a->id, b->id, a->id_len)) &&
	       a->servers == b->servers &&
	       a->robust == b->robust && !b->shared && a->renew == b->renew &&
	       a->lease_ms == b->lease_ms && a->interval == b->interval &&
	       a->maxhold == b->maxhold && a->delegated == b->delegated;
}

/* A lease with less than half of its time left is not passed on. */
static bool lasts(const struct rli_hold *hold, int64_t now)
{
	return hold->valid_until == RLI_FOREVER ||
	       hold->valid_until - now >= rli_ms(hold->terms->lease_ms) / 2;
}

static void give(struct rli_hold *hold, const struct rli_terms *terms,
		 unsigned long locker, int64_t now)
{
	hold->state = RLI_LIVE;
	hold->terms = terms;
	hold->locker = locker;
	hold->depth = 1;
	hold->began = now;
}

/* Relaxed: who looks without the guard takes it before going by it. */
static void set_resting(struct rli_lock *lock, struct rli_hold *hold)
{
	atomic_store_explicit(&lock->resting, hold, memory_order_relaxed);
}

static void rest(struct rli_hold *hold, const struct rli_terms *terms,
		 int64_t now)
{
	hold->state = RLI_RESTING;
	hold->terms = terms;
	hold->locker = 0;
	hold->rested = now;
	set_resting(hold->lock, hold);
}

/*
 * Whether others are to have their turn. If nobody was there when it began,
 * that is asked in good time, so that the answer is there at the end of the
 * slice and the lock goes round meanwhile; an answer that is late is waited for
 * as long again.
 */
static bool turn_is_over(struct rli_hold *hold, int64_t now,
			 struct rli_wakes *wakes)
{
	int64_t slice = hold->terms->slice, took = now - hold->asked;

	if (rli_delegation_stands(hold, now))
		return false;
	if (took < slice / 8 * 7)
		return false;
	if (hold->lock->contended || took >= 2 * slice)
		return took >= slice;
	wakes->keeper = rli_keeper_ask_turn(hold, now);
	return took >= slice && !hold->ask_turn;
}

/* With nobody in line. It rests before it is looked whether it may, as what is
 * planned for it depends on that. */
static bool keep(struct rli_hold *hold, int64_t now)
{
	unsigned long locker = hold->locker;

	if (!hold->terms->delegated || hold->lock->contended)
		return false;
	rest(hold, hold->terms, now);
	if (rli_delegation_stands(hold, now))
		return true;
	set_resting(hold->lock, NULL);
	hold->state = RLI_LIVE;
	hold->locker = locker;
	return false;
}

bool rli_turn_pass(struct rli_hold *hold, int64_t now,
		   struct rli_wakes *wakes)
{
	struct rli_lock *lock = hold->lock;
	struct rli_turn_waiter *w = lock->first;

	if (!hold->owns_turn || hold->inconsistent || !lasts(hold, now))
		return false;
	if (!w)
		return keep(hold, now);
	if (!alike(hold->terms, w->terms) || turn_is_over(hold, now, wakes))
		return false;
	if (w->passed_over && now - w->passed_over >= PASSED_OVER_MOST) {
		give(hold, w->terms, w->locker, now);
		rli_turn_give(lock, hold, wakes);
		return true;
	}
	if (!w->passed_over)
		w->passed_over = now;
	rest(hold, w->terms, now);
	rli_turn_call(lock, wakes);
	return true;
}

struct rli_hold *rli_rest_take(struct rli_lock *lock,
			       const struct rli_terms *terms,
			       unsigned long locker, int64_t now)
{
	struct rli_hold *hold = lock->resting;

	if (!hold || !alike(hold->terms, terms) || !lasts(hold, now))
		return NULL;
	set_resting(lock, NULL);
	give(hold, terms, locker, now);
	return hold;
}

bool rli_rest_catch(struct rli_lock *lock, const struct rli_thread *self,
		    const struct rli_terms *terms, bool waits)
{
	struct rli_hold *hold;
	int cancel_type;

	/* Relaxed: the guard orders what follows. */
	if (!atomic_load_explicit(&lock->resting, memory_order_relaxed))
		return false;
	cancel_type = rli_cancel_defer();
	rli_guard_lock(&lock->guard);
	hold = lock->resting;
	/* Another hold may be a lost one of this thread. */
	if (hold && lock->holds == hold && !hold->next &&
	    (waits || !lock->first))
		hold = rli_rest_take(lock, terms, self->serial,
				     rli_watch_read(&lock->watch));
	else
		hold = NULL;
	rli_guard_unlock(&lock->guard);
	rli_cancel_retype(cancel_type);
	return hold;
}

bool rli_rest_begin(struct rli_lock *lock, const struct rli_thread *self)
{
	struct rli_wakes wakes = { .keeper = false };
	struct rli_hold *hold;
	bool rests = false;
	int64_t now;
	int cancel_type;

	cancel_type = rli_cancel_defer();
	rli_guard_lock(&lock->guard);
	hold = lock->holds;
	if (hold && !hold->next && hold->state == RLI_LIVE &&
	    hold->locker == self->serial && hold->depth == 1 &&
	    (lock->first || hold->terms->delegated)) {
		now = rli_watch_read(&lock->watch);
		rests = now < hold->valid_until &&
			rli_turn_pass(hold, now, &wakes);
	}
	rli_guard_unlock(&lock->guard);
	rli_turn_wake(&wakes);
	rli_cancel_retype(cancel_type);
	return rests;
}

void rli_rest_over(struct rli_hold *hold)
{
	set_resting(hold->lock, NULL);
	hold->owns_turn = false;
	hold->state = RLI_ENDING;
}

void rli_rest_ended(struct rli_hold *hold)
{
	/* Release: whoever waited for it sees it gone. */
	atomic_fetch_add_explicit(&hold->lock->told, 1, memory_order_release);
	rli_hold_end(hold);
}
