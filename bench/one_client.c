/* Row 1: one client locks and unlocks a lock that nobody else wants. */

#include "common/contest.h"

int main(int argc, char **argv)
{
	static const struct side sides[] = {
		{ .name = "floor", .kind = &kind_bare, .sample = 1 },
		{ .name = "rl", .kind = &kind_rl, .sample = 1 },
	};
	static const struct contest row = { .row = "1", .side = sides,
					    .sides = 2 };
	struct options o = { .rounds = 20, .ms = 100, .procs = 1,
			     .threads = 1 };

	options_read(&o, argc, argv);
	return contest(&row, &o);
}
