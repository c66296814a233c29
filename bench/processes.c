/*
 * Row 4: processes that all want one lock. Beside it, as the measure of what
 * the placement allows, one bare client alone; and the processes with bare
 * clients that poll.
 */

#include "common/contest.h"

int main(int argc, char **argv)
{
	static const struct side sides[] = {
		{ .name = "floor", .kind = &kind_bare, .procs = 1,
		  .sample = 1 },
		{ .name = "poll", .kind = &kind_bare_poll, .sample = 1 },
		{ .name = "rl", .kind = &kind_rl, .sample = 1, .fair = .7 },
	};
	static const struct contest row = { .row = "4", .side = sides,
					    .sides = 3 };
	struct options o = { .rounds = 12, .ms = 200, .procs = 8,
			     .threads = 1 };

	options_read(&o, argc, argv);
	return contest(&row, &o);
}
