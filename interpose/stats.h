/*
 * interpose/stats.h - RL_INTERPOSE_STATS: was the lock really used?
 */
#ifndef RLI_INTERPOSE_STATS_H
#define RLI_INTERPOSE_STATS_H

#include <stdatomic.h>
#include <stdbool.h>

struct rli_counts {
	atomic_ulong intercepted;	/* calls of hooked functions */
	atomic_ulong bound;		/* ... on a mutex that is bound */
	atomic_ulong sent;		/* locks and unlocks of rl's */
};

extern struct rli_counts rli_counts;
extern bool rli_counting;	/* intercepted too; read-only after the start */

static inline void rli_count(atomic_ulong *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* Reads RL_INTERPOSE_STATS; whether it is there. */
bool rli_stats_start(void);

/*
 * Appends to that file, with one write, so that several processes may share
 * it: lines of a word and its value, an empty line at the end. Once.
 */
void rli_stats_write(void);

/* A forked child counts anew. */
void rli_stats_after_fork(void);

#endif /* RLI_INTERPOSE_STATS_H */
