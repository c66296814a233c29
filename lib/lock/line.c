/*
 * Waiting for a lock that is held: in the servers' line, until the token comes
 * that hands it over, and then making a hold of that token.
 */
#include <errno.h>

#include "base/clock.h"
#include "base/error.h"
#include "lock/attempt.h"
#include "lock/keeper.h"

/* How often a waiter that could join its owner's hold looks whether it can. */
#define LOOK_EVERY RLI_S

/* With a deadline an outage ends there; without one it has its own end. */
int64_t rli_attempt_outage_ends(struct rli_attempt *a)
{
	int64_t heard;

	rli_guard_lock(&a->lock->guard);
	heard = a->lock->heard;
	rli_guard_unlock(&a->lock->guard);
	if (heard < a->began)
		heard = a->began;
	return rli_after(heard, a->terms->servers->outage_timeout);
}

static bool shared_hold_there(struct rli_attempt *a)
{
	bool there;

	if (!a->terms->shared)
		return false;
	rli_guard_lock(&a->lock->guard);
	there = rli_hold_shared(a->lock, a->self, a->terms) ||
		rli_keeper_saw(a->lock, a->hold->value, a->hold->id_len);
	rli_guard_unlock(&a->lock->guard);
	return there;
}

/* The wait itself; the servers end it at the deadline. */
static int wait_for_token(struct rli_attempt *a, struct rli_wait *wait)
{
	bool forever = a->patience->deadline == RLI_FOREVER;
	int err = rli_backend.wait_begin(a->conns, wait);

	while (!err) {
		int64_t ends = forever ? rli_attempt_outage_ends(a) : RLI_FOREVER;
		int64_t until = ends;

		if (a->terms->shared)
			until = rli_after(rli_now(), LOOK_EVERY);
		err = rli_backend.wait_poll(a->conns, wait, until);
		if (err != EINPROGRESS)
			break;
		err = 0;
		if (shared_hold_there(a))
			err = EAGAIN;
		else if (forever && rli_now() >= rli_attempt_outage_ends(a))
			err = rli_keeper_outage(a->lock);
	}
	rli_backend.wait_end(a->conns, wait);
	return err;
}

static int begin_waiting(struct rli_attempt *a)
{
	struct rli_lock *lock = a->lock;
	int err;

	rli_guard_lock(&lock->guard);
	lock->waiting++;
	lock->heard = rli_now();
	err = rli_keeper_question(lock, a->terms, a->op.left_ms,
				  a->op.foreign);
	if (err)
		lock->waiting--;
	rli_guard_unlock(&lock->guard);
	return err;
}

static void end_waiting(struct rli_attempt *a)
{
	rli_guard_lock(&a->lock->guard);
	a->lock->waiting--;
	rli_guard_unlock(&a->lock->guard);
}

/* The token is ours: make a hold of it before the second is over. */
static int claim(struct rli_attempt *a, const struct rli_wait *wait)
{
	int64_t until = rli_after(rli_now(), RLI_S);
	int err;

	a->op.token = wait->token;
	a->op.token_len = wait->token_len;
	a->since = 0;
	for (;;) {
		err = rli_attempt_ask(a, RLI_OP_CLAIM);
		if (err != ENOLCK || a->op.unanswered || rli_now() >= until)
			break;
		rli_pause(a->self, a->terms->servers, until);
	}
	return err == EBUSY ? EAGAIN : err;
}

static void say_why_late(struct rli_attempt *a)
{
	if (rli_now() > rli_attempt_outage_ends(a))
		rli_keeper_outage(a->lock);
	else
		rli_fail_const(ETIMEDOUT, "the lock is held");
}

/* 0 granted; EAGAIN: try again; ETIMEDOUT, ENOLCK, … */
int rli_attempt_wait(struct rli_attempt *a)
{
	struct rli_wait wait = {
		.servers = a->terms->servers,
		.place = &a->lock->place,
		.deadline = a->patience->deadline,
	};
	int err = begin_waiting(a);

	if (err)
		return err;
	err = wait_for_token(a, &wait);
	end_waiting(a);
	if (!err)
		err = claim(a, &wait);
	if (err == ETIMEDOUT)
		say_why_late(a);
	return err;
}
