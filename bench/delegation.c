/*
 * Row 3: one client locks and unlocks a lock that is delegated to its process,
 * and that nobody else wants. Beside the floor, a pthread mutex.
 */

#include "common/contest.h"

int main(int argc, char **argv)
{
	static const struct side sides[] = {
		{ .name = "floor", .kind = &kind_bare, .sample = 1 },
		{ .name = "pthread", .kind = &kind_pthread, .sample = 256 },
		{ .name = "rl", .kind = &kind_rl, .per_process = true,
		  .delegated = true, .sample = 256 },
	};
	static const struct contest row = { .row = "3", .side = sides,
					    .sides = 3 };
	struct options o = { .rounds = 12, .ms = 100, .procs = 1,
			     .threads = 1 };

	options_read(&o, argc, argv);
	return contest(&row, &o);
}
