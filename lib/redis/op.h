/*
 * redis/op.h - operations on a lock as calls of the scripts.
 */
#ifndef RLI_REDIS_OP_H
#define RLI_REDIS_OP_H

#include "base/backend.h"
#include "redis/conns.h"

/* See rli_backend. */
void rli_op_start(struct rli_conns *conns, struct rli_op *op);
int rli_op_post(struct rli_conns *conns, struct rli_op *op);

/* Starts it and pumps until it is finished; gives op->err. */
int rli_op_run(struct rli_conns *conns, struct rli_op *op);

/* Frees what rli_op_post() keeps to use again. */
void rli_posts_free(struct rli_post *post);

#endif /* RLI_REDIS_OP_H */
