/* Robust mutexes: EOWNERDEAD, consistent, ENOTRECOVERABLE, reset. */
#include "peer.h"

TestSuite(mutex_robust, .init = lock_setup, .fini = lock_teardown);

struct cell {
	struct spec spec;
	rl_mutex_t m;
	char label[80];
};

/* Somebody of another kind than all others took the lock, and died. */
static void bury_a_holder(const struct spec *s)
{
	struct spec dead = *s;
	struct peer *p;
	int err;

	dead.lease_ms = 50;
	dead.granularity = RL_GRANULARITY_PROCESS;
	p = peer_start(PEER_PROCESS, &dead, NULL);
	err = peer_do(p, LOCK, 0);
	/* A grant that came too late to be of use counts as a death, too. */
	cr_assert(err == 0 || err == EOWNERDEAD, "%d", err);
	peer_kill(p);
	peer_end(p);
	while (server_ask_int(srv, "EXISTS rl:%s", s->name))
		;
}

static void setup_cell(struct cell *c, int granularity, int robust)
{
	c->spec = (struct spec){ .granularity = granularity,
				 .robust = robust };
	spec_fresh(&c->spec);
	cr_assert_eq(spec_init(&c->spec, &c->m), 0);
	snprintf(c->label, sizeof(c->label), "%s",
		 granularity_names[granularity]);
}

static void each_granularity(int robust, void (*check)(struct cell *))
{
	for (int g = RL_GRANULARITY_THREAD; g <= BY_NAME; g++) {
		struct cell c;

		setup_cell(&c, g, robust);
		check(&c);
		cr_expect_eq(rl_mutex_destroy(&c.m), 0, "%s", c.label);
	}
}

static void expect_each_way(struct cell *c, rl_mutex_t *m, int expected)
{
	for (size_t i = 0; i < N_WAYS; i++)
		cr_expect_eq(act_without_waiting(m, &ways[i]), expected,
			     "%s: %s", c->label, ways[i].name);
}

/* --------------------------------------------------------------- EOWNERDEAD */

static void each_way_tells(struct cell *c)
{
	for (size_t i = 0; i < N_WAYS; i++) {
		int err;

		bury_a_holder(&c->spec);
		err = act_without_waiting(&c->m, &ways[i]);
		cr_expect_eq(err, EOWNERDEAD, "%s: %s: %d", c->label,
			     ways[i].name, err);
		cr_expect_eq(rl_mutex_held(&c->m), 0, "%s", c->label);
		cr_expect_eq(rl_mutex_consistent(&c->m), 0, "%s", c->label);
		cr_expect_eq(rl_mutex_unlock(&c->m), 0, "%s", c->label);
	}
	cr_expect_eq(rl_mutex_lock(&c->m), 0, "%s", c->label);
	cr_expect_eq(rl_mutex_unlock(&c->m), 0, "%s", c->label);
}

Test(mutex_robust, the_next_after_a_dead_holder_gets_eownerdead_and_the_lock)
{
	each_granularity(RL_MUTEX_ROBUST, each_way_tells);
}

static void each_way_is_told_nothing(struct cell *c)
{
	for (size_t i = 0; i < N_WAYS; i++) {
		bury_a_holder(&c->spec);
		cr_expect_eq(act_without_waiting(&c->m, &ways[i]), 0,
			     "%s: %s", c->label, ways[i].name);
		cr_expect_eq(rl_mutex_unlock(&c->m), 0, "%s", c->label);
	}
}

Test(mutex_robust, a_locker_that_is_not_robust_gets_0)
{
	each_granularity(RL_MUTEX_STALLED, each_way_is_told_nothing);
}

/* One that was told nothing, and unlocked, has ended the story. */
static void stalled_between(struct cell *c)
{
	struct spec stalled = c->spec;
	MUTEX m;

	stalled.robust = RL_MUTEX_STALLED;
	cr_assert_eq(spec_init(&stalled, &m), 0);
	bury_a_holder(&c->spec);
	cr_expect_eq(rl_mutex_lock(&m), 0, "%s", c->label);
	cr_expect_eq(rl_mutex_unlock(&m), 0, "%s", c->label);
	cr_expect_eq(rl_mutex_lock(&c->m), 0, "%s", c->label);
	cr_expect_eq(rl_mutex_unlock(&c->m), 0, "%s", c->label);
}

Test(mutex_robust, an_unlock_by_one_that_is_not_robust_needs_no_mending)
{
	each_granularity(RL_MUTEX_ROBUST, stalled_between);
}

/* A waiter learns of a death that happens while it waits. */
static void waiter_is_told(enum peer_kind kind, int granularity)
{
	struct spec s = { .granularity = granularity,
			  .robust = RL_MUTEX_ROBUST };
	struct spec brief;
	struct peer *holder, *waiter;
	int err;
	MUTEX m;

	spec_fresh(&s);
	cr_assert_eq(spec_init(&s, &m), 0);
	brief = s;
	brief.lease_ms = 300;
	holder = peer_start(PEER_PROCESS, &brief, NULL);
	waiter = peer_start(kind, &s, &m);
	err = peer_do(holder, LOCK, 0);
	cr_assert(err == 0 || err == EOWNERDEAD, "%d", err);
	peer_begin(waiter, LOCK, 0);
	cr_expect(server_info_becomes(srv, "blocked_clients", 1));
	peer_kill(holder);
	cr_expect_eq(peer_answer(waiter).err, EOWNERDEAD, "%s, %s",
		     peer_names[kind], granularity_names[granularity]);
	cr_expect_eq(peer_do(waiter, CONSISTENT, 0), 0);
	cr_expect_eq(peer_do(waiter, UNLOCK, 0), 0);
	peer_end(holder);
	peer_end(waiter);
}

Test(mutex_robust, a_waiter_gets_eownerdead_when_the_holder_dies)
{
	for (int kind = 0; kind < PEER_KINDS; kind++)
		for (int g = RL_GRANULARITY_THREAD; g <= BY_NAME; g++)
			waiter_is_told((enum peer_kind)kind, g);
}

/* --------------------------------------------------------------- consistent */

static void healthy(struct cell *c)
{
	cr_expect_eq(rl_mutex_consistent(&c->m), EINVAL, "%s", c->label);
	cr_expect_eq(rl_mutex_lock(&c->m), 0, "%s", c->label);
	cr_expect_eq(rl_mutex_consistent(&c->m), EINVAL, "%s", c->label);
	cr_expect_eq(rl_mutex_unlock(&c->m), 0, "%s", c->label);
	cr_expect_eq(rl_mutex_consistent(&c->m), EINVAL, "%s", c->label);
	bury_a_holder(&c->spec);
	rl_mutex_lock(&c->m);
	rl_mutex_consistent(&c->m);
	cr_expect_eq(rl_mutex_consistent(&c->m), EINVAL, "%s", c->label);
	cr_expect_eq(rl_mutex_unlock(&c->m), 0, "%s", c->label);
}

Test(mutex_robust, consistent_on_a_healthy_mutex_is_einval)
{
	each_granularity(RL_MUTEX_ROBUST, healthy);
	each_granularity(RL_MUTEX_STALLED, healthy);
}

/* ---------------------------------------------------------- ENOTRECOVERABLE */

static void spoil(struct cell *c)
{
	bury_a_holder(&c->spec);
	cr_assert_eq(rl_mutex_lock(&c->m), EOWNERDEAD, "%s", c->label);
	cr_assert_eq(rl_mutex_unlock(&c->m), 0, "%s", c->label);
}

static void not_recoverable(struct cell *c)
{
	struct spec stalled = c->spec;
	struct peer *p;
	MUTEX m;

	spoil(c);
	expect_each_way(c, &c->m, ENOTRECOVERABLE);
	cr_expect_eq(rl_mutex_unlock(&c->m), EPERM, "%s", c->label);
	cr_expect_eq(rl_mutex_locked(&c->m), 0, "%s", c->label);
	stalled.robust = RL_MUTEX_STALLED;
	cr_assert_eq(spec_init(&stalled, &m), 0);
	expect_each_way(c, &m, ENOTRECOVERABLE);
	for (int kind = 0; kind < PEER_KINDS; kind++) {
		p = peer_start((enum peer_kind)kind, &c->spec, &c->m);
		cr_expect_eq(peer_do(p, LOCK, 0), ENOTRECOVERABLE, "%s",
			     c->label);
		peer_end(p);
	}
}

Test(mutex_robust, an_unlock_without_consistent_makes_it_not_recoverable)
{
	each_granularity(RL_MUTEX_ROBUST, not_recoverable);
}

static void reset_recovers(struct cell *c)
{
	spoil(c);
	cr_expect_eq(rl_mutex_reset(&c->m), 0, "%s", c->label);
	for (size_t i = 0; i < N_WAYS; i++) {
		cr_expect_eq(act_without_waiting(&c->m, &ways[i]), 0,
			     "%s: %s", c->label, ways[i].name);
		cr_expect_eq(rl_mutex_unlock(&c->m), 0, "%s", c->label);
	}
}

Test(mutex_robust, reset_makes_it_recoverable)
{
	each_granularity(RL_MUTEX_ROBUST, reset_recovers);
}

enum { WAITERS = 6 };

static bool all_are_blocked(void *arg)
{
	return server_info(srv, "blocked_clients") >= *(long long *)arg;
}

/* Threads that own together wait in the process, and only one at the server. */
static void waiters_learn(struct cell *c)
{
	struct peer *p[WAITERS];
	long long blocked = WAITERS;

	if (c->spec.granularity != RL_GRANULARITY_THREAD)
		blocked = WAITERS / 3;
	bury_a_holder(&c->spec);
	cr_assert_eq(rl_mutex_lock(&c->m), EOWNERDEAD);
	for (int i = 0; i < WAITERS; i++) {
		p[i] = peer_start((enum peer_kind)(i % 3), &c->spec, &c->m);
		peer_begin(p[i], i < 3 ? LOCK : TIMEDLOCK, 60000);
	}
	cr_expect(wait_until(all_are_blocked, &blocked, WAIT_MS), "%s",
		  c->label);
	cr_expect_eq(rl_mutex_unlock(&c->m), 0, "%s", c->label);
	for (int i = 0; i < WAITERS; i++) {
		cr_expect_eq(peer_answer(p[i]).err, ENOTRECOVERABLE,
			     "%s: %s", c->label, peer_names[i % 3]);
		peer_end(p[i]);
	}
}

Test(mutex_robust, those_who_wait_already_learn_that_it_is_not_recoverable)
{
	each_granularity(RL_MUTEX_ROBUST, waiters_learn);
}

/* Death upon death: nobody is forgotten. */
static void died_mending(struct cell *c)
{
	struct spec brief = c->spec;
	struct peer *p;

	bury_a_holder(&c->spec);
	brief.lease_ms = 50;
	p = peer_start(PEER_PROCESS, &brief, NULL);
	cr_expect_eq(peer_do(p, LOCK, 0), EOWNERDEAD, "%s", c->label);
	peer_kill(p);
	peer_end(p);
	cr_expect_eq(rl_mutex_lock(&c->m), EOWNERDEAD, "%s", c->label);
	cr_expect_eq(rl_mutex_consistent(&c->m), 0, "%s", c->label);
	cr_expect_eq(rl_mutex_unlock(&c->m), 0, "%s", c->label);
}

Test(mutex_robust, a_holder_that_dies_mending_leaves_eownerdead_again)
{
	each_granularity(RL_MUTEX_ROBUST, died_mending);
}

static void forgotten(struct cell *c)
{
	bury_a_holder(&c->spec);
	server_ask(srv, "FLUSHALL");
	cr_expect_eq(rl_mutex_lock(&c->m), 0, "%s", c->label);
	cr_expect_eq(rl_mutex_unlock(&c->m), 0, "%s", c->label);
	spoil(c);
	server_ask(srv, "FLUSHALL");
	cr_expect_eq(rl_mutex_lock(&c->m), 0, "%s", c->label);
	cr_expect_eq(rl_mutex_unlock(&c->m), 0, "%s", c->label);
}

Test(mutex_robust, flushall_forgets_the_state)
{
	each_granularity(RL_MUTEX_ROBUST, forgotten);
}
