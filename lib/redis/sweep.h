/*
 * redis/sweep.h - rl_reset_all: every lock under a prefix.
 */
#ifndef RLI_REDIS_SWEEP_H
#define RLI_REDIS_SWEEP_H

#include "redis/conns.h"

/* See rli_backend. */
int rli_sweep(struct rli_conns *conns, struct rli_servers *servers,
	      const char *prefix, size_t *n);

#endif /* RLI_REDIS_SWEEP_H */
