/*
 * redis/round.h - one question to the nodes of a quorum, all at once.
 *
 * An operation on a quorum is carried out by a round: a request to each node,
 * over the sessions of this thread. As soon as the outcome is certain the
 * operation is finished; the round stays until every node has answered or
 * failed, so it holds copies of what the question is made of. What an answer
 * means, and what becomes of a late one, is quorum.c's.
 */
#ifndef RLI_REDIS_ROUND_H
#define RLI_REDIS_ROUND_H

#include "base/backend.h"
#include "redis/conns.h"

/* What a node is asked: one of its scripts. */
enum rli_verb {
	RLI_Q_ACQUIRE,
	RLI_Q_RELEASE,
	RLI_Q_RENEW,
	RLI_Q_ASK,
	RLI_Q_INSPECT,
	RLI_Q_MEND,
	RLI_Q_RESET,
	RLI_Q_VERBS
};

/* Beside RLI_DO_…, and in place of RLI_DO_TRY: flags of single requests. */
#define RLI_Q_HERE	RLI_DO_TRY	/* we shall wait at this node */
#define RLI_Q_PUSH	0x800u		/* ask: wake a waiter; renew: repair */
#define RLI_Q_FREE	0x1000u		/* ask: a majority is free, wake one */
#define RLI_Q_VOUCH	0x2000u		/* acquire: blank nodes are to count */

enum rli_vote_state {
	RLI_UNASKED,
	RLI_ASKED,		/* the request is the session's */
	RLI_ANSWERED,
	RLI_FAILED		/* err and why say why */
};

/* One node's part. */
struct rli_vote {
	struct rli_request request;	/* first */
	struct rli_round *round;
	struct rli_session *session;
	enum rli_vote_state state;
	unsigned flags;
	bool whole;		/* the script goes along */
	bool again;		/* it was sent once more */
	bool maybe;		/* a send of it that failed may have been run */
	bool plain;		/* the answer is a number */
	int err;
	int items, numbers;
	int64_t number[RLI_REPLY_NUMBERS];
	size_t text_len;	/* of the answer; what fits is in text */
	char *text;
	char why[160];		/* last: it is not cleared */
};

struct rli_round {
	struct rli_round *next, **link;	/* of conns->rounds while op is set, of
					   spare_rounds while not in use */
	struct rli_conns *conns;
	struct rli_op *op;	/* NULL: nobody waits for it (any more) */
	enum rli_verb verb;
	unsigned flags;
	int n, majority;
	int under_way;		/* requests that are the sessions' */
	int visits;		/* functions that will look at it again */
	int tries;		/* rounds of the same operation before it … */
	unsigned asked_before;	/* … and nodes that they asked; one bit each */
	int held;		/* reset: … and nodes where they freed it */
	int64_t due;		/* then it must do with what has come; or, if
				   that is before time_up, ask who was spared */
	int64_t time_up;
	bool out_of_time;
	bool heeded;		/* it was given up, and what comes late is to be
				   undone then */
	bool thrifty;		/* it may ask some nodes only; asked: and does */
	unsigned few;		/* those, one bit each; 0: all nodes */
	unsigned told;		/* renew: the only ones that have heard of the
				   hold; 0: all nodes have */
	bool posted;		/* nobody waits for this release */
	bool confirmed;		/* a majority did what was asked */
	struct rli_node *home;	/* where we would wait; NULL: nowhere */
	uint64_t number;	/* T */
	int64_t lease_ms;
	size_t value_len, text_size;
	char *value;
	struct rli_place place;
	struct rli_servers *servers;	/* held */
	struct rli_vote vote[RLI_NODES_MAX];
	size_t cap;
	char bytes[];		/* value, K, meta, wake, texts of answers */
};

/* A round with op's question, for nobody so far. ENOMEM. */
int rli_round_new(struct rli_conns *conns, struct rli_op *op,
		  enum rli_verb verb, struct rli_round **round);

/* Another for the same lock and value, for nobody. NULL: out of memory. */
struct rli_round *rli_round_like(const struct rli_round *round,
				 enum rli_verb verb);

/* It is not used any more. For round.c. */
void rli_round_recycle(struct rli_round *round);

/* The round is to carry op out. */
void rli_round_await(struct rli_round *round, struct rli_op *op);

/* Sends the request to node i; its vote is ASKED or FAILED then. */
void rli_round_ask(struct rli_round *round, int i);

/* To all nodes but those that are spared; to these too, if need be. */
void rli_round_ask_all(struct rli_round *round);

/* The nodes that it asked; one bit each. */
unsigned rli_round_asked(const struct rli_round *round);

/* To those that have not been asked yet; whether there were any. */
bool rli_round_ask_rest(struct rli_round *round);

/*
 * A majority has answered. The others are waited for for this much longer, ns:
 * if it does not need them, or cannot agree; or if it would have the lock, but
 * for one of them who may say who had it before some of these forgot.
 */
#define RLI_STRAGGLERS (100 * RLI_MS)
#define RLI_WITNESSES (400 * RLI_MS)
void rli_round_hurry(struct rli_round *round, int64_t most);

/* When it is due; and sooner, because some are not asked. In round_due.c. */
void rli_round_set_due(struct rli_round *round, int64_t now);
void rli_round_hedge(struct rli_round *round);

/* Sends at once what was submitted. */
void rli_round_flush(struct rli_round *round);

/* The operation is finished. */
void rli_round_finish(struct rli_round *round, int err);

/* Nobody waits for it any more: it goes when the last request is back. */
void rli_round_leave(struct rli_round *round);

/* The round goes, if nothing needs it any more. */
void rli_round_let_go(struct rli_round *round);

/* Whose request this is; NULL: no round's. */
struct rli_round *rli_round_of(const struct rli_request *request);

/* Called by quorum.c's judge, for a look at a node's answer. */
bool rli_vote_pending(const struct rli_vote *vote);

/* What a node has just been heard to say, or that it will not: quorum.c. */
void rli_quorum_heard(struct rli_round *round, struct rli_vote *vote);

/* When the first of them is due, and what to do then. For conns.c. */
int64_t rli_rounds_due(const struct rli_conns *conns);
void rli_rounds_check(struct rli_conns *conns);
void rli_rounds_free(struct rli_conns *conns);

#endif /* RLI_REDIS_ROUND_H */
