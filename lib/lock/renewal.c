/*
 * A hold under the keeper's eye: renewed while it is held, found lost when the
 * servers say so or its validity has run out.
 */
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "lock/keeper.h"

/* Between two tries of a renewal: a tenth of the interval, within these. */
#define RETRY_LEAST (10 * RLI_MS)
#define RETRY_MOST RLI_S

struct rli_renewal {
	struct rli_op op;	/* first: the keeper finds us by it */
	struct rli_hold *hold;
	unsigned long epoch;	/* of the hold when it was asked */
	char value[RLI_ID_MAX + RLI_NONCE_LEN + 2];
};

int rli_keeper_make_room(struct rli_hold *hold)
{
	hold->timer_due = RLI_FOREVER;
	hold->renewal = rli_calloc(1, sizeof(*hold->renewal));
	if (!hold->renewal)
		return rli_fail_nomem();
	hold->renewal->hold = hold;
	if (!rli_timer_make_room())
		return 0;
	rli_free(hold->renewal);
	hold->renewal = NULL;
	return ENOMEM;
}

/* Whether the keeper is to go on renewing this hold. */
static bool renews(const struct rli_hold *hold, int64_t now)
{
	const struct rli_terms *terms = hold->terms;

	return terms->renew && terms->lease_ms &&
	       (!terms->maxhold || now - hold->began < terms->maxhold);
}

/* Whether somebody is to learn of the end of a hold that is not renewed. */
static bool watched(const struct rli_hold *hold)
{
	return hold->terms->onlost || hold->terms->kind != RLI_OWNER_THREAD ||
	       hold->terms->renew;
}

static int64_t due_of(const struct rli_hold *hold, int64_t now)
{
	if (renews(hold, now) && !hold->renewing &&
	    hold->renew_at < hold->valid_until)
		return hold->renew_at;
	return watched(hold) ? hold->valid_until : RLI_FOREVER;
}

/* A timer that is set already and goes off in time is left alone. */
static void set_hold_timer(struct rli_hold *hold, int64_t now)
{
	int64_t due = due_of(hold, now);

	if (due >= hold->timer_due)
		return;
	hold->timer_due = due;
	rli_timer_set(&hold->timer, due);
}

/* Renewals are due a third of the way, as configured, and in good time before
 * the end of a lease that was made shorter. */
static int64_t next_renewal(const struct rli_hold *hold, int64_t now)
{
	int64_t third = rli_ms(hold->lease_ms) / 3;
	int64_t interval = hold->terms->interval;

	return rli_after(now, third < interval ? third : interval);
}

bool rli_keeper_needed(const struct rli_terms *terms)
{
	return terms->lease_ms && (terms->renew || terms->onlost ||
				   terms->kind != RLI_OWNER_THREAD);
}

void rli_keeper_watch(struct rli_hold *hold)
{
	int64_t now = rli_now();

	if (!rli_keeper_needed(hold->terms))
		return;
	hold->renew_at = next_renewal(hold, now);
	set_hold_timer(hold, now);
}

static int64_t retry_pause(const struct rli_hold *hold)
{
	int64_t pause = hold->terms->interval / 10;

	if (pause < RETRY_LEAST)
		return RETRY_LEAST;
	return pause > RETRY_MOST ? RETRY_MOST : pause;
}


/* What the answer means for the hold. True: onlost is to be called. */
static bool apply(struct rli_hold *hold, const struct rli_op *op)
{
	int64_t now = rli_now();

	if (op->err == ESTALE && op->fence == hold->fence + 1) {
		/* Unlocked by somebody who may: that is no loss. */
		rli_hold_end(hold);
		return false;
	}
	if (op->err == ESTALE)
		return rli_hold_lose(hold);
	if (op->err) {
		hold->renew_at = rli_after(now, retry_pause(hold));
	} else {
		int64_t until = op->left_ms < 0 ? RLI_FOREVER :
				rli_valid_until(op->sent, op->left_ms);

		if (until > hold->valid_until)
			hold->valid_until = until;
		hold->lease_ms = op->lease_ms;
		hold->renew_at = next_renewal(hold, now);
	}
	set_hold_timer(hold, now);
	return false;
}

static void renewal_done(struct rli_op *op)
{
	struct rli_renewal *renewal = (struct rli_renewal *)op;
	struct rli_hold *hold = renewal->hold;
	struct rli_lock *lock = hold->lock;
	struct rli_servers *servers = op->servers;
	bool tell = false;

	if (op->err && op->err != ESTALE)
		rli_log(RL_LOG_ERROR, "lock '%s': renewal failed, to be tried "
			"again: %s", lock->place.k, rli_error_message());
	rli_guard_lock(&lock->guard);
	hold->renewing = false;
	if (hold->state == RLI_LIVE && hold->epoch == renewal->epoch)
		tell = apply(hold, op);
	else if (hold->state == RLI_LIVE)
		set_hold_timer(hold, rli_now());
	/* From here on the next renewal may be made in *op. */
	rli_guard_unlock(&lock->guard);
	if (tell)
		rli_lost_tell(hold);
	rli_servers_put(servers);
	rli_lock_put(lock);
}

/* Under guard; it is started without. */
static void prepare_renewal(struct rli_hold *hold)
{
	struct rli_renewal *r = hold->renewal;

	hold->renewing = true;
	r->epoch = hold->epoch;
	memcpy(r->value, hold->value, hold->value_len);
	r->op = (struct rli_op){
		.kind = RLI_OP_RENEW,
		.flags = RLI_DO_LONGER |
			 rli_keep_flag(hold->lock, hold->terms->lease_ms),
		.servers = hold->terms->servers,
		.place = &hold->lock->place,
		.value = r->value,
		.value_len = hold->value_len,
		.lease_ms = hold->terms->lease_ms,
		.patience = hold->valid_until,
		.done = renewal_done,
	};
	rli_servers_hold(r->op.servers);
}

/* The timer of a hold: renew it, find it lost, or leave it alone. */
void rli_look_after(struct rli_hold *hold, struct rli_conns *conns)
{
	struct rli_lock *lock = hold->lock;
	bool tell = false, renew = false;
	int64_t now = rli_now();

	rli_guard_lock(&lock->guard);
	hold->timer_due = RLI_FOREVER;
	if (hold->state == RLI_LIVE && rli_hold_check(hold, now, &tell)) {
		renew = renews(hold, now) && !hold->renewing &&
			hold->renew_at <= now;
		if (renew)
			prepare_renewal(hold);
		set_hold_timer(hold, now);
	}
	rli_guard_unlock(&lock->guard);
	if (tell)
		rli_lost_tell(hold);
	if (renew)
		rli_backend.start(conns, &hold->renewal->op);
	else
		rli_lock_put(lock);
}
