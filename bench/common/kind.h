#ifndef BENCH_KIND_H
#define BENCH_KIND_H

/*
 * The kinds of lock that are compared, behind one interface. All return 0 or
 * a positive error number, and say on standard error what went wrong.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* What a side's locks are to be like; each kind takes what it knows. */
struct terms {
	const char *url;	  /* of the server, or the list of them */
	const char *path;	  /* its socket (flock: the file); or */
	int port;		  /* its port */
	char name[64];		  /* of the lock */
	bool process;		  /* rl: PROCESS granularity, else THREAD */
	bool async;		  /* rl: RELEASE_ASYNC */
	bool delegated;		  /* rl: DELEGATION_ON */
	int slice_us;		  /* rl; 0: the default */
	pthread_mutex_t *mutex;	  /* pthread: in memory all parties see */
};

struct kind {
	/* Which commands come from the client, not from its scripts. */
	const char *requests;
	int (*open)(const struct terms *terms, void **lock);
	int (*lock)(void *lock);
	int (*unlock)(void *lock);
	int (*fence)(void *lock, uint64_t *fence); /* NULL: it has none */
	void (*close)(void *lock);
};

/*
 * The floor: SET NX PX and an EVALSHA that compares and deletes, each
 * awaited. It does not wait: only for a lock nobody else wants.
 */
extern const struct kind kind_bare;
/* The same, but the release is sent at once and its answer read with the one
 * of the next SET: two requests on their way, one awaited. */
extern const struct kind kind_bare_async;
/* The common recipe under contention: the same, tried again every 1 ms. */
extern const struct kind kind_bare_poll;
/* The floor on several servers: sent to all at once, each command over when a
 * majority has answered. By `url`, unix sockets only. */
extern const struct kind kind_bare_quorum;
extern const struct kind kind_bare_quorum_all;
extern const struct kind kind_rl;
extern const struct kind kind_pthread;
/* flock(2) on the file `path`. */
extern const struct kind kind_flock;

#endif
