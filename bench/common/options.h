#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

/*
 * What a workload's program can be told; each has its own defaults.
 *
 *	--placement apart|together|free
 *	--rounds N --ms MS	how often each side runs, and how long
 *	--procs N --threads N	how many clients
 *	--inside NS		work inside the lock
 *	--holds N --mode M	see local_paths.c
 *	--any-share		a client that starves does not make it wrong
 *	--tcp			loopback instead of the unix socket
 *	--nodes N --dead N	servers of a quorum, and how many are down
 *	--hung N		how many more of them are stopped (SIGSTOP)
 *	--socket PATH		see peers/party.c
 */

#include <stdbool.h>

enum placement {
	PLACE_APART,	/* the server has a core, the clients the others */
	PLACE_TOGETHER, /* all on one core */
	PLACE_FREE,	/* as the scheduler likes */
};

struct options {
	enum placement placement;
	int rounds, ms;
	int procs, threads;
	int inside_ns;
	int nodes, dead, hung; /* nodes 0: one */
	long holds;
	const char *mode, *socket;
	bool tcp, any_share;
};

/* Changes what the command line names; ends the program on a bad one. */
void options_read(struct options *o, int argc, char **argv);

const char *placement_name(enum placement placement);

#endif
