/*
 * lock/attempt.h - one call that takes a lock, on its way.
 */
#ifndef RLI_LOCK_ATTEMPT_H
#define RLI_LOCK_ATTEMPT_H

#include "lock/lock.h"

/*
 * A lock without a lease is taken with this one, which is taken off when the
 * grant is known: a grant that nobody hears of would else stand for ever.
 */
#define RLI_PROVISIONAL_LEASE_MS 10000

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
	int retries;		/* pauses because nobody had a majority */
	bool has_turn;
	bool asked;		/* the servers, whether it is free */
	char *why;		/* a try before failed: rli_cause_keep() */
};

/* Asks the servers once; the answer is in a->op. */
int rli_attempt_ask(struct rli_attempt *a, enum rli_op_kind kind);

/* Fills a->op for the hold of this attempt; and gives that another nonce. */
void rli_attempt_fill_op(struct rli_attempt *a, enum rli_op_kind kind);
void rli_attempt_fresh_nonce(struct rli_attempt *a);

/* Whether it is taken with the provisional lease. */
bool rli_attempt_is_provisional(const struct rli_attempt *a);

/* The answer in a->op is a grant: 0 or EOWNERDEAD, holding; ENOLCK, as if it
 * came too late to be of use; EAGAIN if it was taken away at once. */
int rli_attempt_granted(struct rli_attempt *a);

/* Forgets the lost hold of this thread that it did not unlock, if any. */
void rli_forget_lost(struct rli_lock *lock, const struct rli_thread *self);

/* The lock is held: waits for it. 0: granted, the answer is in a->op; EAGAIN:
 * ask again; ETIMEDOUT; ENOLCK, EACCES, EPROTO: the servers. */
int rli_attempt_wait(struct rli_attempt *a);

/* When an outage of the servers has lasted too long for this call. */
int64_t rli_attempt_outage_ends(struct rli_attempt *a);

#endif /* RLI_LOCK_ATTEMPT_H */
