/* Row 2: as row 1, with releases that are sent and not awaited. */

#include "common/contest.h"

int main(int argc, char **argv)
{
	static const struct side sides[] = {
		{ .name = "floor", .kind = &kind_bare, .sample = 1 },
		{ .name = "floor-async", .kind = &kind_bare_async,
		  .sample = 1 },
		{ .name = "rl", .kind = &kind_rl, .sample = 1,
		  .async = true },
	};
	static const struct contest row = { .row = "2", .side = sides,
					    .sides = 3 };
	struct options o = { .rounds = 20, .ms = 100, .procs = 1,
			     .threads = 1 };

	options_read(&o, argc, argv);
	return contest(&row, &o);
}
