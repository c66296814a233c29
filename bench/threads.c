/*
 * Row 5: the threads of one process share one lock object, PROCESS
 * granularity, 1 us of work inside; by passing on, and by delegation. The floor
 * is a pthread mutex.
 */

#include "common/contest.h"

int main(int argc, char **argv)
{
	static const struct side sides[] = {
		{ .name = "floor", .kind = &kind_pthread, .sample = 32 },
		{ .name = "rl", .kind = &kind_rl, .per_process = true,
		  .sample = 32, .fair = .5 },
		{ .name = "delegated", .kind = &kind_rl, .per_process = true,
		  .delegated = true, .sample = 32, .fair = .5 },
	};
	static const struct contest row = { .row = "5", .side = sides,
					    .sides = 3 };
	struct options o = { .rounds = 12, .ms = 200, .procs = 1,
			     .threads = 8, .inside_ns = 1000 };

	options_read(&o, argc, argv);
	return contest(&row, &o);
}
