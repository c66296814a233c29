#ifndef TESTS_DELEGATION_H
#define TESTS_DELEGATION_H

/* A server, a plan with delegation, and a mutex of this process by it. */

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "waiting/crowd.h"
#include "waiting/inside.h"
#include "waiting/party.h"

#define IDLE_MS 100    /* a lock that rests so long is given back */
#define PATIENCE 10000 /* ms */
#define SOON 900       /* ms; a recall takes one, a question a second */

static struct server *srv;
static struct plan plan;
static rl_mutex_t mutex;

static inline void setup(void)
{
	srv = server_start(NULL);
	plan = (struct plan){ .servers = srv->url,
			      .granularity = RL_GRANULARITY_PROCESS,
			      .delegation = RL_DELEGATION_ON };
}

static inline void teardown(void)
{
	parties_end();
	server_stop(srv);
}

/* The lock of the plan, locked and unlocked: it rests. */
static inline void let_it_rest(void)
{
	plan_mutex(&plan, &mutex);
	cr_assert_eq(rl_mutex_lock(&mutex), 0);
	cr_assert_eq(rl_mutex_unlock(&mutex), 0);
}

static inline bool is_free(void *arg)
{
	(void)arg;
	return server_ask_int(srv, "EXISTS rl:lock") == 0;
}

/* How long p takes to lock it and unlock it, ms. */
static inline int64_t turn_of(struct proc *p)
{
	struct outcome out;

	party_begin(p, TIMEDLOCK, PATIENCE);
	out = party_end(p);
	cr_assert_eq(out.err, 0);
	cr_assert_eq(party(p, UNLOCK, 0), 0);
	return (out.done_ns - out.begun_ns) / 1000000;
}

#endif
