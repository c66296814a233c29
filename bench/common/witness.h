#ifndef BENCH_WITNESS_H
#define BENCH_WITNESS_H

/*
 * Looks whether a lock does what it is for: nobody else inside, fences that
 * grow, no update lost; and who had it from whom, and how fast.
 *
 * In memory that all clients share. Written by who holds the lock, and so
 * guarded by what is being tested; `inside` is atomic for the case that it
 * does not hold. It is written with plain stores, not exchanged: what is to be
 * measured are locks, and a bus lock in each hold is not part of any.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/histogram.h"

struct witness {
	_Atomic uint32_t inside; /* 1 + the number of who is; 0: nobody */
	int last, last_proc;	 /* who was inside before */
	uint64_t count;		 /* holds, by read and write */
	uint64_t fence;		 /* the highest seen */
	int64_t released;	 /* when the unlock began; 0: not measured */
};

/* What one client saw, of one side. Its own; others read `holds` meanwhile. */
struct tally {
	_Alignas(128) _Atomic uint64_t holds;
	uint64_t handovers; /* holds that another client had before */
	uint64_t overlaps, disorders, errors;
	int64_t ended; /* its part in the last phase */
	struct histogram wait;	   /* the call that locks */
	struct histogram pair;	   /* from its begin to the end of unlock */
	struct histogram handover; /* from another's unlock until it had it */
};

struct visit {
	int who, proc;
	int64_t now;	/* 0: this hold is not timed */
	uint64_t fence; /* 0: not looked at */
	bool again;	/* the fence may be that of the hold before */
};

void witness_enter(struct witness *w, struct tally *t, const struct visit *v);
void witness_leave(struct witness *w, struct tally *t, const struct visit *v);

#endif
