/*
 * interpose/outage.h - what the program cannot be told.
 *
 * A program that knows nothing of servers ignores an error of theirs, and one
 * that knows nothing of leases goes on without its lock. So it waits, and is
 * ended when that has no sense any more, and the user is told why.
 */
#ifndef RLI_INTERPOSE_OUTAGE_H
#define RLI_INTERPOSE_OUTAGE_H

#include <rl/mutex.h>

#include "interpose/object.h"

/* Reads RL_ON_OUTAGE and RL_ON_LOST; ends the program at a mistake. */
void rli_outage_start(void);

/* A call that the servers have failed, since when: 0 at first. */
struct rli_outage {
	int64_t began;
};

/*
 * A call failed because of the servers (rl_last_error says how), at once or
 * having waited for outage_timeout. Returns when it is to be tried again; else
 * the program ends here.
 */
void rli_outage_wait(struct rli_outage *outage, struct rli_object *object,
		     bool waited);

/* The servers have answered a call. */
void rli_outage_over(const struct rli_object *object);

/* A hold was lost: the callback onlost of every binding. */
void rli_lost(rl_mutex_t *lock, int err, void *pattern);

#endif /* RLI_INTERPOSE_OUTAGE_H */
