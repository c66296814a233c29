/*
 * lock/attempt.h - one call that takes a lock, on its way.
 */
#ifndef RLI_LOCK_ATTEMPT_H
#define RLI_LOCK_ATTEMPT_H

#include "lock/lock.h"

struct rli_attempt {
	struct rli_attempt *next, **link;	/* lock->attempts; link NULL:
						   not in it. Under guard */
	struct rli_lock *lock;
	struct rli_thread *self;
	const struct rli_terms *terms;
	const struct rli_patience *patience;
	struct rli_conns *conns;
	struct rli_hold *hold;	/* to be filled in; not in any list */
	struct rli_op op;
	char nonce[RLI_NONCE_LEN + 1];	/* of a hold that was joined */
	int64_t began;		/* when the servers were not known to be out */
	bool outage;		/* they are, and have been for long enough */
	int64_t since;		/* the hold, if we have one, is not older */
	bool has_turn;
};

/* Asks the servers once; the answer is in a->op. */
int rli_attempt_ask(struct rli_attempt *a, enum rli_op_kind kind);

/* The lock is held: waits for it. 0: granted, the answer is in a->op; EAGAIN:
 * ask again; ETIMEDOUT; ENOLCK, EACCES, EPROTO: the servers. */
int rli_attempt_wait(struct rli_attempt *a);

/* When an outage of the servers has lasted too long for this call. */
int64_t rli_attempt_outage_ends(struct rli_attempt *a);

#endif /* RLI_LOCK_ATTEMPT_H */
