/*
 * redis/trace.h - each command and each answer, as a line of RL_LOG=debug.
 *
 * Not the greeting, which has the password in it.
 */
#ifndef RLI_REDIS_TRACE_H
#define RLI_REDIS_TRACE_H

#include <stddef.h>

#include "redis/reply.h"

/* The command whose len bytes these are; and what was answered. */
void rli_trace_command(const char *server, const char *bytes, size_t len);
void rli_trace_answer(const char *server, const struct rli_reply *reply);

#endif /* RLI_REDIS_TRACE_H */
