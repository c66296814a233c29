#include "common/work.h"

#include "common/now.h"

#define TURNS 20000
#define TRIES 2000

void work(long turns)
{
	for (; turns > 0; turns--)
		__asm__ volatile("" : "+r"(turns));
}

long work_calibrate(int ns)
{
	/* Not inlined: it must be the same code that is used later. */
	void (*volatile call)(long) = work;
	int64_t best = INT64_MAX;
	int i;

	for (i = 0; i < TRIES; i++) {
		int64_t took = now_ns();

		call(TURNS);
		took = now_ns() - took;
		if (took < best)
			best = took;
	}
	return best > 0 ? (long)((double)TURNS * ns / (double)best) : ns;
}
