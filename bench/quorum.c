/*
 * Row 8: one client locks and unlocks a lock that several servers keep
 * (--nodes), of which some may be down (--dead) or hang (--hung).
 */

#include "common/contest.h"

#include <stdio.h>

int main(int argc, char **argv)
{
	static const struct side sides[] = {
		{ .name = "floor", .kind = &kind_bare_quorum, .sample = 1 },
		{ .name = "all", .kind = &kind_bare_quorum_all, .sample = 1 },
		{ .name = "rl", .kind = &kind_rl, .sample = 1 },
	};
	struct options o = { .rounds = 20, .ms = 100, .procs = 1,
			     .threads = 1, .nodes = 3 };
	char name[48];
	int len;
	const struct contest row = { .row = name, .side = sides, .sides = 3 };

	options_read(&o, argc, argv);
	if (o.tcp || 2 * (o.dead + o.hung) >= o.nodes) {
		fprintf(stderr, "unix sockets only, and a majority alive\n");
		return 2;
	}
	len = snprintf(name, sizeof(name), "8:%d", o.nodes);
	if (o.dead)
		len += snprintf(name + len, sizeof(name) - (size_t)len, "-%d",
				o.dead);
	if (o.hung)
		snprintf(name + len, sizeof(name) - (size_t)len, "~%d", o.hung);
	return contest(&row, &o);
}
