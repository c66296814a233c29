/*
 * base/thread.h - what rl keeps for each thread that uses it.
 */
#ifndef RLI_BASE_THREAD_H
#define RLI_BASE_THREAD_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/owner.h"

#define RLI_NONCE_LEN 16	/* hexadecimal digits */
#define RLI_NO_SLOT (~0u)

/* The thread's own, unless a guard is named. */
struct rli_thread {
	unsigned long serial;	/* never 0, never used again */
	unsigned slot;		/* a small number that no other thread has, and
				   a later one may have; or RLI_NO_SLOT */
	char id[RLI_HOSTID_MAX + 80];	/* "thrd:…#" */
	size_t id_len;
	char process[RLI_HOSTID_MAX + 60];	/* "proc:…#" */
	size_t process_len;
	uint64_t nonce;		/* the last one given */
	void *conns;		/* the backend's connections, NULL: none yet */
	atomic_uint holds;	/* locks this thread owns as a thread; changed
				   under each lock's guard */
};

/*
 * The calling thread's record, made at its first call. ENOMEM; the errors of
 * rli_thread_owner().
 */
int rli_thread_self(struct rli_thread **self);

/* The same, or NULL if there is none; never makes one. */
struct rli_thread *rli_thread_peek(void);

/* What a hold is, told by the first digit of its nonce. */
enum rli_nonce {
	RLI_NONCE_PLAIN,	/* 0 to 3 */
	RLI_NONCE_DELEGATED,	/* 4 to 7: its process can be recalled */
	RLI_NONCE_SHARED	/* 8 to f: REFRESH */
};

/*
 * A number that no hold of this thread had before, as 16 hexadecimal digits
 * and no terminating zero.
 */
void rli_thread_nonce(struct rli_thread *self, enum rli_nonce kind,
		      char *digits);

static inline int rli_nonce_is_delegated(const char *digits)
{
	return *digits >= '4' && *digits <= '7';
}

/*
 * Called once, before the first rli_thread_self(): end is called as a thread
 * that has a record ends, on that thread, before the record is freed.
 */
int rli_threads_init(void (*end)(struct rli_thread *self));

/*
 * In a forked child: the calling thread is another one now, that holds
 * nothing and has no connection. 0 or the errors of rli_thread_owner().
 */
void rli_thread_after_fork(void);

/* Frees the calling thread's record now, if it has one, calling end. */
void rli_thread_leave(void);

#endif /* RLI_BASE_THREAD_H */
