/*
 * redis/quorum_tally.h - what the nodes have answered to an acquire, counted.
 */
#ifndef RLI_REDIS_QUORUM_TALLY_H
#define RLI_REDIS_QUORUM_TALLY_H

#include "redis/quorum.h"

/* The first number of an answer that is not just a number. */
enum {
	RLI_Q_BUSY = 0,
	RLI_Q_JOINED = 2,
	RLI_Q_LOST_FOR_GOOD = 3,
	RLI_Q_OTHER_LIST = 4,
	RLI_Q_TOO_LOW = 6
	/* and RLI_Q_GRANTED */
};

struct rli_tally {
	int granted, blank, joined, busy, foreign, low, spoiled, pending;
	uint64_t before;	/* the highest that a node which granted it
				   knew of a last hold */
	uint64_t settled;	/* the highest unlock that any node knew */
	uint64_t spoilt;	/* since when it is not recoverable, at most */
	uint64_t holder;	/* of rl's own: the most frequent … */
	int holders;		/* … at so many nodes */
	const struct rli_vote *same;	/* joined: one of the most frequent */
	const struct rli_vote *other;	/* used with another list of servers */
};

/* Counts them; those that make no sense have failed from then on. */
void rli_tally_take(struct rli_round *round, struct rli_tally *tally);

/* What a node knows of the last hold, as told with this answer. */
int64_t rli_tally_last(const struct rli_vote *vote);

#endif /* RLI_REDIS_QUORUM_TALLY_H */
