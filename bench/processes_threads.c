/*
 * Row 6: processes of threads, PROCESS granularity, 1 us of work inside. The
 * measure is row 5: the first of the processes alone. The floor is a pthread
 * mutex that all processes share.
 */

#include "common/contest.h"

int main(int argc, char **argv)
{
	static const struct side sides[] = {
		{ .name = "floor", .kind = &kind_pthread, .sample = 32 },
		{ .name = "one-process", .kind = &kind_rl, .procs = 1,
		  .per_process = true, .sample = 32 },
		{ .name = "rl", .kind = &kind_rl, .per_process = true,
		  .sample = 32, .fair = .25, .fair_proc = .6 },
	};
	static const struct contest row = { .row = "6", .side = sides,
					    .sides = 3 };
	struct options o = { .rounds = 12, .ms = 250, .procs = 4,
			     .threads = 8, .inside_ns = 1000 };

	options_read(&o, argc, argv);
	return contest(&row, &o);
}
