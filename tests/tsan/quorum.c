/*
 * Threads that add under a lock, with every granularity, on three real servers
 * of which one at a time is stopped, or ends and comes back.
 */
#include "tsan/sum.h"

#define NODES 3

/* It is for ThreadSanitizer. */
#ifdef __SANITIZE_THREAD__
#define ROUNDS 100
#else
#define ROUNDS 30
#endif

static struct server *node[NODES];

static bool has_gone_on(void *before)
{
	return !atomic_load(&running) ||
	       atomic_load(&added) >= *(long *)before + 20;
}

/* One node after the other is not there for some holds. */
static void disturb(void)
{
	long before;
	int i;

	for (i = 0; atomic_load(&running); i++) {
		struct server *srv = node[i / 2 % NODES];

		if (i % 2)
			server_pause(srv);
		else
			server_kill(srv);
		before = atomic_load(&added);
		wait_until(has_gone_on, &before, WAIT_MS);
		if (i % 2)
			server_resume(srv);
		else
			server_restart(srv, true);
		server_wait_ready(srv);
		before = atomic_load(&added);
		wait_until(has_gone_on, &before, WAIT_MS);
	}
}

int main(void)
{
	const struct server_options persist = { .persist = true };
	struct plan plan = { .lease = 10000, .interval = 5 };
	char list[1024] = "";
	int i;

	for (i = 0; i < NODES; i++) {
		node[i] = server_start(&persist);
		strcat(strcat(strcat(list, i ? " " : ""), node[i]->url),
		       "?outage_timeout=60000");
	}
	plan.servers = list;
	rounds = getenv("RL_TEST_SLOW") ? 20 : ROUNDS;
	longest_ms = 30;
	for (i = RL_GRANULARITY_THREAD; i <= RL_GRANULARITY_HOST; i++) {
		plan.granularity = i;
		plan.release = RL_RELEASE_SYNC;
		run_all(&plan, disturb);
		plan.release = RL_RELEASE_ASYNC;
		run_all(&plan, disturb);
	}
	for (i = 0; i < NODES; i++)
		server_stop(node[i]);
	return atomic_load(&failed);
}
