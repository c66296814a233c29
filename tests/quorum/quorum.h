#ifndef TESTS_QUORUM_QUORUM_H
#define TESTS_QUORUM_QUORUM_H

/*
 * What the tests of several servers share: the servers, each of which a test
 * can break on its own, a proxy before each if wanted, and mutexes on them.
 */

#include <criterion/criterion.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rl/rl.h>

#include "support/proc.h"
#include "support/proxy.h"
#include "support/server.h"
#include "support/wait.h"

#define NODES_MAX 15

static struct server *node[NODES_MAX];
static struct proxy *proxy[NODES_MAX];	/* if nodes_proxied() */
static int nodes;
static char all[NODES_MAX * 160];	/* the list of servers */

/* Criterion's time-out counts processor time, of which one who waits for ever
 * uses none. */
#define TEST_SECONDS 60

/* The URLs of n nodes from the first on. */
static inline void list_nodes(char *list, size_t size, int first, int n)
{
	size_t len = 0;
	int i;

	for (i = first; i < first + n; i++)
		len += (size_t)snprintf(list + len, size - len, "%s%s",
					i > first ? " " : "",
					proxy[i] ? proxy[i]->url
						 : node[i]->url);
	TEST_MUST(len < size);
}

static inline void nodes_begin(int n, const struct server_options *options)
{
	alarm(TEST_SECONDS);
	unsetenv("RL_SERVERS");
	for (nodes = 0; nodes < n; nodes++)
		node[nodes] = server_start(options);
	list_nodes(all, sizeof(all), 0, n);
}

/* The same, each behind a proxy. */
static inline void nodes_proxied(int n, const struct server_options *options)
{
	nodes_begin(n, options);
	for (n = 0; n < nodes; n++)
		proxy[n] = proxy_start(&node[n]->addr, false);
	list_nodes(all, sizeof(all), 0, n);
}

static inline void nodes_end(void)
{
	for (; nodes > 0; nodes--) {
		if (proxy[nodes - 1])
			proxy_stop(proxy[nodes - 1]);
		proxy[nodes - 1] = NULL;
		server_stop(node[nodes - 1]);
	}
}

/* ----------------------------------------------------------------- mutexes */

/* What a mutex is to be like; zero bytes are the default of each. */
struct want {
	const char *servers;	/* all */
	const char *name;	/* "n" */
	const char *owner;	/* else the granularity */
	int granularity, type;
	long lease_ms, refresh_ms;
	bool robust, no_refresh, async;
	const int *retry;	/* count, delay, jitter */
	rl_onlost_fn *onlost;
	void *arg;
};

static inline void make(rl_mutex_t *m, const struct want *w)
{
	rl_mutexattr_t a;

	cr_assert_eq(rl_mutexattr_init(&a), 0);
	cr_assert_eq(rl_mutexattr_setservers(&a, w->servers ? w->servers : all),
		     0, "%s", rl_last_error());
	if (w->owner)
		rl_mutexattr_setowner(&a, w->owner);
	rl_mutexattr_setgranularity(&a, w->granularity);
	rl_mutexattr_settype(&a, w->type);
	if (w->lease_ms)
		rl_mutexattr_setlease(&a, w->lease_ms);
	rl_mutexattr_setrefreshinterval(&a, w->refresh_ms);
	if (w->no_refresh)
		rl_mutexattr_setrefresh(&a, RL_REFRESH_OFF);
	if (w->async)
		rl_mutexattr_setrelease(&a, RL_RELEASE_ASYNC);
	if (w->robust)
		rl_mutexattr_setrobust(&a, RL_MUTEX_ROBUST);
	if (w->retry)
		rl_mutexattr_setretry(&a, w->retry[0], w->retry[1],
				      w->retry[2]);
	rl_mutexattr_setonlost(&a, w->onlost, w->arg);
	cr_assert_eq(rl_mutex_init(m, w->name ? w->name : "n", &a), 0, "%s",
		     rl_last_error());
	rl_mutexattr_destroy(&a);
}

static inline int timedlock_ms(rl_mutex_t *m, int64_t ms)
{
	struct timespec ts;
	int64_t ns;

	clock_gettime(CLOCK_REALTIME, &ts);
	ns = ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec + ms * 1000000;
	ts.tv_sec = (time_t)(ns / 1000000000);
	ts.tv_nsec = (long)(ns % 1000000000);
	return rl_mutex_timedlock(m, &ts);
}

/* Calls that must succeed, and say why they did not. */
#define OK(call) cr_expect_eq((call), 0, "%s: %s", #call, rl_last_error())
#define MUST(call) cr_assert_eq((call), 0, "%s: %s", #call, rl_last_error())
#define EXPECT(call, err)                                             \
	do {                                                          \
		int gave_ = (call);                                   \
		cr_expect_eq(gave_, (err), "%s gave %d: %s", #call,   \
			     gave_, rl_last_error());                 \
	} while (0)

/* ------------------------------------------------------------ somebody else */

enum act { LOCK, TRYLOCK, TIMEDLOCK, UNLOCK, CONSISTENT, FENCE };

struct order {
	enum act act;
	int ms;
};

static inline int64_t act_on(rl_mutex_t *m, struct order o)
{
	uint64_t fence = 0;

	switch (o.act) {
	case LOCK:
		return rl_mutex_lock(m);
	case TRYLOCK:
		return rl_mutex_trylock(m);
	case TIMEDLOCK:
		return timedlock_ms(m, o.ms);
	case UNLOCK:
		return rl_mutex_unlock(m);
	case CONSISTENT:
		return rl_mutex_consistent(m);
	default:
		return rl_mutex_fence(m, &fence) ? -1 : (int64_t)fence;
	}
}

static inline int party_main(struct proc *self, void *arg)
{
	struct order o;
	rl_mutex_t mine;

	make(&mine, arg);
	while (proc_hear_bytes(self, &o, sizeof(o)) == sizeof(o) &&
	       o.ms >= 0) {
		int64_t gave = act_on(&mine, o);

		if (gave == ENOLCK || gave == ETIMEDOUT)
			fprintf(stderr, "%s\n", rl_last_error());
		proc_tell(self, gave);
	}
	return rl_mutex_destroy(&mine);
}

/* A thread, or a process, with a mutex of its own, that does as it is told. */
static inline struct proc *party_start(enum proc_kind kind, struct want *want)
{
	return proc_start(kind, party_main, want);
}

static inline void party_begin(struct proc *p, enum act act, int ms)
{
	proc_tell_bytes(p, &(struct order){ act, ms }, sizeof(struct order));
}

static inline int64_t party_do(struct proc *p, enum act act, int ms)
{
	party_begin(p, act, ms);
	return proc_hear(p);
}

static inline void party_end(struct proc *p)
{
	party_begin(p, LOCK, -1);
	cr_expect_eq(proc_join(p), 0);
}

/* What a party gave. */
#define DID(p, act, ms, err)                                               \
	do {                                                               \
		int64_t gave_ = party_do(p, act, ms);                      \
		cr_expect_eq(gave_, (err), "%s gave %d", #act, (int)gave_); \
	} while (0)

/* -------------------------------------------- what a single node knows of it */

static inline bool holds(int i, const char *name)
{
	return strcmp(server_ask(node[i], "GET rl:%s", name), "(nil)") != 0;
}

static inline int holding(const char *name)
{
	int i, n = 0;

	for (i = 0; i < nodes; i++)
		n += node[i]->pid && holds(i, name);
	return n;
}

/* For waiting: node srv has no K of the lock "n". */
static inline bool is_free_there(void *srv)
{
	return server_ask_int(srv, "EXISTS rl:n") == 0;
}

struct state {
	const char *name;
	int n;
};

static inline bool holding_is(void *arg)
{
	struct state *s = arg;

	return holding(s->name) == s->n;
}

/* Wait until so many nodes have K. */
static inline bool holding_becomes(const char *name, int n)
{
	return wait_until(holding_is, &(struct state){ name, n }, WAIT_MS);
}

/* The numbers that node i keeps of the lock become fields of meta, if they are
 * in a word: for who looks at them, or changes them. */
static inline void lay_open(int i, const char *name)
{
	static const char script[] =
		"local M = KEYS[1] "
		"local q = redis.call('HGET', M, 'q') "
		"local word = q and redis.call('HGET', M, q) "
		"if not word then return 0 end "
		"local t, s = string.match(word, '^(%d+) ?(%d*)$') "
		"redis.call('HDEL', M, q) "
		"redis.call('HSET', M, 't', t, 's', s == '' and t or s) "
		"return 1";

	server_ask(node[i], "EVAL %s 1 {rl:%s}:rl:meta", script, name);
}

struct known {
	rl_mutex_t *m;
	const char *name;
};

static inline bool is_known(void *arg)
{
	struct known *k = arg;
	int i;

	if (rl_mutex_lock(k->m) || rl_mutex_unlock(k->m) || holding(k->name))
		return false;
	for (i = 0; i < nodes; i++)
		if (server_ask_int(node[i], "HEXISTS {rl:%s}:rl:meta b",
				   k->name))
			return false;
	return true;
}

/* All nodes know the lock of that name, and none is too young to be believed:
 * without this, they may have forgotten what others have. */
static inline void become_known(rl_mutex_t *m, const char *name)
{
	cr_assert(wait_until(is_known, &(struct known){ m, name }, WAIT_MS));
}

static inline bool somebody_waits(void *arg)
{
	long long n = 0;
	int i;

	for (i = 0; i < nodes; i++)
		if (node[i]->pid)
			n += server_info(node[i], "blocked_clients");
	return n >= *(int *)arg;
}

/* Wait until so many clients are blocked at the nodes together. */
static inline bool waiters_become(int n)
{
	return wait_until(somebody_waits, &n, WAIT_MS);
}

/* Scripts that node i has run. */
static inline long long scripts_run(int i)
{
	const char *line = strstr(server_ask(node[i], "INFO commandstats"),
				  "cmdstat_evalsha:calls=");

	return line ? atoll(line + strlen("cmdstat_evalsha:calls=")) : 0;
}

#endif
