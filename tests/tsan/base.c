/*
 * What threads share in lib/base, used by several at once: the registry of
 * servers, the host's id, the process's start, where log lines go.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/owner.h"
#include "base/servers.h"

#define THREADS 4
#define ROUNDS 2000

static atomic_long heard;

static void hear(int level, const char *text, void *arg)
{
	(void)level;
	if (strcmp(text, "line") == 0)
		atomic_fetch_add((atomic_long *)arg, 1);
}

static int use_servers(int i)
{
	static const char *const lists[] = {
		"redis://a redis://b", "redis://b,redis://c", "redis://c"
	};
	struct rli_servers *servers;
	int err = rli_servers_get(lists[i % 3], &servers);

	if (err)
		return err;
	rli_servers_hold(servers);
	rli_node_hold(servers->node[0]);
	rli_node_put(servers->node[0]);
	rli_servers_put(servers);
	rli_servers_put(servers);
	return 0;
}

static int use_log(int i)
{
	int err = rl_set_log(hear, &heard, RL_LOG_ERROR + i % 3);

	rli_log(RL_LOG_ERROR, "line");
	return err;
}

static int use_owner(void)
{
	char process[RLI_ID_MAX], thread[RLI_ID_MAX];
	int err = rli_process_owner(process, sizeof(process));

	if (!err)
		err = rli_thread_owner(thread, sizeof(thread), 1);
	/* Both name the same process. */
	if (!err && strncmp(process + 5, thread + 5, strlen(process + 5)))
		err = rli_fail(1, "%s is not in %s", thread, process);
	return err;
}

static void *run(void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		if (!use_servers(i) && !use_log(i) && !use_owner())
			continue;
		fprintf(stderr, "%s\n", rl_last_error());
		exit(1);
	}
	return NULL;
}

int main(void)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, run, NULL))
			return 1;
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	return heard != (long)THREADS * ROUNDS;
}
