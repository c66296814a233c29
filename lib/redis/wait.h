/*
 * redis/wait.h - a place in the line of a lock: BLPOP on its wake list.
 *
 * Redis serves blocked clients in the order in which they came and forgets one
 * as soon as its connection is gone, so the line needs no bookkeeping. The
 * server ends the wait: if the client just closed its socket, a token on its
 * way to it would be lost.
 */
#ifndef RLI_REDIS_WAIT_H
#define RLI_REDIS_WAIT_H

#include "redis/conns.h"
#include "base/backend.h"

/* See rli_backend. */
int rli_wait_begin(struct rli_conns *conns, struct rli_wait *wait);
int rli_wait_poll(struct rli_conns *conns, struct rli_wait *wait,
		  int64_t until);
void rli_wait_end(struct rli_conns *conns, struct rli_wait *wait);

#endif /* RLI_REDIS_WAIT_H */
