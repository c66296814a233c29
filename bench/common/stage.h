#ifndef BENCH_STAGE_H
#define BENCH_STAGE_H

/*
 * Where a workload plays: a Redis server of its own (or several, as the nodes
 * of a quorum), pinned as the placement says, and the calling thread pinned
 * where its clients are to run. What the caller forks or starts from then on
 * runs there too.
 */

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/options.h"
#include "support/server.h"

#define STAGE_NODES 15

struct stage {
	struct server *server; /* the first; those that hang, then those
				  that are dead are last */
	int alive;
	redisContext *control[STAGE_NODES]; /* what is asked here is not
					       counted; of those alive */
	double asked;	       /* times a control was asked */
	const char *url;       /* as rl takes it: all of them */
	int server_core, client_core; /* -1: several */
};

/* Ends the program if it cannot be had. */
void stage_open(struct stage *stage, const struct options *o, int clients);
void stage_close(struct stage *stage);

/* What the server has done so far; several: all together. */
struct counters {
	double requests; /* commands that clients sent */
	double calls;	 /* those, and what scripts called */
	double reads;	 /* times the server read from a client */
	double cpu_us;	 /* of the server */
};

/*
 * `requests` names the commands that come from clients, each between blanks:
 * " set evalsha ". Other commands are called by scripts.
 */
void stage_count(struct stage *stage, const char *requests,
		 struct counters *counters);

/* A field of INFO, of the first server. */
double stage_info(struct stage *stage, const char *field);

/* CPU time a process has used so far, in microseconds; 0 if it is gone. */
double cpu_us_of(pid_t pid);

#endif
