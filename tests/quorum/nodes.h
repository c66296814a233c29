/*
 * Three servers for each test, of which any can be stopped, and mutexes on the
 * quorum of them.
 */
#ifndef TESTS_QUORUM_NODES_H
#define TESTS_QUORUM_NODES_H

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rl/rl.h>

#include "support/server.h"
#include "support/wait.h"

#define NODES 3
/* Criterion's time-out counts processor time. */
#define TEST_SECONDS 60

static struct server *node[NODES];
static char urls[1024];

static inline void nodes_setup(void)
{
	urls[0] = '\0';
	alarm(TEST_SECONDS);
	for (int i = 0; i < NODES; i++) {
		node[i] = server_start(NULL);
		strcat(strcat(urls, i ? " " : ""), node[i]->url);
	}
}

static inline void nodes_teardown(void)
{
	for (int i = 0; i < NODES; i++)
		server_stop(node[i]);
}

/* How a mutex is to be; all zero: as by default. */
struct want {
	const char *servers;	/* NULL: all three */
	long lease_ms;
	long refresh_ms;
	long timeout_ms;
	int robust;
	int async;
	int retries;		/* 0: no limit */
	rl_onlost_fn *onlost;
	void *arg;
};

static inline int make(rl_mutex_t *m, const char *name, const struct want *w)
{
	static const struct want plain;
	rl_mutexattr_t attr;
	int err = rl_mutexattr_init(&attr);

	if (!w)
		w = &plain;
	rl_mutexattr_setservers(&attr, w->servers ? w->servers : urls);
	if (w->lease_ms)
		rl_mutexattr_setlease(&attr, w->lease_ms);
	if (w->refresh_ms)
		rl_mutexattr_setrefreshinterval(&attr, w->refresh_ms);
	if (w->timeout_ms)
		rl_mutexattr_settimeout(&attr, w->timeout_ms);
	if (w->robust)
		rl_mutexattr_setrobust(&attr, RL_MUTEX_ROBUST);
	if (w->async)
		rl_mutexattr_setrelease(&attr, RL_RELEASE_ASYNC);
	if (w->retries)
		rl_mutexattr_setretry(&attr, w->retries, 5, 5);
	rl_mutexattr_setonlost(&attr, w->onlost, w->arg);
	if (!err)
		err = rl_mutex_init(m, name, &attr);
	rl_mutexattr_destroy(&attr);
	return err;
}

static inline uint64_t fence_of(rl_mutex_t *m)
{
	uint64_t fence = 0;

	cr_expect_eq(rl_mutex_fence(m, &fence), 0);
	return fence;
}

/* Calls of a command that a node has carried out. */
static inline long long calls_of(struct server *srv, const char *command)
{
	const char *text = server_ask(srv, "INFO commandstats"), *at;
	char key[64];

	snprintf(key, sizeof(key), "cmdstat_%s:calls=", command);
	at = strstr(text, key);
	return at ? strtoll(at + strlen(key), NULL, 10) : 0;
}

/* Where they wait; -1: nowhere. */
static inline int home(void)
{
	for (int i = 0; i < NODES; i++)
		if (node[i]->pid && server_info(node[i], "blocked_clients"))
			return i;
	return -1;
}

static inline bool somebody_waits(void *arg)
{
	(void)arg;
	return home() >= 0;
}

#endif
