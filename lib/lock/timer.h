/*
 * lock/timer.h - what the keeper has to do, and when.
 *
 * A timer sits in a hold or in a record. It is in the heap, under the keeper's
 * guard, or it is not. Locking again does not touch the heap: the timer that a
 * hold left there goes off in its time, sees what is due, and is set anew.
 */
#ifndef RLI_LOCK_TIMER_H
#define RLI_LOCK_TIMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rli_timer {
	int64_t due;		/* under the keeper's guard */
	size_t place;		/* in the heap, from 1; 0: not in it */
	struct rli_lock *lock;	/* whose it is; read-only */
	struct rli_hold *hold;	/* or NULL: the record's question; read-only */
};

/* A heap, the earliest first. It knows by itself when each is due: the
 * timers are all over the memory, and looking there costs a cache line each. */
struct rli_heap_entry {
	int64_t due;		/* timer->due */
	struct rli_timer *timer;
};

struct rli_heap {
	struct rli_heap_entry *at;	/* at[0] is not used */
	size_t n, cap;
};

/* Room for n timers, so that a push cannot fail. ENOMEM. */
int rli_heap_reserve(struct rli_heap *heap, size_t n);
void rli_heap_push(struct rli_heap *heap, struct rli_timer *timer);
void rli_heap_remove(struct rli_heap *heap, struct rli_timer *timer);
struct rli_timer *rli_heap_first(const struct rli_heap *heap);
/* Fetches into the caches what may be the first next. */
void rli_heap_fetch(const struct rli_heap *heap);
void rli_heap_free(struct rli_heap *heap);

#endif /* RLI_LOCK_TIMER_H */
