/*
 * Waiting for a lock that is held: in the servers' line, until the token comes
 * that hands it over, and then making a hold of that token.
 */
#include <errno.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "lock/attempt.h"
#include "lock/keeper.h"

/* How often a waiter that could join its owner's hold looks whether it can. */
#define LOOK_EVERY RLI_S
/* Between two looks at an outage that may be one. */
#define LOOK_LEAST (100 * RLI_MS)

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

/* Whether the servers have not been heard of for long enough, and a question
 * has failed since: that none was due yet is no outage. */
static bool is_outage(struct rli_attempt *a)
{
	struct rli_lock *lock = a->lock;
	bool failed;

	if (a->patience->deadline != RLI_FOREVER ||
	    rli_now() < rli_attempt_outage_ends(a))
		return false;
	rli_guard_lock(&lock->guard);
	failed = lock->ask_err != 0;
	rli_guard_unlock(&lock->guard);
	return failed;
}

/* When to look again whether the wait still makes sense. */
static int64_t next_look(struct rli_attempt *a)
{
	int64_t soon = rli_after(rli_now(), LOOK_LEAST), ends;

	if (a->terms->shared)
		return rli_after(rli_now(), LOOK_EVERY);
	if (a->patience->deadline != RLI_FOREVER)
		return RLI_FOREVER;
	ends = rli_attempt_outage_ends(a);
	return ends < soon ? soon : ends;
}

/* The wait itself; the servers end it at the deadline. */
static int wait_for_token(struct rli_attempt *a, struct rli_wait *wait)
{
	int err = rli_backend.wait_begin(a->conns, wait);

	if (!err)
		err = EINPROGRESS;
	while (err == EINPROGRESS) {
		err = rli_backend.wait_poll(a->conns, wait, next_look(a));
		if (err == EINPROGRESS && shared_hold_there(a))
			err = EAGAIN;
		else if (err == EINPROGRESS)
			a->outage = is_outage(a);
		if (a->outage)
			break;
	}
	rli_backend.wait_end(a->conns, wait);
	return a->outage ? rli_keeper_outage(a->lock) : err;
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

/* Several are at it, and none has a majority: how long to leave it to others. */
static int64_t back_off(const struct rli_attempt *a)
{
	int64_t pause = a->terms->retry_delay, most = a->terms->retry_jitter;
	uint32_t jitter;

	if (a->op.left_ms >= 0)
		pause = most = rli_ms(a->op.left_ms);
	rli_random(&jitter, sizeof(jitter));
	return pause + (int64_t)((double)most * jitter / UINT32_MAX);
}

/* While the keeper itself waits, in an onlost, nobody asks the question: so it
 * acquires again as often, which says and repairs the same. */
static int64_t wait_ends(const struct rli_attempt *a)
{
	int64_t soon = rli_after(rli_now(), LOOK_EVERY);
	int64_t deadline = a->patience->deadline;

	if (a->op.contended)
		soon = rli_after(rli_now(), back_off(a));
	else if (!rli_keeper_self())
		return deadline;
	return soon < deadline ? soon : deadline;
}

/* 0 granted; EAGAIN: try again; ETIMEDOUT, ENOLCK, … */
int rli_attempt_wait(struct rli_attempt *a)
{
	struct rli_wait wait = {
		.servers = a->terms->servers,
		.place = &a->lock->place,
		.deadline = wait_ends(a),
	};
	int err;

	if (a->op.contended && a->terms->retries >= 0 &&
	    a->retries++ >= a->terms->retries)
		return rli_fail(ETIMEDOUT, "%d retries: none got a majority of "
				"the servers", a->terms->retries);
	err = begin_waiting(a);
	if (err)
		return err;
	err = wait_for_token(a, &wait);
	end_waiting(a);
	if (!err)
		err = claim(a, &wait);
	if (err == ETIMEDOUT && wait.deadline < a->patience->deadline)
		return EAGAIN;
	if (err == ETIMEDOUT)
		say_why_late(a);
	return err;
}
