/*
 * When the keeper is to look at a hold, and what for. All of it is under the
 * guard of the hold's record, and changes nothing.
 */
#ifndef RLI_LOCK_DUE_H
#define RLI_LOCK_DUE_H

#include "lock/lock.h"

/* Whether the keeper is to go on renewing it. */
bool rli_hold_renews(const struct rli_hold *hold, int64_t now);

/* Whether a hold of these terms is renewed at once, as good as, if it is bare. */
bool rli_due_soon(const struct rli_terms *terms);

/* Whether threads of this process stand in line for it. */
bool rli_hold_awaited(const struct rli_hold *hold);

/* Whether the servers are asked now and then if it is still there: no renewal
 * and no end of the lease would ever tell. */
bool rli_hold_checked(const struct rli_hold *hold);

/* Whether the keeper is to listen for recalls of the lock. */
bool rli_hold_wants_listener(const struct rli_hold *hold);

/* The earliest of all that there is to do for it. */
int64_t rli_due(const struct rli_hold *hold, int64_t now);

/* The next question whether it is still there. */
int64_t rli_due_check(const struct rli_hold *hold, int64_t now);

/* The next renewal; the first of a hold. */
int64_t rli_due_renewal(const struct rli_hold *hold, int64_t now, bool first);

/* The next try of a renewal that failed. */
int64_t rli_due_retry(const struct rli_hold *hold, int64_t now);

/* When a hold that rests with nobody in line is given back. */
int64_t rli_due_give_back(const struct rli_hold *hold, int64_t now);

#endif /* RLI_LOCK_DUE_H */
