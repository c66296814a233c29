/*
 * A worker: a process of several threads that share one lock object.
 */
#ifndef WORDCOUNT_WORKER_H
#define WORDCOUNT_WORKER_H

#include "text.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * What the workers tell the progress line, in memory that they share. Only
 * for show: the counting itself knows nothing but the file and the lock.
 */
struct board {
	atomic_ulong locks;	/* critical sections entered */
	atomic_ulong updates;	/* parts added to the result */
	atomic_ulong owner_died;	/* how often lock said EOWNERDEAD */
	atomic_ulong repairs;	/* ... and half a result was there to undo */
};

/* Read-only once the workers run. */
struct job {
	const struct text *text;
	const char *path;	/* of the result; the lock is named after it */
	unsigned workers;
	unsigned threads;	/* in each worker */
	unsigned long parts;	/* the text is counted in so many */
	bool lock;
	struct board *board;
};

/*
 * Worker number `number` counts its parts and returns its exit status. With
 * `die` it is killed on the way, in the middle of a write.
 */
int worker_run(const struct job *job, unsigned number, bool die);

#endif
