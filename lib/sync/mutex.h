/*
 * sync/mutex.h - what is inside an rl_mutex_t, and how a call begins and ends.
 *
 * An rl_mutex_t holds a magic number and a pointer to a struct rli_mutex. A
 * static one gets the latter at its first use: several threads may make one,
 * the first to store its pointer wins, and the others free theirs.
 */
#ifndef RLI_SYNC_MUTEX_H
#define RLI_SYNC_MUTEX_H

#include <rl/mutex.h>

#include "base/cancel.h"
#include "lock/lock.h"
#include "sync/settings.h"

#define RLI_MUTEX_MADE 0x726c4d58u	/* "rlMX": initialised */
#define RLI_MUTEX_GONE 0x726c4445u	/* "rlDE": destroyed */

/* Locks of one thread on one recursive mutex. */
#define RLI_DEPTH_MAX 65535

/* Read-only once made. */
struct rli_mutex {
	rl_mutex_t *shell;	/* whose inside this is */
	struct rli_lock *lock;	/* held */
	struct rli_terms terms;
	int type;
	int64_t timeout_ms;	/* of a plain lock; -1 for ever */
	rl_onlost_fn *onlost;
	void *onlost_arg;
};

/* A public call on a mutex, from begin to end. */
struct rli_call {
	struct rli_mutex *mutex;
	struct rli_lock *lock;
	struct rli_thread *self;
	int saved_errno;
	struct rli_cancel cancel;
};

/*
 * Finds the mutex and the thread, and puts cancellation off. EINVAL, ENOMEM,
 * or what a static mutex meets with as it is made. end is always called, and
 * gives err back.
 */
int rli_call_begin(struct rli_call *call, rl_mutex_t *mutex);
int rli_call_end(struct rli_call *call, int err);

/*
 * The mutex and the thread, if rl knows both: for what is over in a few
 * instructions, sees to cancellation itself and leaves errno alone. Such a call
 * needs no beginning and no end.
 */
bool rli_call_is_short(struct rli_call *call, rl_mutex_t *mutex);

/* The same for a call that is about no mutex in particular. */
int rli_call_begin_bare(struct rli_call *call);

/* Once in a process, before anything else: see process.c. */
int rli_process_init(void);

#endif /* RLI_SYNC_MUTEX_H */
