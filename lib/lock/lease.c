#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "lock/keeper.h"
#include "lock/turn.h"

static int not_owner(void)
{
	return rli_fail_const(EPERM, "the caller does not hold the lock");
}

static int lost(void)
{
	return rli_fail_const(ESTALE, "the lease was lost");
}

/* A hold as it was when it was looked at, for use without the guard. */
struct snapshot {
	struct rli_hold *hold;
	unsigned long epoch;
	const struct rli_terms *terms;
	uint64_t fence;
	int64_t valid_until;
	bool inconsistent;
	size_t value_len;
	char value[RLI_ID_MAX + RLI_NONCE_LEN + 2];
};

/* Under guard. */
static void take_snapshot(struct snapshot *s, struct rli_hold *hold)
{
	s->hold = hold;
	s->epoch = hold->epoch;
	s->terms = hold->terms;
	s->fence = hold->fence;
	s->valid_until = hold->valid_until;
	s->inconsistent = hold->inconsistent;
	s->value_len = hold->value_len;
	memcpy(s->value, hold->value, hold->value_len);
}

/* 0; ENOENT: there is none that this caller may use; ESTALE: it was lost.
 * renew: all servers are about to be told of it. */
static int look_to(bool renew, struct rli_lock *lock,
		   const struct rli_thread *self, struct snapshot *s)
{
	struct rli_hold *hold;
	bool live = false, tell = false;

	rli_guard_lock(&lock->guard);
	hold = rli_hold_find(lock, self, RLI_RIGHT_USE);
	if (hold)
		live = rli_hold_check(hold, rli_now(), &tell);
	if (live)
		take_snapshot(s, hold);
	if (live && renew)
		hold->bare = 0;
	rli_guard_unlock(&lock->guard);
	if (tell)
		rli_lost_tell(hold);
	if (!hold)
		return ENOENT;
	return live ? 0 : lost();
}

static int look(struct rli_lock *lock, const struct rli_thread *self,
		struct snapshot *s)
{
	return look_to(false, lock, self, s);
}

static void fill_op(struct rli_op *op, enum rli_op_kind kind,
		    struct rli_lock *lock, const struct snapshot *s)
{
	*op = (struct rli_op){
		.kind = kind,
		.servers = s->terms->servers,
		.place = &lock->place,
		.value = s->value,
		.value_len = s->value_len,
		.hold_fence = s->fence,
		.lease_ms = s->terms->lease_ms,
	};
}

/* For an owner that other processes may be, too: any hold of it. */
static int fill_foreign_op(struct rli_op *op, enum rli_op_kind kind,
			   struct rli_lock *lock,
			   const struct rli_terms *terms)
{
	*op = (struct rli_op){
		.kind = kind,
		.flags = RLI_DO_ANY,
		.servers = terms->servers,
		.place = &lock->place,
		.value = terms->id,
		.value_len = terms->id_len,
		.lease_ms = terms->lease_ms,
	};
	return terms->kind < RLI_OWNER_HOST ? not_owner() : 0;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* The servers say that K is not this hold. */
static int gone(struct snapshot *s, const struct rli_op *op)
{
	struct rli_lock *lock = s->hold->lock;
	bool unlocked = op->fence == s->fence + 1, tell = false;

	rli_guard_lock(&lock->guard);
	if (s->hold->epoch == s->epoch && rli_hold_stands(s->hold)) {
		tell = !unlocked && rli_hold_lose(s->hold);
		if (unlocked)
			rli_hold_end(s->hold);
	}
	rli_guard_unlock(&lock->guard);
	if (tell)
		rli_lost_tell(s->hold);
	return unlocked ? not_owner() : lost();
}

/* Whether a hold that keeps the turn is worth a look, so as not to wait for
 * what is not there any more. Under guard. */
static bool worth_a_look(const struct rli_hold *hold,
			 const struct rli_thread *self, bool no_wait)
{
	if (hold->state != RLI_LIVE || !hold->owns_turn ||
	    hold->terms->kind < RLI_OWNER_HOST || hold->terms->delegated)
		return false;
	/* Who is not the first in line, or comes while the hold is young, waits
	 * for a thread that passes it on, or for the keeper's next look. */
	return no_wait || hold->locker == self->serial ||
	       (!hold->lock->first &&
		rli_now() - hold->asked >= hold->terms->slice);
}

/* Whether the servers say that K is not this hold. */
static bool is_elsewhere(struct rli_thread *self, const struct snapshot *s,
			 struct rli_op *op)
{
	char value[sizeof(s->value)];
	int err;

	*op = (struct rli_op){
		.kind = RLI_OP_INSPECT, .servers = s->terms->servers,
		.place = &s->hold->lock->place, .text = value,
		.text_size = sizeof(value), .patience = RLI_FOREVER,
	};
	err = rli_ask_once(self, op);
	op->text = NULL;
	return !err && (op->text_len != s->value_len ||
			memcmp(value, s->value, s->value_len));
}

void rli_turn_look(struct rli_lock *lock, struct rli_thread *self, bool no_wait)
{
	struct rli_hold *hold;
	struct snapshot s;
	struct rli_op op;

	rli_guard_lock(&lock->guard);
	hold = lock->holds;
	while (hold && !worth_a_look(hold, self, no_wait))
		hold = hold->next;
	if (hold)
		take_snapshot(&s, hold);
	rli_guard_unlock(&lock->guard);
	if (hold && is_elsewhere(self, &s, &op))
		gone(&s, &op);
}

/* Which hold is the caller's, NULL: none. */
static const struct rli_hold *own(struct rli_lock *lock,
				  const struct rli_thread *self,
				  unsigned long *epoch)
{
	struct snapshot s;

	if (look(lock, self, &s))
		return NULL;
	*epoch = s.epoch;
	return s.hold;
}

/*
 * The servers said that this owner has no hold, and the caller had this one
 * before they were asked. What a quorum answers is no loss yet: a renewal may
 * set K again. And one that is just being unlocked by another thread is none.
 */
static void doubt(struct rli_lock *lock, struct rli_thread *self,
		  const struct rli_hold *hold, unsigned long epoch)
{
	struct snapshot s;
	struct rli_op op;

	if (!look(lock, self, &s) && s.hold == hold && s.epoch == epoch &&
	    s.terms->servers->n == 1 && is_elsewhere(self, &s, &op) &&
	    op.fence != s.fence + 1)
		gone(&s, &op);
}

static int ask_who(struct rli_lock *lock, struct rli_thread *self,
		   const struct rli_terms *terms)
{
	struct rli_foreign_hold any;

	return rli_hold_of_owner(lock, self, terms, &any);
}

int rli_held(struct rli_lock *lock, struct rli_thread *self,
	     const struct rli_terms *terms)
{
	unsigned long epoch = 0;
	const struct rli_hold *hold = own(lock, self, &epoch);
	int err = ask_who(lock, self, terms);

	if (err == EPERM && hold) {
		doubt(lock, self, hold, epoch);
		rli_fail_const(EPERM, "this owner does not hold it");
	}
	return err;
}

static void renewed(struct snapshot *s, const struct rli_op *op,
		    int64_t lease_ms)
{
	struct rli_lock *lock = s->hold->lock;

	rli_guard_lock(&lock->guard);
	if (s->hold->epoch == s->epoch && rli_hold_stands(s->hold)) {
		rli_validity_set(s->hold, op->sent,
				 rli_valid_until(op->sent, lease_ms));
		rli_keeper_watch(s->hold);
	}
	rli_guard_unlock(&lock->guard);
}

static int no_lease(void)
{
	return rli_fail(ENOTSUP, "the lease of this lock never ends (lease 0)");
}

static int renew_elsewhere(struct rli_lock *lock, struct rli_thread *self,
			   const struct rli_terms *terms, int64_t lease_ms)
{
	struct rli_foreign_hold hold;
	struct rli_op op;
	int err = fill_foreign_op(&op, RLI_OP_RENEW, lock, terms);

	if (err)
		return err;
	if (terms->lease_ms == 0)
		return no_lease();
	/* Not one that this process has ended. */
	if (!rli_value_over(lock, ""))
		err = rli_hold_of_owner(lock, self, terms, &hold);
	if (err)
		return err;
	if (lease_ms >= 0)
		op.lease_ms = lease_ms;
	op.flags |= rli_keep_flag(lock, op.lease_ms);
	err = rli_ask(self, &op, rli_outage_end(terms->servers));
	return err == ESTALE ? not_owner() : err;
}

int rli_renew(struct rli_lock *lock, struct rli_thread *self,
	      const struct rli_terms *terms, int64_t lease_ms)
{
	struct snapshot s;
	struct rli_op op;
	int err = look_to(true, lock, self, &s);

	if (err == ENOENT)
		return renew_elsewhere(lock, self, terms, lease_ms);
	if (err)
		return err;
	if (s.terms->lease_ms == 0)
		return no_lease();
	fill_op(&op, RLI_OP_RENEW, lock, &s);
	if (lease_ms >= 0)
		op.lease_ms = lease_ms;
	op.flags = rli_keep_flag(lock, op.lease_ms);
	err = rli_ask(self, &op, earlier(s.valid_until,
					 rli_outage_end(s.terms->servers)));
	if (err == ESTALE)
		return gone(&s, &op);
	if (!err)
		renewed(&s, &op, op.lease_ms);
	return err;
}

int rli_remaining(struct rli_lock *lock, struct rli_thread *self,
		  int64_t *left)
{
	struct snapshot s;
	int err = look(lock, self, &s);

	if (err)
		return err == ENOENT ? not_owner() : err;
	*left = s.valid_until == RLI_FOREVER ? RLI_FOREVER
					     : s.valid_until - rli_now();
	return 0;
}

static int fence_elsewhere(struct rli_lock *lock, struct rli_thread *self,
			   const struct rli_terms *terms, uint64_t *fence)
{
	struct rli_foreign_hold hold;
	int err;

	if (terms->kind < RLI_OWNER_HOST)
		return not_owner();
	err = rli_hold_of_owner(lock, self, terms, &hold);
	if (!err)
		*fence = hold.fence;
	return err;
}

int rli_fence(struct rli_lock *lock, struct rli_thread *self,
	      const struct rli_terms *terms, uint64_t *fence)
{
	struct snapshot s;
	int err = look(lock, self, &s);

	if (err == ENOENT)
		return fence_elsewhere(lock, self, terms, fence);
	if (!err)
		*fence = s.fence;
	return err;
}

static int nothing_to_mend(void)
{
	return rli_fail_const(EINVAL, "the lock is not inconsistent");
}

static int mend_elsewhere(struct rli_lock *lock, struct rli_thread *self,
			  const struct rli_terms *terms)
{
	struct rli_foreign_hold hold;
	struct rli_op op;
	int err;

	if (terms->kind < RLI_OWNER_HOST || !terms->robust)
		return nothing_to_mend();
	err = rli_hold_of_owner(lock, self, terms, &hold);
	if (err)
		return err == EPERM ? nothing_to_mend() : err;
	fill_foreign_op(&op, RLI_OP_MEND, lock, terms);
	op.flags = 0;
	op.value = hold.value;
	op.value_len = hold.value_len;
	op.hold_fence = hold.fence;
	err = rli_ask(self, &op, rli_outage_end(terms->servers));
	if (err == EINVAL && op.resent)
		return 0;
	return err == ESTALE ? nothing_to_mend() : err;
}

static void mended(struct snapshot *s)
{
	struct rli_lock *lock = s->hold->lock;

	rli_guard_lock(&lock->guard);
	if (s->hold->epoch == s->epoch)
		s->hold->inconsistent = false;
	rli_guard_unlock(&lock->guard);
}

int rli_mend(struct rli_lock *lock, struct rli_thread *self,
	     const struct rli_terms *terms)
{
	struct snapshot s;
	struct rli_op op;
	int err = look(lock, self, &s);

	if (err == ENOENT)
		return mend_elsewhere(lock, self, terms);
	if (err)
		return err;
	if (!s.inconsistent)
		return nothing_to_mend();
	fill_op(&op, RLI_OP_MEND, lock, &s);
	err = rli_ask(self, &op, earlier(s.valid_until,
					 rli_outage_end(s.terms->servers)));
	if (err == ESTALE)
		return gone(&s, &op);
	/* EINVAL: mended before, and the answer was lost; or forgotten by the
	 * servers, which comes to the same. */
	if (err && err != EINVAL)
		return err;
	mended(&s);
	return 0;
}
