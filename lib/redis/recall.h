/*
 * redis/recall.h - words to the processes that locks are delegated to: pushing
 * them into a lock's recall list, and waiting for them.
 */
#ifndef RLI_REDIS_RECALL_H
#define RLI_REDIS_RECALL_H

#include "base/backend.h"
#include "redis/conns.h"

/* See rli_backend. */
int rli_recall_send(struct rli_conns *conns, struct rli_recall *recall);
int rli_listen_begin(struct rli_conns *conns, struct rli_listen *listen);

#endif /* RLI_REDIS_RECALL_H */
