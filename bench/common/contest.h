#ifndef BENCH_CONTEST_H
#define BENCH_CONTEST_H

/*
 * A workload in which sides play in turns: A B, B A, A B, … It prints
 *
 *	{"kind":"phase", …}	for each turn of each side
 *	{"kind":"side", …}	for each side, over all its turns
 *
 * and tells whether anything was wrong: a hold that overlapped another, a
 * fence out of order, an update that was lost, a wake-up that was lost, an
 * error, a client that starved.
 */

#include "common/crew.h"
#include "common/options.h"

struct contest {
	const char *row; /* of the table */
	const struct side *side;
	int sides;
};

/* The exit status: 0, or 1 if the run was wrong. */
int contest(const struct contest *contest, const struct options *o);

#endif
