#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

/*
 * How often a duration was seen: buckets 3 % wide, of a fixed size in memory,
 * so that adding to one costs a few nanoseconds however long the run.
 */

#include <stdint.h>

#define HIST_SUB  32 /* buckets in each power of two */
#define HIST_SIZE (36 * HIST_SUB)

struct histogram {
	uint64_t n;
	int64_t max;
	uint32_t bucket[HIST_SIZE];
};

void hist_add(struct histogram *h, int64_t ns);
void hist_merge(struct histogram *to, const struct histogram *from);

/* What `share` (0 to 1) of all do not exceed; 0 if there are none. */
int64_t hist_at(const struct histogram *h, double share);

#endif
