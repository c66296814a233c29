#ifndef TESTS_WAITING_INSIDE_H
#define TESTS_WAITING_INSIDE_H

/* What only the library itself knows: who stands in line in this process. */

#include "lock/lock.h"
#include "support/wait.h"
#include "sync/mutex.h"

static inline struct rli_lock *record_of(rl_mutex_t *mutex)
{
	struct rli_mutex *core = mutex->rl_private.rl_impl;

	return core->lock;
}

/* Threads in line behind the one that deals with the servers. */
static inline int turn_line(rl_mutex_t *mutex)
{
	struct rli_lock *lock = record_of(mutex);
	struct rli_turn_waiter *w;
	int n = 0;

	rli_guard_lock(&lock->guard);
	for (w = lock->first; w; w = w->next)
		n++;
	rli_guard_unlock(&lock->guard);
	return n;
}

struct turn_wait {
	rl_mutex_t *mutex;
	int n;
};

static inline bool turn_line_is(void *arg)
{
	struct turn_wait *w = arg;

	return turn_line(w->mutex) == w->n;
}

/* Wait until so many stand there. The mutex has been used, by anybody. */
static inline bool turn_line_has(rl_mutex_t *mutex, int n)
{
	struct turn_wait w = { mutex, n };

	return wait_until(turn_line_is, &w, WAIT_MS);
}

#endif
