/*
 * redis/answer.h - what the scripts' answers mean.
 */
#ifndef RLI_REDIS_ANSWER_H
#define RLI_REDIS_ANSWER_H

#include "base/backend.h"
#include "redis/reply.h"

/* Fills the answer of op from reply, and gives op->err. */
int rli_op_answer(struct rli_op *op, const struct rli_reply *reply);

#endif /* RLI_REDIS_ANSWER_H */
