/*
 * What the tests of the mutex share: a server for each test, mutexes from a
 * short description, and every call as a value, so that tables can name it
 * and a peer (peer.h) can be told to make it.
 */
#ifndef TESTS_MUTEX_LOCK_SPEC_H
#define TESTS_MUTEX_LOCK_SPEC_H

#include <criterion/criterion.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rl/rl.h>

#include "support/server.h"
#include "support/wait.h"

static struct server *srv;

/* Criterion's time-out counts processor time, of which one who waits for ever
 * uses none. */
#define TEST_SECONDS 60

static inline void lock_setup(void)
{
	static const char *const vars[] = { "RL_SERVERS", "RL_PREFIX",
		"RL_GRANULARITY", "RL_OWNER", "RL_LEASE_MS", "RL_REFRESH",
		"RL_MAX_HOLD_MS", "RL_REFRESH_MS", "RL_TIMEOUT_MS", "RL_RETRY",
		"RL_RELEASE", "RL_SLICE_US", "RL_DELEGATION", "RL_HOST_ID",
		"RL_LOG" };

	for (size_t i = 0; i < sizeof(vars) / sizeof(vars[0]); i++)
		unsetenv(vars[i]);
	alarm(TEST_SECONDS);
	srv = server_start_many(NULL, 0);
}

static inline void lock_teardown(void)
{
	server_stop(srv);
}

/* ------------------------------------------------------------------ mutexes */

enum { BY_NAME = 3 };	/* beside RL_GRANULARITY_*: an owner name */
#define LEASE_NEVER (-1)

/* A lease that the keeper looks after often, and that lasts on a machine that
 * is busy. */
#define LEASE_WATCHED .lease_ms = 4000, .interval_ms = 50

/* All zero: NORMAL, THREAD, STALLED, renewed, with the default lease. */
struct spec {
	char name[64];
	int type;
	int granularity;	/* or BY_NAME */
	const char *owner;	/* with BY_NAME; NULL: "the owner" */
	int robust;
	int refresh;
	long lease_ms;		/* 0: the default; LEASE_NEVER */
	long interval_ms;	/* 0: the default */
	long timeout_ms;	/* 0: the default */
	rl_onlost_fn *onlost;
	void *arg;		/* of onlost */
};

static const char *const type_names[] = { "NORMAL", "ERRORCHECK", "RECURSIVE",
					  "REFRESH" };
static const char *const granularity_names[] = { "THREAD", "PROCESS", "HOST",
						 "a named owner" };

/* The name of a lock that no test has used. */
static inline void spec_fresh(struct spec *s)
{
	static int count;

	snprintf(s->name, sizeof(s->name), "lock-%d", ++count);
}

static inline int spec_attr(const struct spec *s, rl_mutexattr_t *attr)
{
	const char *owner = s->owner ? s->owner : "the owner";
	int err = rl_mutexattr_init(attr);

	if (!err)
		err = rl_mutexattr_setservers(attr, srv->urls);
	if (!err)
		err = rl_mutexattr_settype(attr, s->type);
	if (!err && s->granularity == BY_NAME)
		err = rl_mutexattr_setowner(attr, owner);
	else if (!err)
		err = rl_mutexattr_setgranularity(attr, s->granularity);
	if (!err)
		err = rl_mutexattr_setrobust(attr, s->robust);
	if (!err)
		err = rl_mutexattr_setrefresh(attr, s->refresh);
	if (!err && s->lease_ms)
		err = rl_mutexattr_setlease(attr, s->lease_ms == LEASE_NEVER
							  ? 0 : s->lease_ms);
	if (!err)
		err = rl_mutexattr_setrefreshinterval(attr, s->interval_ms);
	if (!err && s->timeout_ms)
		err = rl_mutexattr_settimeout(attr, s->timeout_ms);
	if (!err)
		err = rl_mutexattr_setonlost(attr, s->onlost, s->arg);
	return err;
}

static inline int spec_init(const struct spec *s, rl_mutex_t *m)
{
	rl_mutexattr_t attr;
	int err = spec_attr(s, &attr);

	if (!err)
		err = rl_mutex_init(m, s->name, &attr);
	rl_mutexattr_destroy(&attr);
	return err;
}

/* Whatever its state, nothing of it is left. */
static inline void spec_end(rl_mutex_t *m)
{
	if (rl_mutex_destroy(m) != EBUSY)
		return;
	rl_mutex_reset(m);
	while (rl_mutex_unlock(m) == ESTALE)
		;
	rl_mutex_destroy(m);
}

/* A mutex, or several, that end with their scope. */
#define MUTEX __attribute__((cleanup(spec_end))) rl_mutex_t

struct spec_lease {
	const struct spec *spec;
	long long left;	/* ms, when last looked at */
};

static inline bool spec_lease_grew(void *arg)
{
	struct spec_lease *lease = arg;
	long long before = lease->left;

	lease->left = server_ask_int(srv, "PTTL rl:%s", lease->spec->name);
	return lease->left > before;
}

/* Wait until somebody has started the lease anew. */
static inline bool spec_is_renewed(const struct spec *s)
{
	struct spec_lease lease = { s, INT64_MAX };

	return wait_until(spec_lease_grew, &lease, WAIT_MS);
}

static inline long long spec_lease_left(const struct spec *s)
{
	return server_ask_int(srv, "PTTL rl:%s", s->name);
}

/* -------------------------------------------------------------------- calls */

enum act {
	LOCK,
	TRYLOCK,
	TIMEDLOCK,		/* arg: ms from now, on CLOCK_REALTIME */
	CLOCKLOCK_REALTIME,	/* arg: likewise */
	CLOCKLOCK_MONOTONIC,	/* arg: likewise */
	UNLOCK,
	CONSISTENT,
	REFRESH,
	EXTEND,			/* arg: ms */
	REMAINING,
	FENCE,
	HELD,
	LOCKED,
	OWNER,
	RESET,
	DESTROY
};

static const char *const act_names[] = { "lock", "trylock", "timedlock",
	"clocklock(REALTIME)", "clocklock(MONOTONIC)", "unlock", "consistent",
	"refresh", "extend", "remaining", "fence", "held", "locked", "owner",
	"reset", "destroy" };

struct answer {
	int err;
	int64_t value;	/* REMAINING: ns; FENCE; a lock with a deadline: ns
			   since then, on its own clock */
	char text[1300];	/* OWNER */
};

static inline int64_t spec_ns(const struct timespec *ts)
{
	if (ts->tv_sec > INT64_MAX / 1000000000 - 1)
		return INT64_MAX;
	return ts->tv_sec * INT64_C(1000000000) + ts->tv_nsec;
}

static inline struct timespec spec_timespec(int64_t ns)
{
	return (struct timespec){ .tv_sec = ns / 1000000000,
				  .tv_nsec = ns % 1000000000 };
}

/* A moment so many milliseconds from now. */
static inline struct timespec spec_moment(clockid_t clock, int64_t ms)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return spec_timespec(spec_ns(&now) + ms * 1000000);
}

static inline void lock_by_clock(rl_mutex_t *m, enum act act, int64_t ms,
				 struct answer *a)
{
	clockid_t clock = act == CLOCKLOCK_MONOTONIC ? CLOCK_MONOTONIC
						     : CLOCK_REALTIME;
	struct timespec end = spec_moment(clock, ms), now;

	a->err = act == TIMEDLOCK ? rl_mutex_timedlock(m, &end)
				  : rl_mutex_clocklock(m, clock, &end);
	clock_gettime(clock, &now);
	a->value = spec_ns(&now) - spec_ns(&end);
}

static inline void act_on_lease(rl_mutex_t *m, enum act act, int64_t arg,
				struct answer *a)
{
	struct timespec ts = spec_timespec(arg * 1000000);
	uint64_t fence = 0;

	switch (act) {
	case REFRESH:
		a->err = rl_mutex_refresh(m);
		break;
	case EXTEND:
		a->err = rl_mutex_extend(m, &ts);
		break;
	case REMAINING:
		ts = spec_timespec(0);
		a->err = rl_mutex_remaining(m, &ts);
		a->value = spec_ns(&ts);
		break;
	default:
		a->err = rl_mutex_fence(m, &fence);
		a->value = (int64_t)fence;
	}
}

static inline struct answer act_full(rl_mutex_t *m, enum act act, int64_t arg)
{
	int (*const plain[])(rl_mutex_t *) = { [LOCK] = rl_mutex_lock,
		[TRYLOCK] = rl_mutex_trylock, [UNLOCK] = rl_mutex_unlock,
		[CONSISTENT] = rl_mutex_consistent, [HELD] = rl_mutex_held,
		[LOCKED] = rl_mutex_locked, [RESET] = rl_mutex_reset,
		[DESTROY] = rl_mutex_destroy };
	struct answer a = { .text = "" };

	if (act == OWNER)
		a.err = rl_mutex_owner(m, a.text, sizeof(a.text));
	else if (act >= TIMEDLOCK && act <= CLOCKLOCK_MONOTONIC)
		lock_by_clock(m, act, arg, &a);
	else if (act >= REFRESH && act <= FENCE)
		act_on_lease(m, act, arg, &a);
	else
		a.err = plain[act](m);
	return a;
}

static inline int act_on(rl_mutex_t *m, enum act act, int64_t arg)
{
	return act_full(m, act, arg).err;
}

/* The ways to lock, and what each says of a lock that it would wait for. */
static const struct way {
	const char *name;
	enum act act;
	int64_t arg;
	int busy;	/* 0: it waits */
} ways[] = {
	{ "trylock", TRYLOCK, 0, EBUSY },
	{ "timedlock in the past", TIMEDLOCK, -1000, ETIMEDOUT },
	{ "timedlock", TIMEDLOCK, 15, ETIMEDOUT },
	{ "clocklock REALTIME", CLOCKLOCK_REALTIME, 15, ETIMEDOUT },
	{ "clocklock MONOTONIC in the past", CLOCKLOCK_MONOTONIC, -1000,
	  ETIMEDOUT },
	{ "clocklock MONOTONIC", CLOCKLOCK_MONOTONIC, 15, ETIMEDOUT },
	{ "lock", LOCK, 0, 0 },
};

#define N_WAYS (sizeof(ways) / sizeof(ways[0]))

/* Where nothing is to wait: a deadline that is not near, for a server that is
 * slow. */
static inline int act_without_waiting(rl_mutex_t *m, const struct way *way)
{
	return act_on(m, way->act, way->arg > 0 ? 60000 : way->arg);
}

#endif
