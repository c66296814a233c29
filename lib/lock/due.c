#include "lock/due.h"

#include "base/clock.h"
#include "lock/delegation.h"

/* Between two tries of a renewal: a tenth of the interval, within these. */
#define RETRY_LEAST (10 * RLI_MS)
#define RETRY_MOST RLI_S
/* In the time from one renewal to the next. */
#define TICKS 32
/* Until a hold is renewed that only a bare majority has been told of. */
#define BARE (5 * RLI_MS)
/* Between two looks at a hold that other threads stand in line for, and at one
 * that is not renewed since its lease never ends. */
#define CHECK_EVERY RLI_S
#define WATCH_EVERY (3 * RLI_S)

bool rli_hold_renews(const struct rli_hold *hold, int64_t now)
{
	const struct rli_terms *terms = hold->terms;

	return terms->renew && terms->lease_ms &&
	       (!terms->maxhold || now - hold->began < terms->maxhold);
}

bool rli_due_soon(const struct rli_terms *terms)
{
	return terms->renew && terms->lease_ms && !terms->shared &&
	       (!terms->maxhold || terms->maxhold > 2 * BARE);
}

/* Whether somebody is to learn of the end of a hold that is not renewed. */
static bool watched(const struct rli_hold *hold)
{
	return hold->terms->onlost || hold->terms->kind != RLI_OWNER_THREAD ||
	       hold->terms->renew;
}

bool rli_hold_awaited(const struct rli_hold *hold)
{
	return hold->owns_turn && hold->lock->first;
}

bool rli_hold_checked(const struct rli_hold *hold)
{
	return rli_hold_awaited(hold) ||
	       (!hold->terms->lease_ms && hold->terms->onlost);
}

int64_t rli_due_check(const struct rli_hold *hold, int64_t now)
{
	return rli_after(now, rli_hold_awaited(hold) ? CHECK_EVERY : WATCH_EVERY);
}

bool rli_hold_wants_listener(const struct rli_hold *hold)
{
	return hold->terms->delegated && hold->owns_turn &&
	       !hold->lock->listened && !hold->lock->contended;
}

int64_t rli_due_give_back(const struct rli_hold *hold, int64_t now)
{
	if (hold->state != RLI_RESTING || hold->lock->first || hold->renewing)
		return RLI_FOREVER;
	return hold->lock->contended ? now
				     : hold->rested + RLI_DELEGATION_IDLE;
}

int64_t rli_due(const struct rli_hold *hold, int64_t now)
{
	int64_t due = watched(hold) ? hold->valid_until : RLI_FOREVER;

	if (rli_hold_renews(hold, now) && !hold->renewing) {
		if (hold->ask_turn)
			return now;
		if (hold->renew_at < due)
			due = hold->renew_at;
	}
	if (rli_hold_checked(hold) && hold->check_at < due)
		due = hold->check_at;
	if (rli_due_give_back(hold, now) < due)
		due = rli_due_give_back(hold, now);
	if (rli_hold_wants_listener(hold))
		due = now;
	return due;
}

/*
 * Renewals are due as configured, and in good time before the end of a lease
 * that was made shorter. They are due at ticks, so that those of many holds go
 * in pipelines; and of a new hold up to half an interval sooner, so that those
 * of holds that were taken all at once are spread. How much sooner is always
 * the same for one record of a hold: locking again finds the timer that it left
 * early enough.
 */
static int64_t usual_renewal(const struct rli_hold *hold, int64_t now, bool first)
{
	uint32_t some = (uint32_t)((uintptr_t)hold >> 4) * 2654435761u;
	int64_t pause = hold->terms->interval, due;

	if (rli_after(now, pause) >= hold->valid_until)
		pause = (hold->valid_until - now) / 3;
	due = rli_after(now, pause);
	if (first)
		due -= pause / 2048 * (some >> 22);
	return due - due % (pause / TICKS + 1);
}

int64_t rli_due_renewal(const struct rli_hold *hold, int64_t now, bool first)
{
	int64_t due = usual_renewal(hold, now, first), soon;

	soon = hold->bare ? rli_after(now, BARE) : RLI_FOREVER;
	return due < soon ? due : soon;
}

int64_t rli_due_retry(const struct rli_hold *hold, int64_t now)
{
	int64_t pause = hold->terms->interval / 10;
	int64_t left = hold->valid_until - now;

	if (pause > left / 4)
		pause = left / 4;
	if (pause < RETRY_LEAST)
		return RETRY_LEAST;
	return pause > RETRY_MOST ? RETRY_MOST : pause;
}
