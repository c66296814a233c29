#ifndef TESTS_WAITING_PARTY_H
#define TESTS_WAITING_PARTY_H

/*
 * A thread or process with one mutex that does what the test tells it, call
 * by call, and says what came of it and when:
 *
 *	struct plan plan = { .servers = srv->url, .lease = 500 };
 *	struct proc *w = party_start(PROC_PROCESS, &plan);
 *
 *	party_begin(w, LOCK, 0);		// it blocks
 *	line_has(srv, 1);			// it stands in the line
 *	cr_expect_eq(party_end(w).err, 0);	// it was granted
 *	cr_expect_eq(party(w, UNLOCK, 0), 0);
 *	party_leave(w);
 *	parties_end();				// in the teardown
 */

#include <errno.h>
#include <rl/rl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "support/proc.h"
#include "support/server.h"
#include "support/wait.h"

/* What a party's mutex is like; 0 or NULL: as by default. */
struct plan {
	const char *servers, *name, *owner;
	int type, granularity, robust, refresh, release, delegation;
	long lease; /* ms; NEVER: 0 */
	long interval, maxhold;
	long slice; /* us; NEVER: 0 */
	long timeout;
	rl_onlost_fn *onlost;
	void *onlost_arg;
};

#define NEVER (-1)

enum deed {
	LOCK,
	TRYLOCK,
	TIMEDLOCK, /* arg: ms from now */
	UNLOCK,
	CONSISTENT,
	REFRESH,
	EXTEND, /* arg: ms */
	HELD,
	RESET,
	FENCE,	  /* the result is in value */
	REMAINING, /* ms in value */
	LEAVE
};

struct order {
	int64_t deed, arg;
};

struct outcome {
	int64_t err;
	int64_t value;
	int64_t begun_ns, done_ns; /* CLOCK_MONOTONIC */
};

/* An attribute object for the plan; for the caller to destroy. */
static inline void plan_attr(const struct plan *plan, rl_mutexattr_t *attr)
{
	TEST_MUST(!rl_mutexattr_init(attr));
	TEST_MUST(!rl_mutexattr_setservers(attr, plan->servers));
	TEST_MUST(!rl_mutexattr_settype(attr, plan->type));
	TEST_MUST(!rl_mutexattr_setgranularity(attr, plan->granularity));
	TEST_MUST(!rl_mutexattr_setowner(attr, plan->owner));
	TEST_MUST(!rl_mutexattr_setrobust(attr, plan->robust));
	TEST_MUST(!rl_mutexattr_setrefresh(attr, plan->refresh));
	TEST_MUST(!rl_mutexattr_setrelease(attr, plan->release));
	TEST_MUST(!rl_mutexattr_setdelegation(attr, plan->delegation));
	if (plan->lease)
		TEST_MUST(!rl_mutexattr_setlease(
			attr, plan->lease == NEVER ? 0 : plan->lease));
	if (plan->slice)
		TEST_MUST(!rl_mutexattr_setslice(
			attr, plan->slice == NEVER ? 0 : plan->slice));
	if (plan->interval)
		TEST_MUST(!rl_mutexattr_setrefreshinterval(attr,
							   plan->interval));
	if (plan->maxhold)
		TEST_MUST(!rl_mutexattr_setmaxhold(attr, plan->maxhold));
	if (plan->timeout)
		TEST_MUST(!rl_mutexattr_settimeout(attr, plan->timeout));
	if (plan->onlost)
		TEST_MUST(!rl_mutexattr_setonlost(attr, plan->onlost,
						  plan->onlost_arg));
}

static inline void plan_mutex(const struct plan *plan, rl_mutex_t *mutex)
{
	rl_mutexattr_t attr;

	plan_attr(plan, &attr);
	TEST_MUST(!rl_mutex_init(mutex, plan->name ? plan->name : "lock",
				 &attr));
	rl_mutexattr_destroy(&attr);
}

static inline struct timespec from_ms(int64_t ms)
{
	return (struct timespec){ .tv_sec = ms / 1000,
				  .tv_nsec = ms % 1000 * 1000000 };
}

static inline int timedlock_ms(rl_mutex_t *mutex, int64_t ms)
{
	struct timespec now, end;

	clock_gettime(CLOCK_MONOTONIC, &now);
	end = from_ms(ms);
	end.tv_sec += now.tv_sec;
	end.tv_nsec += now.tv_nsec;
	if (end.tv_nsec >= 1000000000) {
		end.tv_nsec -= 1000000000;
		end.tv_sec++;
	}
	return rl_mutex_clocklock(mutex, CLOCK_MONOTONIC, &end);
}

static inline int party_obey(rl_mutex_t *m, const struct order *o,
			     int64_t *value)
{
	struct timespec ts = from_ms(o->arg);
	uint64_t fence = 0;
	int err;

	switch ((enum deed)o->deed) {
	case LOCK:
		return rl_mutex_lock(m);
	case TRYLOCK:
		return rl_mutex_trylock(m);
	case TIMEDLOCK:
		return timedlock_ms(m, o->arg);
	case UNLOCK:
		return rl_mutex_unlock(m);
	case CONSISTENT:
		return rl_mutex_consistent(m);
	case REFRESH:
		return rl_mutex_refresh(m);
	case EXTEND:
		return rl_mutex_extend(m, &ts);
	case HELD:
		return rl_mutex_held(m);
	case RESET:
		return rl_mutex_reset(m);
	case FENCE:
		err = rl_mutex_fence(m, &fence);
		*value = (int64_t)fence;
		return err;
	case REMAINING:
		err = rl_mutex_remaining(m, &ts);
		*value = ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
		return err;
	case LEAVE:
		break;
	}
	return 0;
}

/* Ends what the thread holds by it, and the mutex. */
static inline int drop_mutex(rl_mutex_t *mutex)
{
	int err;

	do
		err = rl_mutex_unlock(mutex);
	while (err == 0 || err == ESTALE);
	return rl_mutex_destroy(mutex);
}

static inline int party_main(struct proc *self, void *arg)
{
	rl_mutex_t mutex;
	struct order order;

	plan_mutex(arg, &mutex);
	while (proc_hear_bytes(self, &order, sizeof(order)) == sizeof(order)) {
		struct outcome out = { .begun_ns = wait_now_ns() };

		if (order.deed == LEAVE)
			break;
		out.err = party_obey(&mutex, &order, &out.value);
		out.done_ns = wait_now_ns();
		proc_tell_bytes(self, &out, sizeof(out));
	}
	return drop_mutex(&mutex);
}

#define PARTIES_MAX 256

/* Those that have not left. */
static struct proc *parties[PARTIES_MAX];

static inline struct proc **party_place(const struct proc *p)
{
	int i = 0;

	while (i < PARTIES_MAX && parties[i] != p)
		i++;
	TEST_MUST(i < PARTIES_MAX);
	return &parties[i];
}

/* The plan must live as long as the party. */
static inline struct proc *party_start(enum proc_kind kind, struct plan *plan)
{
	struct proc **place = party_place(NULL);

	return *place = proc_start(kind, party_main, plan);
}

static inline void party_begin(struct proc *p, enum deed deed, int64_t arg)
{
	struct order order = { deed, arg };

	proc_tell_bytes(p, &order, sizeof(order));
}

/* What came of what it was told last; waits for it. */
static inline struct outcome party_end(struct proc *p)
{
	struct outcome out;

	if (proc_hear_bytes(p, &out, sizeof(out)) != sizeof(out))
		out.err = -1;
	return out;
}

static inline int party(struct proc *p, enum deed deed, int64_t arg)
{
	party_begin(p, deed, arg);
	return (int)party_end(p).err;
}

/* Whether it is still at what it was told last. */
static inline bool party_is_busy(struct proc *p)
{
	return !proc_heard(p, 0);
}

/* Its last order: it unlocks, and goes. Gives what destroying its mutex did. */
static inline int party_leave(struct proc *p)
{
	*party_place(p) = NULL;
	party_begin(p, LEAVE, 0);
	return proc_join(p);
}

static inline void party_kill(struct proc *p)
{
	*party_place(p) = NULL;
	proc_kill(p);
}

/* All that are left: processes are killed, and threads leave when they can. */
static inline void parties_end(void)
{
	struct proc *p;

	for (int i = 0; i < PARTIES_MAX; i++) {
		p = parties[i];
		if (p && p->kind == PROC_PROCESS)
			party_kill(p);
		else if (p)
			party_begin(p, LEAVE, 0);
	}
	for (int i = 0; i < PARTIES_MAX; i++)
		if (parties[i])
			proc_join(parties[i]);
	memset(parties, 0, sizeof(parties));
}

/* Wait until so many clients are blocked at the server. */
static inline bool line_has(struct server *srv, int n)
{
	return server_info_becomes(srv, "blocked_clients", n);
}

/* How often the server has run a command, by its own count. */
static inline long long calls_of(struct server *srv, const char *command)
{
	const char *text = server_ask(srv, "INFO commandstats");
	char key[80];
	const char *at;

	snprintf(key, sizeof(key), "cmdstat_%s:calls=", command);
	at = strstr(text, key);
	return at ? strtoll(at + strlen(key), NULL, 10) : 0;
}

#endif
