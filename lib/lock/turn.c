#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/futex.h"
#include "lock/keeper.h"
#include "lock/lock.h"

static void stand_in_line(struct rli_lock *lock, struct rli_turn_waiter *w)
{
	struct rli_hold *hold = lock->holds;

	*lock->last = w;
	lock->last = &w->next;
	while (hold && !(hold->state == RLI_LIVE && hold->owns_turn))
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
static void tell(struct rli_turn_waiter *w, enum rli_turn turn)
{
	/* Release: w->hold is seen with it. */
	atomic_store_explicit(&w->word, turn, memory_order_release);
	rli_futex_wake(&w->word, 1);
}

static enum rli_turn look(struct rli_turn_waiter *w)
{
	return atomic_load_explicit(&w->word, memory_order_acquire);
}

static int sleep_in_line(struct rli_lock *lock, struct rli_turn_waiter *w,
			 int64_t deadline)
{
	bool late;

	while (look(w) == RLI_TURN_WAIT && rli_now() < deadline)
		rli_futex_wait(&w->word, RLI_TURN_WAIT, deadline);
	if (look(w) != RLI_TURN_WAIT)
		return 0;
	rli_guard_lock(&lock->guard);
	late = look(w) == RLI_TURN_WAIT;
	if (late)
		leave_line(lock, w);
	rli_guard_unlock(&lock->guard);
	/* A turn that comes at the deadline is a turn. */
	return late ? rli_fail_const(ETIMEDOUT, "timed out behind another "
				     "thread of this process") : 0;
}

int rli_turn_enter(struct rli_lock *lock, const struct rli_terms *terms,
		   unsigned long locker, int64_t deadline,
		   struct rli_hold **hold)
{
	struct rli_turn_waiter w = { .terms = terms, .locker = locker };
	int err;

	*hold = NULL;
	rli_guard_lock(&lock->guard);
	if (!lock->turn_taken) {
		lock->turn_taken = true;
		rli_guard_unlock(&lock->guard);
		return 0;
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

void rli_turn_leave(struct rli_lock *lock)
{
	if (lock->first)
		tell(first_in_line(lock), RLI_TURN_YOURS);
	else
		lock->turn_taken = false;
}

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
	       a->maxhold == b->maxhold;
}

bool rli_turn_pass(struct rli_hold *hold, int64_t now)
{
	struct rli_lock *lock = hold->lock;
	struct rli_turn_waiter *w = lock->first;

	if (!hold->owns_turn || !w || hold->inconsistent)
		return false;
	if (now - hold->asked >= hold->terms->slice ||
	    !alike(hold->terms, w->terms))
		return false;
	if (hold->valid_until != RLI_FOREVER &&
	    hold->valid_until - now < rli_ms(hold->terms->lease_ms) / 2)
		return false;
	hold->terms = w->terms;
	hold->locker = w->locker;
	hold->depth = 1;
	hold->began = now;
	w->hold = hold;
	tell(first_in_line(lock), RLI_TURN_PASSED);
	return true;
}
