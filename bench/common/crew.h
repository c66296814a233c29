#ifndef BENCH_CREW_H
#define BENCH_CREW_H

/*
 * The clients of a workload: processes of threads, which take a lock, work and
 * unlock it, in phases. In each phase one side plays, with one kind of lock;
 * who takes no part sleeps. All sides live in the same processes, so that
 * phases of different sides can follow each other at once, and nothing but
 * the lock is different between them.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/kind.h"
#include "common/stage.h"
#include "common/witness.h"

#define SIDES_MAX 4

/* Nobody got the lock for so long: a wake-up was lost (and found, as a waiter
 * asks once a second). */
#define STALL_MS 900

struct side {
	const char *name;
	const struct kind *kind;
	int procs;	  /* how many processes take part; 0: all */
	bool per_process; /* the threads of a process share one object */
	bool own;	  /* each client has a lock of its own */
	int sample;	  /* one hold in so many is timed, its fence read */
	double fair;	  /* slowest/fastest client below it: a wrong run */
	double fair_proc; /* the same for the holds of whole processes */
	bool async;
	bool delegated;
};

struct crew_plan {
	const struct side *side;
	int sides;
	int procs, threads;
	int inside_ns;
	const struct stage *stage;
};

struct crew;

/* Ends the program if it cannot be had. */
struct crew *crew_start(const struct crew_plan *plan);

/* Waits until all its clients are there. */
bool crew_ready(struct crew *crew);

/* Its clients open their locks of a side and take each once. */
bool crew_open(struct crew *crew, int side);

struct phase {
	int64_t ns;	    /* from its begin until the last client's end */
	uint64_t holds, handovers;
	int64_t stall;	    /* the longest time in which nobody unlocked */
	double client_us;   /* CPU */
	struct counters server;
};

/* One side plays for `ms`. False: a client failed, or one never came back. */
bool crew_play(struct crew *crew, int side, int ms, struct phase *phase);

/*
 * Its clients each take the lock once. Returns at once; then crew_wait() until
 * all have done so, false if one failed or never came back. Gives the moment
 * of the last unlock.
 */
void crew_once(struct crew *crew, int side);
bool crew_wait(struct crew *crew, int side, int64_t *ended);

/* CPU time of all clients so far, in microseconds. */
double crew_cpu_us(const struct crew *crew);

/* Forget what was seen so far of a side: it was for warming up. */
void crew_forget(struct crew *crew, int side);

/* All that a side's clients saw. */
struct summary {
	struct tally sum;
	uint64_t least, most; /* holds of a client */
	uint64_t least_proc, most_proc, procs;
	uint64_t lost;	      /* updates under the lock that are not there */
};

void crew_summary(struct crew *crew, int side, struct summary *summary);

/* The process ids, for who wants to look at them. */
const pid_t *crew_pids(const struct crew *crew);

/* False: a process ended badly. */
bool crew_end(struct crew *crew);

#endif
