/*
 * The servers have granted the lock: making a hold of that answer.
 *
 * What is certain of a hold is counted from a moment before it can have begun:
 * as a rule from just before the request that was granted. If an answer was
 * lost and the repeated request hears "you have it already", then from the
 * first of these requests (attempt.since).
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "lock/attempt.h"
#include "lock/keeper.h"

/* For giving back what is of no use; else its lease frees it. */
#define GIVE_BACK_PATIENCE (50 * RLI_MS)

/* Whoever joins a hold must not shorten it. */
bool rli_attempt_is_provisional(const struct rli_attempt *a)
{
	return a->terms->lease_ms == 0 && !a->terms->shared;
}

/* A hold whose validity was over before we had it: give it back. */
static void give_back(struct rli_attempt *a)
{
	rli_attempt_fill_op(a, RLI_OP_RELEASE);
	a->op.flags = RLI_DO_UNDO;
	a->op.hold_fence = a->op.fence;
	a->op.patience = rli_after(rli_now(), GIVE_BACK_PATIENCE);
	rli_ask_once(a->self, &a->op);
	rli_attempt_fresh_nonce(a);
}

static int64_t valid_until(const struct rli_attempt *a)
{
	int64_t from = a->op.how == RLI_BEFORE ? a->since : a->op.sent;

	return rli_valid_until(from, a->terms->lease_ms);
}

static void fill_hold(struct rli_attempt *a)
{
	struct rli_hold *hold = a->hold;

	hold->state = RLI_LIVE;
	hold->terms = a->terms;
	hold->locker = a->self->serial;
	hold->thread = a->terms->kind == RLI_OWNER_THREAD ? a->self : NULL;
	hold->depth = 1;
	hold->owns_turn = a->has_turn && !a->terms->shared;
	hold->claimed = a->op.kind == RLI_OP_CLAIM;
	hold->inconsistent = a->op.dead && a->terms->robust;
	hold->bare = a->op.bare;
	hold->fence = a->op.fence;
	rli_validity_begin(hold, valid_until(a));
	hold->began = a->op.sent;
	/* The slice is of the time in which there is something to pass on. */
	hold->asked = hold->bounds.heard[1];
	hold->ask_turn = false;
	a->lock->contended = a->op.kind == RLI_OP_CLAIM || !a->op.alone;
}

/* A REFRESH hold of this owner, which this process may know already. */
static struct rli_hold *join(struct rli_attempt *a)
{
	struct rli_hold *there;

	if (a->op.how == RLI_JOINED)
		memcpy(a->hold->value + a->hold->id_len, a->nonce,
		       RLI_NONCE_LEN);
	there = rli_hold_shared(a->lock, a->self, a->terms);
	if (!there || memcmp(there->value, a->hold->value,
			     a->hold->value_len))
		return NULL;
	rli_validity_set(there, a->op.sent, valid_until(a));
	rli_keeper_watch(there);
	return there;
}

/*
 * The hold that this thread had before, if any, is over: it was lost and is
 * forgotten now, or the servers gave the lock away and we learn it here. A
 * recursive one still has unlocks to come, which are to hear of the loss.
 * Gives the hold whose onlost is to be called, or NULL.
 */
static struct rli_hold *end_the_one_before(struct rli_attempt *a)
{
	struct rli_hold *hold = rli_hold_own(a->lock, a->self);
	bool tell;

	if (!hold)
		return NULL;
	tell = rli_hold_lose(hold);
	if (hold->depth == 1 && !tell)
		rli_hold_drop(hold);
	return tell ? hold : NULL;
}

/* Forgets the lost hold of this thread, told of or not, that is not present. */
void rli_forget_lost(struct rli_lock *lock, const struct rli_thread *self)
{
	struct rli_hold *hold;

	rli_guard_lock(&lock->guard);
	for (hold = lock->holds; hold; hold = hold->next)
		if (hold->state == RLI_LOST && hold->depth == 1 &&
		    hold->locker == self->serial)
			break;
	if (hold)
		rli_hold_drop(hold);
	rli_guard_unlock(&lock->guard);
}

static void install(struct rli_attempt *a)
{
	struct rli_hold *there, *lost = NULL;

	rli_guard_lock(&a->lock->guard);
	there = a->terms->shared ? join(a) : NULL;
	if (there) {
		rli_hold_drop(a->hold);
	} else {
		lost = end_the_one_before(a);
		fill_hold(a);
		rli_hold_add(a->hold);
		rli_keeper_watch(a->hold);
		a->has_turn = a->has_turn && !a->hold->owns_turn;
	}
	a->hold = NULL;
	rli_guard_unlock(&a->lock->guard);
	if (lost) {
		rli_lost_tell(lost);
		rli_forget_lost(a->lock, a->self);
	}
}

/* The grant is none: what of it there is, is given back. */
static int too_late(struct rli_attempt *a, int64_t lease_ms)
{
	give_back(a);
	return rli_fail(ENOLCK, "the servers took longer to answer than the "
			"lease lasts (%lld ms)", (long long)lease_ms);
}

/* Takes the provisional lease off. 0, EAGAIN if it was reset, ENOLCK. */
static int make_lasting(struct rli_attempt *a)
{
	struct rli_op op = {
		.kind = RLI_OP_RENEW, .flags = RLI_DO_KEEP,
		.servers = a->terms->servers, .place = &a->lock->place,
		.value = a->hold->value, .value_len = a->hold->value_len,
		.hold_fence = a->op.fence,
	};
	int64_t until = rli_valid_until(a->op.how == RLI_BEFORE ? a->since
								: a->op.sent,
					RLI_PROVISIONAL_LEASE_MS);
	int err;

	if (rli_now() >= until)
		return too_late(a, RLI_PROVISIONAL_LEASE_MS);
	err = rli_ask(a->self, &op, until);
	if (!err)
		return 0;
	give_back(a);
	return err == ESTALE ? EAGAIN : err;
}

static int owner_died(void)
{
	return rli_fail_const(EOWNERDEAD, "the last holder did not unlock");
}

/*
 * Granted: 0, EOWNERDEAD, or ENOLCK if it came too late to be of use: servers
 * that are so slow are as good as none, and are tried for as long. EAGAIN if
 * somebody has reset it already.
 */
int rli_attempt_granted(struct rli_attempt *a)
{
	bool died = a->op.dead && a->terms->robust;
	int err = rli_attempt_is_provisional(a) ? make_lasting(a) : 0;

	if (err)
		return err;
	if (rli_now() >= valid_until(a))
		return too_late(a, a->terms->lease_ms);
	install(a);
	return died ? owner_died() : 0;
}
