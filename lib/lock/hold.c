#include <string.h>

#include "base/alloc.h"
#include "lock/keeper.h"
#include "lock/turn.h"

static struct rli_hold *make_hold(struct rli_lock *lock, unsigned slot)
{
	struct rli_hold *hold = rli_calloc(1, sizeof(*hold));

	if (!hold)
		return NULL;
	hold->lock = lock;
	hold->slot = slot;
	hold->timer.lock = lock;
	hold->timer.hold = hold;
	if (rli_keeper_make_room(hold)) {
		rli_free(hold);
		return NULL;
	}
	hold->made = atomic_load_explicit(&lock->made, memory_order_relaxed);
	/* Release: a forked child that sees it sees it whole. */
	atomic_store_explicit(&lock->made, hold, memory_order_release);
	return hold;
}

static bool make_room(struct rli_hold *hold, size_t room)
{
	char *value;

	if (hold->value_cap >= room)
		return true;
	value = rli_realloc(hold->value, room);
	if (!value)
		return false;
	hold->value = value;
	hold->value_cap = room;
	return true;
}

/* The first spare one, of this slot or of any. */
static struct rli_hold *take_spare(struct rli_lock *lock, unsigned slot,
				   bool of_any)
{
	struct rli_hold **link = &lock->spare, *hold;

	while (*link && !of_any && (*link)->slot != slot)
		link = &(*link)->next;
	hold = *link;
	if (hold)
		*link = hold->next;
	return hold;
}

/* Whether one was made for the slot; it may be in use by whoever. */
static bool has_own(const struct rli_lock *lock, unsigned slot)
{
	const struct rli_hold *hold = atomic_load_explicit(
		&lock->made, memory_order_relaxed);

	while (hold && hold->slot != slot)
		hold = hold->made;
	return hold;
}

struct rli_hold *rli_hold_take(struct rli_lock *lock, unsigned slot,
			       size_t value_room)
{
	struct rli_hold *hold = take_spare(lock, slot, slot == RLI_NO_SLOT);

	if (!hold && has_own(lock, slot))
		hold = take_spare(lock, slot, true);
	if (!hold)
		hold = make_hold(lock, slot);
	if (hold && !make_room(hold, value_room)) {
		hold->next = lock->spare;
		lock->spare = hold;
		return NULL;
	}
	if (hold)
		hold->epoch++;
	return hold;
}

void rli_hold_add(struct rli_hold *hold)
{
	hold->next = hold->lock->holds;
	hold->lock->holds = hold;
	if (hold->thread)
		atomic_fetch_add_explicit(&hold->thread->holds, 1,
					  memory_order_relaxed);
}

static void unlink_hold(struct rli_hold *hold)
{
	struct rli_hold **link = &hold->lock->holds;

	while (*link && *link != hold)
		link = &(*link)->next;
	if (!*link)
		return;
	*link = hold->next;
	if (hold->thread)
		atomic_fetch_sub_explicit(&hold->thread->holds, 1,
					  memory_order_relaxed);
}

void rli_hold_drop(struct rli_hold *hold)
{
	unlink_hold(hold);
	if (hold->state == RLI_RESTING)
		hold->lock->resting = NULL;
	hold->state = RLI_FREE;
	hold->epoch++;
	hold->terms = NULL;
	hold->thread = NULL;
	/* A hold whose onlost is running is put away by rli_lost_tell(). */
	if (hold->calling)
		return;
	hold->next = hold->lock->spare;
	hold->lock->spare = hold;
}

void rli_hold_end(struct rli_hold *hold)
{
	if (hold->owns_turn)
		rli_turn_leave(hold->lock);
	hold->owns_turn = false;
	rli_hold_drop(hold);
}

void rli_holds_free(struct rli_lock *lock)
{
	struct rli_hold *hold = atomic_load_explicit(&lock->made,
						     memory_order_acquire);

	while (hold) {
		struct rli_hold *next = hold->made;

		rli_free(hold->renewal);
		rli_free(hold->value);
		rli_free(hold);
		hold = next;
	}
}

static bool counts(const struct rli_hold *hold)
{
	return hold->state == RLI_LIVE || hold->state == RLI_LOST;
}

struct rli_hold *rli_hold_own(struct rli_lock *lock,
			      const struct rli_thread *self)
{
	struct rli_hold *hold = lock->holds;

	while (hold && !(counts(hold) && hold->locker == self->serial))
		hold = hold->next;
	return hold;
}

/* Whether a thread that did not lock may do that to the hold. */
static bool open_to_others(const struct rli_hold *hold, enum rli_right right)
{
	if (!counts(hold) || hold->terms->kind == RLI_OWNER_THREAD)
		return false;
	return right == RLI_RIGHT_USE || !hold->terms->locker_unlocks;
}

struct rli_hold *rli_hold_find(struct rli_lock *lock,
			       const struct rli_thread *self,
			       enum rli_right right)
{
	struct rli_hold *hold = rli_hold_own(lock, self), *lost = NULL;

	if (hold)
		return hold;
	for (hold = lock->holds; hold; hold = hold->next) {
		if (!open_to_others(hold, right))
			continue;
		if (hold->state == RLI_LIVE)
			return hold;
		if (!lost)
			lost = hold;
	}
	return lost;
}

void rli_hold_over(struct rli_hold *hold)
{
	memcpy(hold->lock->over, hold->value + hold->id_len, RLI_NONCE_LEN);
}

bool rli_value_over(struct rli_lock *lock, const char *nonce)
{
	const struct rli_hold *rests;
	const char *resting = "";
	bool over;

	rli_guard_lock(&lock->guard);
	rests = lock->resting;
	if (rests)
		resting = rests->value + rests->id_len;
	over = !strncmp(nonce, lock->over, RLI_NONCE_LEN) &&
	       (*nonce || !rests);
	over |= rests && !strncmp(nonce, resting, RLI_NONCE_LEN);
	rli_guard_unlock(&lock->guard);
	return over;
}

static bool same_owner(const struct rli_hold *hold,
		       const struct rli_thread *self,
		       const struct rli_terms *terms)
{
	const char *id;
	size_t len;

	rli_owner_id(self, terms, &id, &len);
	return hold->id_len == len && !memcmp(hold->value, id, len);
}

struct rli_hold *rli_hold_shared(struct rli_lock *lock,
				 const struct rli_thread *self,
				 const struct rli_terms *terms)
{
	struct rli_hold *hold = lock->holds;

	while (hold && !(hold->state == RLI_LIVE && hold->terms->shared &&
			 same_owner(hold, self, terms)))
		hold = hold->next;
	return hold;
}
