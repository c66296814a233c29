/*
 * redis/spare.h - leaving a node of a quorum alone that has failed.
 *
 * A node that does not answer would cost each call a connect or a patience, so
 * it is left alone for a while that grows from 50 ms to a second; then one
 * call asks it again. What one thread finds out holds for the whole process.
 * Where a majority needs the node, it is asked all the same.
 */
#ifndef RLI_REDIS_SPARE_H
#define RLI_REDIS_SPARE_H

#include <stdbool.h>

#include "redis/session.h"

/* It did not answer; the thread's message says why. */
void rli_spare_failed(struct rli_node *node);

/* It answered. */
void rli_spare_answered(struct rli_node *node);

/* Whether it has failed, and is left alone for that. */
bool rli_spare_looks_bad(const struct rli_node *node);

/* Whether it has failed each time that it was asked, for some seconds. */
bool rli_spare_is_down(const struct rli_node *node);

/* Whether so many answers are owed on it that a release may not be sent: then
 * nothing that it would end is to be, needed or not. */
bool rli_spare_is_full(const struct rli_session *session);

/* Whether nothing is known against it. */
bool rli_spare_does_well(const struct rli_node *node);

/* Whether it has failed since then, and not answered anybody again. */
bool rli_spare_failed_since(const struct rli_node *node, int64_t moment);

/* It answers, but cannot be waited at: it refuses that, or what it says of a
 * lock makes no sense. Who waits goes to another one for some seconds. */
void rli_spare_no_home(struct rli_node *node);
bool rli_spare_is_no_home(const struct rli_node *node);

/* Whether that was found out since then. */
bool rli_spare_no_home_since(const struct rli_node *node, int64_t moment);

/*
 * Whether to leave the node of a session alone now; if not, it is to be asked.
 * look: read what has come first, not for use in a done function.
 */
bool rli_spare_request(struct rli_session *session, bool look);

/* The same for a release. What ends a hold follows what began it, unless that
 * would be too much, or the node is down and nothing that was sent to it can
 * still be run. */
bool rli_spare_release(const struct rli_session *session);

#endif /* RLI_REDIS_SPARE_H */
