/*
 * A hold under the keeper's eye: renewed while it is held, found lost when the
 * servers say so or its validity has run out.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/futex.h"
#include "base/log.h"
#include "lock/delegation.h"
#include "lock/due.h"
#include "lock/keeper.h"

#define CACHE_LINE 64

/* A renewal, or the question whether the hold is still there (INSPECT). */
struct rli_renewal {
	struct rli_op op;	/* first: the keeper finds us by it */
	struct rli_hold *hold;
	unsigned long epoch;	/* of the hold when it was asked */
	int64_t floor;		/* what it does not shorten */
	char value[RLI_ID_MAX + RLI_NONCE_LEN + 2];	/* the hold's; INSPECT:
							   of K, as answered */
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

/* A timer that is set already and goes off in time is left alone. True: the
 * keeper is to be woken. */
static bool plan_hold_timer(struct rli_hold *hold, int64_t now)
{
	int64_t due = rli_due(hold, now);

	if (due >= hold->timer_due)
		return false;
	hold->timer_due = due;
	return rli_timer_plan(&hold->timer, due);
}

static void set_hold_timer(struct rli_hold *hold, int64_t now)
{
	if (plan_hold_timer(hold, now))
		rli_keeper_wake();
}

bool rli_keeper_needed(const struct rli_terms *terms)
{
	return terms->onlost ||
	       (terms->lease_ms &&
		(terms->renew || terms->kind != RLI_OWNER_THREAD));
}

void rli_keeper_watch(struct rli_hold *hold)
{
	int64_t now = rli_now();

	hold->check_at = rli_due_check(hold, now);
	if (!rli_keeper_needed(hold->terms) && !rli_hold_awaited(hold))
		return;
	hold->renew_at = rli_due_renewal(hold, now, true);
	set_hold_timer(hold, now);
}

void rli_keeper_check(struct rli_hold *hold)
{
	int64_t now = rli_now(), check_at = rli_due_check(hold, now);

	if (check_at < hold->check_at)
		hold->check_at = check_at;
	set_hold_timer(hold, now);
}

bool rli_keeper_ask_turn(struct rli_hold *hold, int64_t now)
{
	if (hold->ask_turn || hold->renewing || !rli_hold_renews(hold, now))
		return false;
	hold->ask_turn = true;
	return plan_hold_timer(hold, now);
}

/* Whether the servers say that K is not this hold any more. */
static bool is_gone(const struct rli_hold *hold, const struct rli_op *op)
{
	if (op->err || op->kind == RLI_OP_RENEW)
		return op->err == ESTALE;
	return op->text_len != hold->value_len ||
	       memcmp(op->text, hold->value, hold->value_len);
}

static void renewed(struct rli_hold *hold, const struct rli_renewal *r,
		    int64_t now)
{
	const struct rli_op *op = &r->op;
	int64_t until = RLI_FOREVER;

	if (op->err) {
		hold->renew_at = rli_after(now, rli_due_retry(hold, now));
		return;
	}
	if (op->left_ms >= 0)
		until = rli_valid_until(op->sent, op->left_ms);
	rli_validity_set(hold, op->sent, until > r->floor ? until : r->floor);
	hold->renew_at = rli_due_renewal(hold, now, false);
	if (!(op->flags & RLI_DO_TURN))
		return;
	if (op->alone)
		hold->asked = op->sent;
	else
		hold->lock->contended = true;
}

/* What the answer means for the hold. True: onlost is to be called. */
static bool apply(struct rli_hold *hold, const struct rli_renewal *r)
{
	int64_t now = rli_now();

	if (is_gone(hold, &r->op)) {
		if (r->op.fence != hold->fence + 1)
			return rli_hold_lose(hold);
		/* Unlocked by somebody who may: that is no loss. */
		rli_hold_end(hold);
		return false;
	}
	hold->check_at = rli_due_check(hold, now);
	if (r->op.kind == RLI_OP_RENEW)
		renewed(hold, r, now);
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
		rli_log(RL_LOG_ERROR, "lock '%s': the keeper failed, and will "
			"try again: %s", lock->place.k, rli_error_message());
	rli_guard_lock(&lock->guard);
	hold->renewing = false;
	if (op->flags & RLI_DO_TURN)
		hold->ask_turn = false;
	if (rli_hold_stands(hold) && hold->epoch == renewal->epoch)
		tell = apply(hold, renewal);
	else if (rli_hold_stands(hold))
		set_hold_timer(hold, rli_now());
	/* From here on the next renewal may be made in *op. */
	rli_guard_unlock(&lock->guard);
	if (tell)
		rli_lost_tell(hold);
	rli_servers_put(servers);
	rli_lock_put(lock);
}

/* Under guard; it is started without. */
static void prepare(struct rli_hold *hold, enum rli_op_kind kind)
{
	struct rli_renewal *r = hold->renewal;
	unsigned flags = RLI_DO_LONGER |
			 rli_keep_flag(hold->lock, hold->terms->lease_ms);

	hold->renewing = true;
	r->epoch = hold->epoch;
	r->floor = hold->valid_until;
	if (hold->ask_turn || hold->terms->delegated)
		flags |= RLI_DO_TURN;
	memcpy(r->value, hold->value, hold->value_len);
	r->op = (struct rli_op){
		.kind = kind,
		.flags = flags,
		.servers = hold->terms->servers,
		.place = &hold->lock->place,
		.value = r->value,
		.value_len = hold->value_len,
		.hold_fence = hold->fence,
		.asked = kind == RLI_OP_RENEW ? hold->bare : 0,
		.lease_ms = hold->terms->lease_ms,
		.patience = hold->valid_until,
		.done = renewal_done,
		.text = r->value,
		.text_size = sizeof(r->value),
	};
	if (kind == RLI_OP_RENEW)
		hold->bare = 0;
	rli_servers_hold(r->op.servers);
}

/* What is to be asked about a LIVE hold now, if anything, is prepared. */
static bool prepare_what_is_due(struct rli_hold *hold, int64_t now)
{
	bool check = rli_hold_checked(hold) && hold->check_at <= now;

	/* In the heap while it is asked too, or the keeper would go, idle. */
	if (check)
		hold->check_at = rli_due_check(hold, now);
	if (hold->renewing)
		return false;
	if (rli_hold_renews(hold, now) &&
	    (hold->renew_at <= now || hold->ask_turn))
		prepare(hold, RLI_OP_RENEW);
	else if (check)
		prepare(hold, RLI_OP_INSPECT);
	return hold->renewing;
}

/* Told or not, the servers have taken it back. */
static void given_back(struct rli_op *op)
{
	struct rli_renewal *renewal = (struct rli_renewal *)op;
	struct rli_hold *hold = renewal->hold;
	struct rli_lock *lock = hold->lock;
	struct rli_servers *servers = op->servers;

	rli_guard_lock(&lock->guard);
	hold->renewing = false;
	if (op->err && op->err != ESTALE)
		rli_hold_over(hold);
	rli_rest_ended(hold);
	rli_guard_unlock(&lock->guard);
	rli_futex_wake(&lock->told, INT_MAX);
	rli_servers_put(servers);
	rli_lock_put(lock);
}

static void prepare_to_give_back(struct rli_hold *hold)
{
	rli_rest_over(hold);
	/* Until it is over, nobody of this process is to ask for it. */
	hold->owns_turn = true;
	prepare(hold, RLI_OP_RELEASE);
	hold->renewal->op.flags = 0;
	hold->renewal->op.done = given_back;
}

/* What is to be done for a hold that stands. Under guard. */
static bool look(struct rli_hold *hold, int64_t now,
		 struct rli_servers **listen)
{
	bool ask = true;

	if (listen && rli_hold_wants_listener(hold)) {
		hold->lock->listened = true;
		*listen = hold->terms->servers;
		rli_servers_hold(*listen);
	}
	if (rli_due_give_back(hold, now) <= now)
		prepare_to_give_back(hold);
	else
		ask = prepare_what_is_due(hold, now);
	if (rli_hold_stands(hold))
		set_hold_timer(hold, now);
	return ask;
}

/* Of so many bytes. */
static void fetch(const void *at, size_t size)
{
	const char *line = at;
	size_t i;

	for (i = 0; i < size; i += CACHE_LINE)
		__builtin_prefetch(line + i);
}

static void fetch_texts(const struct rli_timer *timer)
{
	const struct rli_place *place = &timer->lock->place;

	fetch(place->k, place->k_len);
	fetch(place->meta, place->meta_len);
	if (timer->hold)
		fetch(timer->hold->renewal, sizeof(struct rli_op));
}

/* First the holds and their records, then what these point to. */
void rli_look_ahead(struct rli_timer *const timer[], int n)
{
	int i;

	for (i = 0; i < n; i++) {
		fetch(timer[i]->lock, sizeof(*timer[i]->lock));
		if (timer[i]->hold)
			fetch(timer[i]->hold, sizeof(*timer[i]->hold));
	}
	for (i = 0; i < n; i++)
		fetch_texts(timer[i]);
}

/* The timer of a hold: renew it, find it lost, or leave it alone. */
void rli_look_after(struct rli_hold *hold, struct rli_conns *conns,
		    struct rli_listeners *listeners)
{
	struct rli_lock *lock = hold->lock;
	struct rli_servers *listen = NULL;
	bool tell = false, ask = false;
	int64_t now = rli_now();

	rli_guard_lock(&lock->guard);
	hold->timer_due = RLI_FOREVER;
	if (rli_hold_stands(hold) && rli_hold_check(hold, now, &tell))
		ask = look(hold, now, &listen);
	rli_guard_unlock(&lock->guard);
	if (tell)
		rli_lost_tell(hold);
	if (listen)
		rli_listeners_add(listeners, lock, listen);
	rli_servers_put(listen);
	if (ask && listeners && hold->renewal->op.kind == RLI_OP_RELEASE)
		rli_listeners_drop(listeners, lock);
	if (ask)
		rli_backend.start(conns, &hold->renewal->op);
	else
		rli_lock_put(lock);
}
