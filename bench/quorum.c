/*
 * Row 8: one client locks and unlocks a lock that several servers keep
 * (--nodes), of which some may be down (--dead).
 */

#include "common/contest.h"

#include <stdio.h>

int main(int argc, char **argv)
{
	static const struct side sides[] = {
		{ .name = "floor", .kind = &kind_bare_quorum, .sample = 1 },
		{ .name = "rl", .kind = &kind_rl, .sample = 1 },
	};
	struct options o = { .rounds = 20, .ms = 100, .procs = 1,
			     .threads = 1, .nodes = 3 };
	char name[32];
	const struct contest row = { .row = name, .side = sides, .sides = 2 };

	options_read(&o, argc, argv);
	if (o.tcp || 2 * o.dead >= o.nodes) {
		fprintf(stderr, "unix sockets only, and a majority alive\n");
		return 2;
	}
	if (o.dead)
		snprintf(name, sizeof(name), "8:%d-%d", o.nodes, o.dead);
	else
		snprintf(name, sizeof(name), "8:%d", o.nodes);
	return contest(&row, &o);
}
