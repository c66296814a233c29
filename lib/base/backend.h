/*
 * base/backend.h - the contract between a lock and the servers that keep it.
 *
 * lib/lock asks by operations (struct rli_op); a backend carries them out.
 * An operation is started, and is finished by pumping: rli_backend.pump runs
 * whatever input and output is possible until something finished. A thread
 * that locks starts one operation and pumps until it is finished; the keeper
 * starts many. All connections belong to one thread, and nothing here may be
 * called for another thread's.
 */
#ifndef RLI_BASE_BACKEND_H
#define RLI_BASE_BACKEND_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/servers.h"

/* How many servers of a quorum an acquire is sent to: docs/quorum.md,
 * "Thrift". */
enum rli_ask_way {
	RLI_ASK_ALL,
	RLI_ASK_BARE,		/* a majority */
	RLI_ASK_ONE_MORE,	/* and one more, where that is not all */
	RLI_ASK_WAYS
};

/*
 * What this process knows of a lock on a quorum of servers; the backend's own.
 * Answers may come after the lock's record has gone, so it is counted.
 */
struct rli_notes {
	atomic_uint refs;
	_Atomic uint64_t seen;	/* no node told a higher number, and none was
				   proposed */
	_Atomic uint64_t truth;	/* no higher one was confirmed by a majority */
	_Atomic uint64_t idle;	/* a question found it free, this being the
				   highest number told */
	_Atomic uint64_t doubt;	/* it may have been this one's although a
				   majority granted it … */
	_Atomic int64_t doubt_since;	/* … for all that is known from this
					   moment on */
	/* Thrift, thrifty.c's */
	atomic_int upset;	/* so many acquires ask all nodes, for somebody
				   was in the way of one */
	_Atomic int64_t won;	/* when the last one was sent that was granted
				   at once */
	atomic_int turn;	/* such acquires since a trial began … */
	atomic_int timed[RLI_ASK_WAYS];	/* … calls timed in it, by what they
					   asked … */
	_Atomic int64_t took[RLI_ASK_WAYS]; /* … and how long they took together */
	atomic_bool checked;	/* the servers know it under this list */
	atomic_bool spoiled;	/* one has said that it is not recoverable */
};

/* Where a lock lives on its servers. Read-only once made. */
struct rli_place {
	char *k, *meta, *wake, *recall;
	size_t k_len, meta_len, wake_len, recall_len;
	uint32_t hash;		/* of k */
	struct rli_notes *notes;	/* held */
};

enum rli_op_kind {
	RLI_OP_ACQUIRE,		/* take K, or learn why not */
	RLI_OP_CLAIM,		/* make a hold of a hand-off */
	RLI_OP_RENEW,		/* start the lease anew */
	RLI_OP_RELEASE,		/* end a hold */
	RLI_OP_ASK,		/* "we still wait": repairs a lost hand-off */
	RLI_OP_INSPECT,		/* who holds it */
	RLI_OP_MEND,		/* pthread_mutex_consistent */
	RLI_OP_RESET		/* free it, whoever holds it */
};

#define RLI_LINE_OPEN (5 * RLI_MS)
#define RLI_LINE_SAY (50 * RLI_MS)

/* What an operation asks for besides; each only where it makes sense. */
#define RLI_DO_TRY	0x01u	/* acquire: we shall not wait */
#define RLI_DO_ROBUST	0x02u	/* acquire, claim: we want EOWNERDEAD */
#define RLI_DO_SHARE	0x04u	/* acquire: join a REFRESH hold of ours */
#define RLI_DO_KEEP	0x08u	/* acquire, claim, renew: renew meta's expiry
				   too */
#define RLI_DO_ANY	0x10u	/* renew: value is "id#", any hold of it */
#define RLI_DO_DIED	0x20u	/* release: the locker ended holding */
#define RLI_DO_LONGER	0x40u	/* renew: never shorten */
#define RLI_DO_FORM	0x80u	/* reset: only if K has rl's form */
#define RLI_DO_SPOIL	0x100u	/* release: we were told EOWNERDEAD and have
				   not made it consistent */
#define RLI_DO_TURN	0x200u	/* renew: does anybody wait? */
#define RLI_DO_UNDO	0x400u	/* release: what was granted came too late, and
				   never was a hold */

/* How a granted hold came about. */
enum rli_how {
	RLI_NEW,		/* by this very request */
	RLI_JOINED,		/* a REFRESH hold of this owner, nonce in text */
	RLI_BEFORE		/* by this request, sent before: its answer was
				   lost */
};

struct rli_op {
	/* The question. Must stay as it is until the operation is finished. */
	enum rli_op_kind kind;
	unsigned flags;
	struct rli_servers *servers;
	const struct rli_place *place;
	const char *value;	/* "id#nonce", or "id#" with RLI_DO_ANY */
	size_t value_len;
	const char *token;	/* claim: the "#n" that was popped */
	size_t token_len;
	uint64_t hold_fence;	/* of the hold that is asked about; 0: unknown,
				   or acquire */
	int64_t lease_ms;
	int64_t patience;	/* a moment: then it is given up, ENOLCK */
	bool thrifty;		/* acquire: some of the servers may do, for the
				   hold is renewed soon */
	unsigned asked;		/* release, renew: of a bare hold that has not
				   been renewed, the servers it was granted by;
				   else 0 */
	void (*done)(struct rli_op *);	/* called by pump, or NULL */
	char *text;		/* room for text in the answer, or NULL */
	size_t text_size;

	/*
	 * The answer. err is 0, or
	 *   EBUSY		acquire: held (left_ms, foreign); claim: too late
	 *   ESTALE		K is not that hold; fence as far as servers count
	 *   EINVAL		mend: there is nothing to mend
	 *   ENOTRECOVERABLE
	 *   ENOLCK		the servers could not be asked: try again
	 *   EACCES, EPROTO, ENOMEM: trying again would not help
	 */
	bool finished;
	int err;
	bool unanswered;	/* ENOLCK, and the request may have been run or
				   may yet be; what it may have taken is given
				   back behind it, so its value is used up */
	bool resent;		/* it was sent before, and that send was not
				   answered: it may have been run twice */
	int64_t sent;		/* a moment before the first byte was sent */
	uint64_t fence;		/* granted: of the hold. ESTALE: the last one
				   given out, plus 1 if it was unlocked */
	enum rli_how how;
	bool dead;		/* granted: the owner before did not unlock;
				   inspect: the holder may have been told so,
				   and has not made it consistent */
	unsigned bare;		/* granted: if not all servers were asked, which
				   were, one bit each; else 0 */
	bool foreign;		/* busy: held by a client that is not rl */
	bool delegated;		/* busy: by a process that can be recalled */
	bool contended;		/* busy: nobody has it for certain; several may
				   be at it. Try again after a pause, of left_ms
				   if that is not -1 */
	bool held;		/* reset: it was held */
	bool alone;		/* granted, or renew, asked so: nobody waits */
	bool handed;		/* release: the lock was handed on, and so it
				   will be if somebody goes into the line
				   within RLI_LINE_OPEN of the release's being
				   sent and says within RLI_LINE_SAY of that
				   that he waits */
	int64_t left_ms;	/* of the lease; -1: for ever */
	size_t text_len;	/* of what is in text, which ends in 0 */

	union {
		max_align_t align;
		char bytes[128];
	} backend;		/* the backend's own */
};

/* A wait in the line of a lock, on the calling thread's connection. */
struct rli_wait {
	struct rli_servers *servers;
	const struct rli_place *place;
	int64_t deadline;	/* when the servers end the wait */
	char token[32];		/* what was popped, without the name of K */
	size_t token_len;
	union {
		max_align_t align;
		char bytes[192];
	} backend;
};

/*
 * A word to the process that a lock is delegated to: it goes into the lock's
 * recall list. Must stay as it is until finished.
 */
struct rli_recall {
	struct rli_servers *servers;
	const char *list, *token;
	size_t list_len, token_len;
	void (*done)(struct rli_recall *);	/* called by pump, or NULL */
	bool finished;
	int err;		/* 0, ENOLCK, EACCES, EPROTO */
	union {
		max_align_t align;
		char bytes[256];
	} backend;
};

/* Lists that one connection waits for at a time. */
#define RLI_LISTS_MAX 64

/* A wait for such words, on a connection of its own. Must stay as it is until
 * done, but for list[], of which a copy was sent. */
struct rli_listen {
	struct rli_servers *servers;
	int n;
	struct {
		const char *name;
		size_t len;
	} list[RLI_LISTS_MAX];
	int64_t deadline;	/* when the servers end the wait */
	void (*done)(struct rli_listen *);	/* called by pump */
	int err;		/* 0: token; ETIMEDOUT; as for recalls */
	const char *token;	/* until done returns */
	size_t token_len;
	union {
		max_align_t align;
		char bytes[128];
	} backend;
};

struct rli_conns;		/* the connections of one thread */

/*
 * None of these functions is a cancellation point, raises SIGPIPE or calls
 * back but through op->done. "Blocks" means: in poll, until the moment given.
 */
struct rli_backend {
	/* 0, or ENOTSUP, with a message: servers that cannot be spoken to. */
	int (*check)(const struct rli_servers *servers);
	/*
	 * What must be done at exit() before the backend can no more: where
	 * that is sooner than the library's own end, ends is called then, on
	 * the thread that calls exit().
	 */
	void (*at_exit)(void (*ends)(void));

	/* The calling thread's connections, none yet. ENOMEM. */
	int (*open)(struct rli_conns **conns);
	/* Closes them all. Blocks, 200 ms at most, for answers that are owed:
	 * what was sent may else never be run. */
	void (*close)(struct rli_conns *conns);

	/* To be sent by the next pump, with all else that was started. It may
	 * be finished on return, if it failed; else pump finishes it. */
	void (*start)(struct rli_conns *conns, struct rli_op *op);
	/*
	 * Blocks until an operation finished, until, or until wakefd (-1:
	 * none) is readable. With nothing started it just waits.
	 */
	void (*pump)(struct rli_conns *conns, int64_t until, int wakefd);
	/*
	 * Sends a release and does not wait for its answer, which is read
	 * before the next one. 0, or ENOLCK if it may not have been sent. Takes
	 * a copy: op may go at once.
	 */
	int (*post)(struct rli_conns *conns, struct rli_op *op);

	/*
	 * Waiting: begin, then poll until it answers other than EINPROGRESS.
	 * The servers end the wait at its deadline; end() may be called at any
	 * time, and after poll has answered does nothing.
	 * poll blocks until the moment given and answers
	 *   0			handed: the token is in wait->token
	 *   EAGAIN		something changed: acquire again
	 *   ETIMEDOUT		the deadline came, and no hand-off with it
	 *   EINPROGRESS	the moment given has come first
	 *   ENOLCK, EACCES, EPROTO	as for an operation
	 */
	int (*wait_begin)(struct rli_conns *conns, struct rli_wait *wait);
	int (*wait_poll)(struct rli_conns *conns, struct rli_wait *wait,
			 int64_t until);
	void (*wait_end)(struct rli_conns *conns, struct rli_wait *wait);
	/* Nobody waits after all, who has said that he would: what he asked for
	 * and has not heard of is undone. */
	void (*give_up)(struct rli_conns *conns);

	/* Sends a recall, or begins to listen. Never calls done itself. 0, or
	 * why not. */
	int (*recall)(struct rli_conns *conns, struct rli_recall *recall);
	int (*listen)(struct rli_conns *conns, struct rli_listen *listen);

	/* Resets every lock under the prefix. Blocks. *n: how many were held. */
	int (*sweep)(struct rli_conns *conns, struct rli_servers *servers,
		     const char *prefix, size_t *n);

	/* Around fork; the child forgets every connection of the parent,
	 * closing the sockets without a byte on them. */
	void (*before_fork)(void);
	void (*after_fork_parent)(void);
	void (*after_fork_child)(void);
};

/* The one there is. Defined by lib/redis. */
extern const struct rli_backend rli_backend;

#endif /* RLI_BASE_BACKEND_H */
