/*
 * Threads that add under a lock, with every granularity, on a real server.
 */
#include "tsan/sum.h"

int main(void)
{
	struct server *srv = server_start(NULL);
	char url[300];
	struct plan plan = { .servers = url, .lease = 10000, .interval = 5 };

	/* A second may be too little for valgrind on a busy machine. */
	snprintf(url, sizeof(url), "%s?command_timeout=20000&"
		 "outage_timeout=60000", srv->url);

	rounds = getenv("RL_TEST_SLOW") ? 30 : 300;
	longest_ms = 3;
	for (int granularity = RL_GRANULARITY_THREAD;
	     granularity <= RL_GRANULARITY_HOST; granularity++) {
		plan.granularity = granularity;
		plan.release = RL_RELEASE_SYNC;
		run_all(&plan, NULL);
		plan.release = RL_RELEASE_ASYNC;
		run_all(&plan, NULL);
		if (granularity == RL_GRANULARITY_THREAD)
			continue;
		plan.release = RL_RELEASE_SYNC;
		plan.delegation = RL_DELEGATION_ON;
		run_all(&plan, NULL);
		plan.delegation = RL_DELEGATION_OFF;
	}
	server_stop(srv);
	return atomic_load(&failed);
}
