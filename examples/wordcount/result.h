/*
 * The result: one small text file which all workers change by reading it,
 * adding to it and writing it back. Nothing here locks; the caller must.
 *
 *	words  000000048211
 *	a      000000003301
 *	...
 *	z      000000000012
 *	other  000000002190
 *	t0     000000000750	how many parts of thread 0 are in the above
 *	...
 *
 * The last lines make a worker replaceable: they change in the same step as
 * the counts, so whoever takes a dead worker's place knows where to go on.
 *
 * A worker can die between the two halves of a write, and leaves a file that
 * is half new and half old. Therefore a second file, the undo file, keeps the
 * result as it was for as long as a write is under way:
 *
 *	1. undo file:	the old result, then "undo 1" in its first line
 *	2. result file:	the new result, in place
 *	3. undo file:	"undo 0"
 *
 * Whoever finds "undo 1" after a worker died puts the old result back. That
 * is enough for a process that dies, because what it wrote is in the kernel
 * and stays in order. To survive a power cut, fsync(2) after each step.
 */
#ifndef WORDCOUNT_RESULT_H
#define WORDCOUNT_RESULT_H

#include "count.h"

#include <stdbool.h>

#define THREADS_MAX	256

struct result {
	unsigned threads;
	uint64_t n[COUNTS + THREADS_MAX];	/* counts, then parts done */
};

struct result_file {
	int fd;
	int undo_fd;
	unsigned threads;
};

/* These exit with a message if the files cannot be read or written. */
void result_create(const char *path, unsigned threads);
void result_open(struct result_file *file, const char *path, unsigned threads);
void result_close(struct result_file *file);
void result_read(const struct result_file *file, struct result *result);

/*
 * Read, add, write: part number `part` of `thread` has these counts. With
 * `die` the process is killed in the middle of the write.
 */
void result_add(const struct result_file *file, const struct counts *counts,
		unsigned thread, uint64_t part, bool die);

/*
 * After a worker died in result_add, perhaps: true if its half of a result
 * was undone, false if there was nothing to undo.
 */
bool result_repair(const struct result_file *file);

#endif
