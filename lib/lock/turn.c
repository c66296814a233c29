#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/futex.h"
#include "lock/keeper.h"
#include "lock/turn.h"

static void stand_in_line(struct rli_lock *lock, struct rli_turn_waiter *w)
{
	struct rli_hold *hold = lock->holds;

	*lock->last = w;
	lock->last = &w->next;
	while (hold && !(hold->owns_turn && rli_hold_stands(hold)))
		hold = hold->next;
	if (hold)
		rli_keeper_check(hold);
}

static struct rli_turn_waiter *first_in_line(struct rli_lock *lock)
{
	struct rli_turn_waiter *w = lock->first;

	lock->first = w->next;
	if (!lock->first)
		lock->last = &lock->first;
	return w;
}

static void leave_line(struct rli_lock *lock, struct rli_turn_waiter *w)
{
	struct rli_turn_waiter **link = &lock->first;

	while (*link != w)
		link = &(*link)->next;
	*link = w->next;
	if (!w->next)
		lock->last = link;
}

/*
 * Its frame may be gone as soon as the word is written, so the wake-up that
 * follows may hit a stranger, who must expect a wake-up without a reason.
 */
static void put(struct rli_turn_waiter *w, enum rli_turn turn)
{
	/* Release: w->hold is seen with it. */
	atomic_store_explicit(&w->word, turn, memory_order_release);
}

static void tell(struct rli_turn_waiter *w, enum rli_turn turn)
{
	put(w, turn);
	rli_futex_wake(&w->word, 1);
}

static enum rli_turn look(struct rli_turn_waiter *w)
{
	return atomic_load_explicit(&w->word, memory_order_acquire);
}

/*
 * Called to a lock that rested, or out of time: takes it if it still rests. A
 * turn that comes at the deadline is a turn. EAGAIN: neither; EINPROGRESS: the
 * turn, and a hold to be ended first.
 */
static int look_again(struct rli_lock *lock, struct rli_turn_waiter *w,
		      bool late)
{
	struct rli_hold *rests = lock->resting;
	int err = EAGAIN;

	if (look(w) == RLI_TURN_YOURS || look(w) == RLI_TURN_PASSED)
		return 0;
	if (rests)
		w->hold = rli_rest_take(lock, w->terms, w->locker, rli_now());
	if (w->hold) {
		err = 0;
	} else if (rests && lock->first == w) {
		rli_rest_over(w->hold = rests);
		err = EINPROGRESS;
	} else if (late) {
		err = ETIMEDOUT;
	}
	if (err == EAGAIN)
		put(w, RLI_TURN_WAIT);
	else
		leave_line(lock, w);
	return err;
}

static int sleep_in_line(struct rli_lock *lock, struct rli_turn_waiter *w,
			 int64_t deadline)
{
	int err = EAGAIN;
	bool late;

	while (err == EAGAIN) {
		late = deadline != RLI_FOREVER && rli_now() >= deadline;
		if (look(w) == RLI_TURN_WAIT && !late) {
			rli_futex_wait(&w->word, RLI_TURN_WAIT, deadline);
			continue;
		}
		if (look(w) > RLI_TURN_LOOK)
			return 0;
		rli_guard_lock(&lock->guard);
		err = look_again(lock, w, late);
		rli_guard_unlock(&lock->guard);
	}
	return err == ETIMEDOUT ? rli_fail_const(err, "timed out behind "
						 "another thread of this "
						 "process") : err;
}

int rli_turn_enter(struct rli_lock *lock, const struct rli_terms *terms,
		   unsigned long locker, int64_t deadline,
		   struct rli_hold **hold)
{
	struct rli_turn_waiter w = { .terms = terms, .locker = locker };
	int err = 0;

	*hold = NULL;
	rli_guard_lock(&lock->guard);
	if (!lock->turn_taken) {
		lock->turn_taken = true;
		rli_guard_unlock(&lock->guard);
		return 0;
	}
	if (lock->resting && !lock->first) {
		*hold = rli_rest_take(lock, terms, locker, rli_now());
		if (!*hold) {
			*hold = lock->resting;
			rli_rest_over(*hold);
			err = EINPROGRESS;
		}
		rli_guard_unlock(&lock->guard);
		return err;
	}
	if (deadline == 0) {
		rli_guard_unlock(&lock->guard);
		return rli_fail_const(EBUSY, "another thread of this process "
				      "has it or waits for it");
	}
	stand_in_line(lock, &w);
	rli_guard_unlock(&lock->guard);
	err = sleep_in_line(lock, &w, deadline);
	*hold = w.hold;
	return err;
}

void rli_turn_give(struct rli_lock *lock, struct rli_hold *hold,
		   struct rli_wakes *wakes)
{
	struct rli_turn_waiter *w = first_in_line(lock);

	w->hold = hold;
	wakes->sleeper = &w->word;
	put(w, RLI_TURN_PASSED);
}

void rli_turn_call(struct rli_lock *lock, struct rli_wakes *wakes)
{
	struct rli_turn_waiter *w = lock->first;

	/* One that is on its way need not be woken again. */
	if (look(w) != RLI_TURN_WAIT)
		return;
	wakes->sleeper = &w->word;
	put(w, RLI_TURN_LOOK);
}

void rli_turn_wake(const struct rli_wakes *wakes)
{
	if (wakes->sleeper)
		rli_futex_wake(wakes->sleeper, 1);
	if (wakes->keeper)
		rli_keeper_wake();
}

void rli_turn_leave(struct rli_lock *lock)
{
	if (lock->first)
		tell(first_in_line(lock), RLI_TURN_YOURS);
	else
		lock->turn_taken = false;
}
