/*
 * redis/connect.h - how a session comes to be connected: looking the host up,
 * connecting to one address after the other, TLS, greeting. Between session.c
 * and connect.c.
 */
#ifndef RLI_REDIS_CONNECT_H
#define RLI_REDIS_CONNECT_H

#include "redis/session.h"

/* From RLI_CLOSED on. 0, or why it has failed already. */
int rli_connect_begin(struct rli_session *session);

/* The descriptor polled while RLI_RESOLVING, RLI_CONNECTING or RLI_SECURING
 * is ready. */
int rli_connect_advance(struct rli_session *session);

/* The answer to a part of the greeting is in session->reply. */
int rli_connect_greeted(struct rli_session *session);

/* Connecting has taken too long: ENOLCK, with a message. */
int rli_connect_late(const struct rli_session *session);

/* err, or with it a message that says what else may be wrong where a server
 * hung up on us at once. */
int rli_connect_hint(const struct rli_session *session, int err);

/* Ends looking up, and forgets the addresses. */
void rli_connect_forget(struct rli_session *session);

#endif /* RLI_REDIS_CONNECT_H */
