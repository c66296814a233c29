#include "common/histogram.h"

static unsigned bucket_of(uint64_t ns)
{
	unsigned power, at;

	if (ns < HIST_SUB)
		return (unsigned)ns;
	power = 63 - (unsigned)__builtin_clzll(ns);
	at = (power - 4) * HIST_SUB + ((ns >> (power - 5)) & (HIST_SUB - 1));
	return at < HIST_SIZE ? at : HIST_SIZE - 1;
}

/* The middle of a bucket. */
static int64_t value_of(unsigned bucket)
{
	unsigned shift = bucket / HIST_SUB;
	int64_t first = bucket % HIST_SUB;

	if (shift == 0)
		return first;
	shift--;
	first = (HIST_SUB + first) << shift;
	return first + ((int64_t)1 << shift) / 2;
}

void hist_add(struct histogram *h, int64_t ns)
{
	if (ns < 0)
		ns = 0;
	h->bucket[bucket_of((uint64_t)ns)]++;
	h->n++;
	if (ns > h->max)
		h->max = ns;
}

void hist_merge(struct histogram *to, const struct histogram *from)
{
	unsigned i;

	for (i = 0; i < HIST_SIZE; i++)
		to->bucket[i] += from->bucket[i];
	to->n += from->n;
	if (from->max > to->max)
		to->max = from->max;
}

int64_t hist_at(const struct histogram *h, double share)
{
	uint64_t seen = 0, wanted = (uint64_t)(share * (double)h->n + 0.5);
	unsigned i;

	if (wanted >= h->n)
		return h->max;
	for (i = 0; i < HIST_SIZE; i++) {
		seen += h->bucket[i];
		if (seen >= wanted && seen)
			break;
	}
	return h->n ? value_of(i) : 0;
}
