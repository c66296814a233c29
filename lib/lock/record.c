/*
 * The registry of the locks that this process knows. A mutex keeps a pointer
 * to its record, so the registry is used as mutexes come and go, not as they
 * are locked.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "lock/keeper.h"
#include "lock/lock.h"

#define BUCKETS 1024

static struct rli_guard registry_guard;
static struct rli_lock *bucket[BUCKETS];	/* under registry_guard */

static struct rli_lock *find(uint32_t hash, const char *servers, const char *k)
{
	struct rli_lock *lock = bucket[hash % BUCKETS];

	while (lock && (lock->hash != hash || strcmp(lock->place.k, k) ||
			strcmp(lock->servers, servers)))
		lock = lock->next;
	return lock;
}

static void free_record(struct rli_lock *lock)
{
	rli_holds_free(lock);
	rli_servers_put(lock->asking);
	rli_free(lock->asker);
	rli_free(lock->servers);
	rli_place_free(&lock->place);
	rli_free(lock);
}

static int make_record(const struct rli_servers *servers, const char *prefix,
		       const char *name, struct rli_lock **made)
{
	struct rli_lock *lock = rli_calloc(1, sizeof(*lock));
	int err;

	if (!lock)
		return rli_fail_nomem();
	atomic_init(&lock->refs, 1);
	lock->last = &lock->first;
	lock->question.lock = lock;
	lock->servers = rli_strdup(servers->identity);
	err = lock->servers ? rli_place_make(&lock->place, prefix, name)
			    : rli_fail_nomem();
	if (!err)
		err = rli_keeper_make_room_for_question(lock);
	if (err) {
		free_record(lock);
		return err;
	}
	lock->hash = rli_hash(lock->place.hash, lock->servers);
	*made = lock;
	return 0;
}

int rli_lock_get(const struct rli_servers *servers, const char *prefix,
		 const char *name, struct rli_lock **lock)
{
	struct rli_lock *made = NULL, *there;
	int err = make_record(servers, prefix, name, &made);

	if (err)
		return err;
	rli_guard_lock(&registry_guard);
	there = find(made->hash, made->servers, made->place.k);
	if (there) {
		atomic_fetch_add_explicit(&there->refs, 1,
					  memory_order_relaxed);
	} else {
		made->next = bucket[made->hash % BUCKETS];
		bucket[made->hash % BUCKETS] = made;
	}
	rli_guard_unlock(&registry_guard);
	if (there)
		free_record(made);
	*lock = there ? there : made;
	return 0;
}

bool rli_lock_hold(struct rli_lock *lock)
{
	unsigned refs = atomic_load_explicit(&lock->refs,
					     memory_order_relaxed);

	while (refs && !atomic_compare_exchange_weak_explicit(
			       &lock->refs, &refs, refs + 1,
			       memory_order_relaxed, memory_order_relaxed))
		;
	return refs != 0;
}

static void unlink_record(struct rli_lock *lock)
{
	struct rli_lock **link = &bucket[lock->hash % BUCKETS];

	while (*link != lock)
		link = &(*link)->next;
	*link = lock->next;
}

void rli_lock_put(struct rli_lock *lock)
{
	bool last;

	/* Release, and acquire below: whoever frees it sees what all others
	 * did with it. */
	rli_guard_lock(&registry_guard);
	last = atomic_fetch_sub_explicit(&lock->refs, 1,
					 memory_order_acq_rel) == 1;
	if (last)
		unlink_record(lock);
	rli_guard_unlock(&registry_guard);
	if (!last)
		return;
	rli_keeper_forget(lock);
	free_record(lock);
}

/* The record behind lock in the registry, or the first one; held. */
static struct rli_lock *next_record(const struct rli_lock *lock, size_t *i)
{
	struct rli_lock *next = lock ? lock->next : bucket[0];

	while (!next && ++*i < BUCKETS)
		next = bucket[*i];
	if (next)
		atomic_fetch_add_explicit(&next->refs, 1,
					  memory_order_relaxed);
	return next;
}

void rli_lock_each(void (*visit)(struct rli_lock *lock, void *arg), void *arg)
{
	struct rli_lock *lock = NULL, *before;
	size_t i = 0;

	do {
		before = lock;
		rli_guard_lock(&registry_guard);
		lock = next_record(before, &i);
		rli_guard_unlock(&registry_guard);
		if (before)
			rli_lock_put(before);
		if (lock)
			visit(lock, arg);
	} while (lock);
}

/* -------------------------------------------------------------- fork */

void rli_locks_before_fork(void)
{
	rli_guard_lock(&registry_guard);
}

void rli_locks_after_fork_parent(void)
{
	rli_guard_unlock(&registry_guard);
}

/*
 * The child holds nothing, stands in no line and asks nothing. The guard of a
 * record may have been held by a thread that is not here, in the middle of a
 * change: so its lists are not followed but made anew, from lock->made, which
 * only ever grows at its head.
 */
static void start_afresh(struct rli_lock *lock)
{
	struct rli_hold *hold;

	rli_guard_reset(&lock->guard);
	lock->holds = lock->spare = NULL;
	for (hold = atomic_load_explicit(&lock->made, memory_order_acquire);
	     hold; hold = hold->made) {
		hold->state = RLI_FREE;
		hold->epoch++;
		hold->calling = false;
		hold->timer.place = 0;
		hold->timer_due = RLI_FOREVER;
		hold->renewing = false;
		hold->thread = NULL;
		hold->next = lock->spare;
		lock->spare = hold;
	}
	lock->turn_taken = false;
	lock->resting = NULL;
	lock->listened = false;
	lock->first = NULL;
	lock->last = &lock->first;
	lock->attempts = NULL;
	lock->waiting = 0;
	lock->question.place = 0;
	lock->question_asked = false;
}

void rli_locks_after_fork_child(void)
{
	struct rli_lock *lock;
	size_t i;

	rli_guard_reset(&registry_guard);
	for (i = 0; i < BUCKETS; i++)
		for (lock = bucket[i]; lock; lock = lock->next)
			start_afresh(lock);
}
