/*
 * redis/quorum.h - operations on a lock that a quorum of servers keeps.
 *
 * N independent masters, of which N / 2 + 1, a majority, must agree. Any two
 * majorities share a node, and a node gives K to one owner at a time, and
 * accepts no number T twice nor one below what it has accepted: so there is
 * one owner, and fences grow. docs/quorum.md tells it whole.
 *
 *   round.c           requests to all nodes, and what comes back
 *   round_new.c       … and the memory for them
 *   round_due.c       … and how long it waits for them
 *   spare.c           leaving failed nodes alone
 *   quorum_send.c     which script, with which arguments
 *   quorum.c          starting; late answers; undoing
 *   settle.c          undoing what is late before something else begins
 *   number.c          the numbers of attempts
 *   quorum_tally.c    the answers to an acquire, counted
 *   quorum_acquire.c  what the answers to an acquire come to
 *   quorum_hold.c     … to release, renew, mend and reset
 *   quorum_look.c     … to ask and inspect
 *   blank.c           nodes that may have forgotten
 *   thrifty.c         asking no more nodes than are needed
 *   home.c            where to wait
 */
#ifndef RLI_REDIS_QUORUM_H
#define RLI_REDIS_QUORUM_H

#include "redis/round.h"

/* As rli_op_start and rli_op_post, for more than one server. */
void rli_quorum_start(struct rli_conns *conns, struct rli_op *op);
int rli_quorum_post(struct rli_conns *conns, struct rli_op *op);

/* ------------------------------------------------------- quorum_send.c */

/* Submits the request of a vote. ENOMEM, ENOLCK. */
int rli_quorum_send(struct rli_vote *vote);

/* Its bit in rli_session.scripts. */
unsigned rli_quorum_script_bit(enum rli_verb verb);

/* An acquire has not been answered in time: the session is ended, with a
 * release as its last words unless the lock was won. */
void rli_quorum_expired(struct rli_request *request,
			struct rli_session *session);

/* ------------------------------------------------------------ number.c */

/* Beyond that, Lua's numbers are not exact. */
#define RLI_Q_NUMBER_MAX (INT64_C(1) << 53)

/* A number above all that were seen, not below the time, and odd. */
uint64_t rli_quorum_number(struct rli_notes *notes);

/* What a node told, and what a majority confirmed. */
void rli_quorum_saw(struct rli_notes *notes, int64_t number);
void rli_quorum_true(struct rli_notes *notes, uint64_t number);

/* ------------------------------------------------------------ quorum.c */

/* The same operation again with a higher number; this round is left. */
void rli_quorum_again(struct rli_round *round);

/* What this acquire took, or may yet take, is given back. wait: and the caller
 * waits at its home. */
void rli_quorum_undo(struct rli_round *round, bool wait);

/* In settle.c: the wait is over, and what it gave up, and has not heard of, is
 * undone now. */
void rli_quorum_settle(struct rli_conns *conns);

/* The same, if any of it is still to be answered on this session: what is
 * submitted next may be a wait, behind which nothing is run. */
void rli_quorum_settle_at(struct rli_session *session);

/* The hold of a renewal is set again on the node of this vote. */
void rli_quorum_repair(struct rli_round *round, int i);

/* A majority is free: wakes a waiter on each node. */
void rli_quorum_push(struct rli_round *round);

/* No majority answered: why. Gives the error number. */
int rli_quorum_unanswered(const struct rli_round *round);

/* How many votes are in this state; and how many of them are to come. */
int rli_quorum_count(const struct rli_round *round, enum rli_vote_state state);
int rli_quorum_pending(const struct rli_round *round);

/* Whether an acquire was granted: by a number, or by an answer of this kind. */
#define RLI_Q_GRANTED	7

static inline bool rli_quorum_granted(const struct rli_vote *vote)
{
	return vote->plain ||
	       (vote->numbers && vote->number[0] == RLI_Q_GRANTED);
}

/* What a node says that it knows, and whether it is blank: it may have known
 * more, and forgotten it. */
static inline int64_t rli_quorum_known(int64_t said)
{
	return said < 0 ? -1 - said : said;
}

static inline bool rli_quorum_is_blank(int64_t said)
{
	return said < 0;
}

/* How much younger than another a blank node is that has forgotten the lock, or
 * was not there; else it may just be new. */
#define RLI_Q_YOUNGER_MS 500

/* The answer of a node makes no sense: it counts as failed. */
void rli_quorum_nonsense(struct rli_vote *vote);

/* The next answer after that of a vote, NULL: the first, NULL after the last;
 * those that make no sense are passed over, as failed. */
struct rli_vote *rli_quorum_answer(struct rli_round *round,
				   struct rli_vote *after,
				   bool (*makes_sense)(const struct rli_vote *));

/*
 * Each looks at the answers so far and finishes the round's operation if the
 * outcome is certain, or nothing more will come.
 */
void rli_quorum_judge_acquire(struct rli_round *round);
void rli_quorum_judge_hold(struct rli_round *round);
void rli_quorum_judge_reset(struct rli_round *round);
void rli_quorum_judge_ask(struct rli_round *round);
void rli_quorum_judge_inspect(struct rli_round *round);

/* ------------------------------------------------------------- blank.c */

/* The nodes that have answered an acquire. */
struct rli_grants {
	int granted;
	int blank;	/* of these */
	int refused;
};

/* Whether a majority is not enough. Nothing but what is known can make it so
 * after a round that has said so to the blank nodes: before, who unlocks a hold
 * that they have forgotten is told that nobody else can have had it. */
bool rli_quorum_doubtful(const struct rli_round *round,
			 const struct rli_grants *grants);

/* Another may have had it, as far as can be told. What a node has that does not
 * answer cannot; and if it is new to all, then there was nobody before. */
bool rli_quorum_known_outdone(const struct rli_round *round,
			      const struct rli_grants *grants);

/* A majority has granted it, but there is one who may have had one: whether it
 * has been he for so long that he holds it. */
bool rli_quorum_stays_so(const struct rli_round *round, uint64_t holder);

/* How many of so many blank nodes may have forgotten: a minority, at most. */
int rli_quorum_forgot(const struct rli_round *round, int blank);

/* ----------------------------------------------------------- thrifty.c */

/* The nodes that a round which may be thrifty is to ask, one bit each; 0: all
 * of them. */
unsigned rli_thrifty_nodes(const struct rli_round *round);

/* The lock was granted at once by all who answered; or its usual release is
 * confirmed. The operation is not finished yet. */
void rli_thrifty_won(const struct rli_round *round);
void rli_thrifty_released(const struct rli_round *round);

/* How long those that were asked are waited for, ns, before the others are. */
int64_t rli_thrifty_patience(const struct rli_notes *notes);

/* Somebody is in the way, or a hold lasts: the next ones ask all nodes. */
void rli_thrifty_upset(struct rli_notes *notes);

/* -------------------------------------------------------------- home.c */

/* Which of the nodes that are not spared all who wait go to; -1: none. */
int rli_quorum_first(const struct rli_round *round, const bool *spared);
struct rli_node *rli_quorum_home(const struct rli_round *round,
				 const bool *spared);

/*
 * The session to wait on, at the home of the lock; the node knows that we wait
 * there. ENOLCK: there is none; ENOMEM.
 */
int rli_quorum_wait_session(struct rli_conns *conns,
			    const struct rli_wait *wait,
			    struct rli_session **session);

#endif /* RLI_REDIS_QUORUM_H */
