/*
 * Waiting for recalls: see delegation.c. All here is the keeper's own.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/random.h"
#include "lock/delegation.h"

/* How long one BLPOP waits: a connection that is dead is found out by then. */
#define LISTEN_MOST (5 * RLI_S)
#define SERVERS_MAX 8
#define LOCKS_MAX (RLI_LISTS_MAX - 1)
#define OWN_NAME_MAX 4096

struct listener {
	struct rli_servers *servers;	/* held; NULL: not in use */
	struct rli_lock *lock[LOCKS_MAX];	/* each held */
	int n;
	bool waits;			/* BLPOP is out … */
	bool stale;			/* … and not for these locks */
	bool nudging, forwarding;	/* is on its way */
	struct rli_lock *stray;		/* whose recall was not for us; NULL */
	struct rli_listen listen;
	struct rli_recall nudge, forward;
	char own[OWN_NAME_MAX];		/* the list to wake itself by */
};

struct rli_listeners {
	struct listener of[SERVERS_MAX];
};

/* -------------------------------------------------------- what is heard */

static void recall_all(struct listener *l)
{
	int i;

	for (i = 0; i < l->n; i++)
		rli_delegation_ends(l->lock[i]);
}

static struct rli_lock *named(const struct listener *l, const char *k,
			      size_t len)
{
	int i = 0;

	while (i < l->n && (l->lock[i]->place.k_len != len ||
			    memcmp(l->lock[i]->place.k, k, len)))
		i++;
	return i < l->n ? l->lock[i] : NULL;
}

static void forwarded(struct rli_recall *recall)
{
	struct listener *l = (struct listener *)
		((char *)recall - offsetof(struct listener, forward));

	l->forwarding = false;
}

/* Whoever has the lock now is to hear it. */
static void forward(struct listener *l, const struct rli_lock *lock,
		    struct rli_conns *conns)
{
	if (l->forwarding)
		return;
	l->forward = (struct rli_recall){
		.servers = l->servers, .done = forwarded,
		.list = lock->place.recall,
		.list_len = lock->place.recall_len,
		.token = lock->place.k, .token_len = lock->place.k_len,
	};
	l->forwarding = !rli_backend.recall(conns, &l->forward);
}

static void heard(struct rli_listen *listen)
{
	struct listener *l = (struct listener *)
		((char *)listen - offsetof(struct listener, listen));
	struct rli_lock *lock;

	l->waits = false;
	if (listen->err && listen->err != ETIMEDOUT) {
		rli_log(RL_LOG_INFO, "recalls cannot be heard: %s",
			rli_error_message());
		recall_all(l);
	}
	if (listen->err)
		return;
	lock = named(l, listen->token, listen->token_len);
	l->stray = lock && !rli_delegation_ends(lock) ? lock : NULL;
}

/* ---------------------------------------------------------- listening */

int rli_listeners_new(struct rli_listeners **listeners)
{
	*listeners = rli_calloc(1, sizeof(**listeners));
	return *listeners ? 0 : rli_fail_nomem();
}

static struct listener *listener_of(struct rli_listeners *all,
				    struct rli_servers *servers)
{
	struct listener *free = NULL;
	int i;

	for (i = 0; i < SERVERS_MAX; i++) {
		if (all->of[i].servers == servers)
			return &all->of[i];
		if (!free && !all->of[i].servers)
			free = &all->of[i];
	}
	if (free) {
		rli_servers_hold(servers);
		free->servers = servers;
	}
	return free;
}

/* Nothing is kept that cannot be recalled. */
static void refuse(struct rli_lock *lock)
{
	rli_guard_lock(&lock->guard);
	lock->listened = false;
	rli_guard_unlock(&lock->guard);
	rli_delegation_ends(lock);
}

void rli_listeners_add(struct rli_listeners *all, struct rli_lock *lock,
		       struct rli_servers *servers)
{
	struct listener *l = listener_of(all, servers);

	if (!l || l->n == LOCKS_MAX || !rli_lock_hold(lock)) {
		refuse(lock);
		return;
	}
	l->lock[l->n++] = lock;
	l->stale = true;
}

void rli_listeners_drop(struct rli_listeners *all, const struct rli_lock *lock)
{
	struct listener *l;
	int i;

	for (l = all->of; l < all->of + SERVERS_MAX; l++)
		for (i = 0; i < l->n; i++)
			if (l->lock[i] == lock)
				l->stale = true;
}

/* Whether recalls of the lock are still to be heard. */
static bool still_wanted(struct rli_lock *lock)
{
	bool wanted;

	rli_guard_lock(&lock->guard);
	wanted = rli_delegated_hold(lock) && !lock->contended;
	lock->listened = wanted;
	rli_guard_unlock(&lock->guard);
	return wanted;
}

static void prune(struct listener *l)
{
	int i, kept = 0;

	for (i = 0; i < l->n; i++) {
		struct rli_lock *lock = l->lock[i];

		if (still_wanted(lock))
			l->lock[kept++] = lock;
		else
			rli_lock_put(lock);
	}
	l->n = kept;
}

static void stop(struct listener *l)
{
	rli_servers_put(l->servers);
	l->servers = NULL;
}

/* In the slot of one of the lists, and within what a user may touch. */
static bool name_own_list(struct listener *l)
{
	uint64_t number;
	int len;

	rli_random(&number, sizeof(number));
	len = snprintf(l->own, sizeof(l->own), "%s:%016llx",
		       l->lock[0]->place.recall, (unsigned long long)number);
	return len > 0 && (size_t)len < sizeof(l->own);
}

static void begin(struct listener *l, struct rli_conns *conns)
{
	struct rli_listen *listen = &l->listen;
	int i;

	l->stale = false;
	listen->servers = l->servers;
	listen->done = heard;
	listen->deadline = rli_after(rli_now(), LISTEN_MOST);
	listen->n = l->n + 1;
	listen->list[0].name = l->own;
	listen->list[0].len = strlen(l->own);
	for (i = 0; i < l->n; i++) {
		listen->list[i + 1].name = l->lock[i]->place.recall;
		listen->list[i + 1].len = l->lock[i]->place.recall_len;
	}
	l->waits = !rli_backend.listen(conns, listen);
}

static void nudged(struct rli_recall *recall)
{
	struct listener *l = (struct listener *)
		((char *)recall - offsetof(struct listener, nudge));

	l->nudging = false;
}

static void nudge(struct listener *l, struct rli_conns *conns)
{
	l->stale = false;
	l->nudge = (struct rli_recall){
		.servers = l->servers, .done = nudged,
		.list = l->own, .list_len = strlen(l->own),
		.token = "", .token_len = 0,
	};
	l->nudging = !rli_backend.recall(conns, &l->nudge);
}

static void update(struct listener *l, struct rli_conns *conns)
{
	if (l->stray)
		forward(l, l->stray, conns);
	l->stray = NULL;
	if (l->waits) {
		if (l->stale && !l->nudging)
			nudge(l, conns);
		return;
	}
	prune(l);
	if (!l->n && !l->nudging && !l->forwarding) {
		stop(l);
		return;
	}
	if (!l->n)
		return;
	if (name_own_list(l))
		begin(l, conns);
	if (!l->waits)
		recall_all(l);
}

void rli_listeners_update(struct rli_listeners *all, struct rli_conns *conns)
{
	int i;

	for (i = 0; i < SERVERS_MAX; i++)
		if (all->of[i].servers)
			update(&all->of[i], conns);
}

void rli_listeners_free(struct rli_listeners *all)
{
	struct listener *l;

	for (l = all->of; l < all->of + SERVERS_MAX; l++) {
		while (l->n) {
			refuse(l->lock[--l->n]);
			rli_lock_put(l->lock[l->n]);
		}
		rli_servers_put(l->servers);
	}
	rli_free(all);
}
