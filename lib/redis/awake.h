/*
 * redis/awake.h - whether an answer that comes soon is awaited awake.
 *
 * A core that has gone to sleep takes longer to wake than a server to answer a
 * script. So the answer is looked for during a moment, but only where that has
 * been seen to pay: each miss doubles the number of requests of a thread until
 * its next try. Each look yields the core, and that somebody else wants it is a
 * miss; but not if that is other threads of this process that await answers:
 * among a thousand of them to yield is less work than to sleep and be woken.
 *
 * Whoever waited in a line just now is not alone, and where the scheduler has a
 * choice of cores it serves a crowd best if each sleeps. On one core there is
 * no choice: while the claim and the release are awaited awake the core does
 * not go to sleep under the next who is handed the lock, and each look lets
 * him run.
 */
#ifndef RLI_REDIS_AWAKE_H
#define RLI_REDIS_AWAKE_H

#include <stdbool.h>
#include <stdint.h>

/* Of a thread. All zero bytes: it is in no crowd. */
struct rli_awake {
	unsigned turn[2];	/* answers: [1] in a crowd, [0] else */
	unsigned crowded;	/* so many more are in one, because this thread
				   waited in a line */
	bool among_ours;	/* threads of this process had the core before
				   the last answer came */
	bool one_core;		/* crowded: it has no other to run on */
};

/* The thread goes to wait in a line: it is not alone for a while. */
void rli_awake_crowd(struct rli_awake *awake);

/* If that pays, looks for an answer for a while, at most until; look tells
 * whether one has come. False: it is to be slept for. */
bool rli_awake_look(struct rli_awake *awake, int64_t until,
		    bool (*look)(void *arg), void *arg);

/* An answer that was to come soon has come, in whichever way. */
void rli_awake_answered(void);

#endif /* RLI_REDIS_AWAKE_H */
