/* rl_mutex_reset and rl_reset_all: freed, whoever holds it. */
#include "peer.h"

TestSuite(mutex_reset, .init = lock_setup, .fini = lock_teardown);

/* By anybody, of a hold of anybody: no right is needed. */
static void reset_of_another(int granularity, enum peer_kind kind)
{
	struct spec s = { .granularity = granularity };
	struct peer *holder;
	MUTEX m;

	spec_fresh(&s);
	cr_assert_eq(spec_init(&s, &m), 0);
	cr_expect_eq(rl_mutex_reset(&m), 0);
	holder = peer_start(kind, &s, NULL);
	cr_assert_eq(peer_do(holder, LOCK, 0), 0);
	cr_expect_eq(rl_mutex_reset(&m), 0);
	cr_expect_eq(rl_mutex_locked(&m), 0);
	cr_expect_eq(peer_do(holder, UNLOCK, 0), ESTALE, "%s, %s",
		     granularity_names[granularity], peer_names[kind]);
	cr_expect_eq(peer_do(holder, UNLOCK, 0), EPERM);
	cr_expect_eq(rl_mutex_trylock(&m), 0);
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	peer_end(holder);
}

Test(mutex_reset, frees_a_lock_whoever_holds_it)
{
	for (int g = RL_GRANULARITY_THREAD; g <= BY_NAME; g++)
		for (int kind = PEER_OWN_MUTEX; kind < PEER_KINDS; kind++)
			reset_of_another(g, (enum peer_kind)kind);
}

enum { WAITERS = 3 };

/* Who of those that have not answered yet does so next. On one server they
 * are served in their order; on several, in about that. */
static struct peer *next_to_answer(struct peer **p)
{
	int i = 0;

	while (!p[i] || (srv->nodes > 1 && !peer_answers(p[i], 5)))
		i = (i + 1) % WAITERS;
	return p[i];
}

/* One after the other, and each of them. */
static void waiters_go_on(int granularity, enum peer_kind kind)
{
	struct spec s = { .granularity = granularity, LEASE_WATCHED };
	struct peer *p[WAITERS], *holder;
	bool in_line_here = kind != PEER_PROCESS && granularity;
	MUTEX m;

	spec_fresh(&s);
	cr_assert_eq(spec_init(&s, &m), 0);
	holder = peer_start(PEER_PROCESS, &s, NULL);
	cr_assert_eq(peer_do(holder, LOCK, 0), 0);
	for (int i = 0; i < WAITERS; i++) {
		p[i] = peer_start(kind, &s, &m);
		peer_begin(p[i], LOCK, 0);
		cr_expect(server_info_becomes(srv, "blocked_clients",
					      in_line_here ? 1 : i + 1));
	}
	cr_expect_eq(rl_mutex_reset(&m), 0);
	for (int i = 0; i < WAITERS; i++) {
		struct peer *next = next_to_answer(p);

		for (int k = 0; k < WAITERS; k++)
			if (p[k] == next)
				p[k] = NULL;
		cr_expect_eq(peer_answer(next).err, 0, "%d", i);
		cr_expect_eq(peer_do(next, UNLOCK, 0), 0);
		peer_end(next);
	}
	peer_end(holder);
}

Test(mutex_reset, waiters_go_on_waiting_and_each_gets_it)
{
	for (int kind = 0; kind < PEER_KINDS; kind++) {
		waiters_go_on(RL_GRANULARITY_THREAD, (enum peer_kind)kind);
		if (kind == PEER_PROCESS)
			waiters_go_on(RL_GRANULARITY_PROCESS, PEER_PROCESS);
	}
}

/* The holder is a thread beside the waiter: it learns it from the keeper. */
static void waiter_beside_the_holder(int granularity, long lease_ms)
{
	struct spec s = { .granularity = granularity, .lease_ms = lease_ms };
	struct peer *p;
	MUTEX m;

	spec_fresh(&s);
	cr_assert_eq(spec_init(&s, &m), 0);
	p = peer_start(PEER_SAME_MUTEX, &s, &m);
	cr_assert_eq(rl_mutex_lock(&m), 0);
	peer_begin(p, LOCK, 0);
	cr_expect_not(peer_answers(p, 5));
	cr_expect_eq(rl_mutex_reset(&m), 0);
	cr_expect_eq(peer_answer(p).err, 0, "%s, lease %ld",
		     granularity_names[granularity], lease_ms);
	cr_expect_eq(peer_do(p, UNLOCK, 0), 0);
	cr_expect_eq(rl_mutex_unlock(&m), ESTALE);
	peer_end(p);
}

Test(mutex_reset, a_waiter_in_the_process_of_the_holder_gets_it)
{
	for (int g = RL_GRANULARITY_THREAD; g <= BY_NAME; g++) {
		waiter_beside_the_holder(g, 1200);
		waiter_beside_the_holder(g, LEASE_NEVER);
	}
}

/* ---------------------------------------------------------------- reset all */

static void init_under(rl_mutex_t *m, const char *prefix, const char *name)
{
	struct spec s = { .type = RL_MUTEX_NORMAL };
	rl_mutexattr_t attr;

	cr_assert_eq(spec_attr(&s, &attr), 0);
	cr_assert_eq(rl_mutexattr_setprefix(&attr, prefix), 0);
	cr_assert_eq(rl_mutex_init(m, name, &attr), 0);
	rl_mutexattr_destroy(&attr);
}

static size_t reset_under(const char *prefix)
{
	struct spec s = { .type = RL_MUTEX_NORMAL };
	rl_mutexattr_t attr;
	size_t n = 99;

	cr_assert_eq(spec_attr(&s, &attr), 0);
	cr_assert_eq(rl_mutexattr_setprefix(&attr, prefix), 0);
	cr_expect_eq(rl_reset_all(&attr, &n), 0);
	cr_expect_eq(rl_reset_all(&attr, NULL), 0);
	rl_mutexattr_destroy(&attr);
	return n;
}

Test(mutex_reset, all_under_one_prefix_and_no_other)
{
	rl_mutex_t a[30];
	MUTEX other;
	char name[16];

	init_under(&other, "other:", "lock");
	cr_assert_eq(rl_mutex_lock(&other), 0);
	for (int i = 0; i < 30; i++) {
		snprintf(name, sizeof(name), i % 2 ? "{tag-%d}" : "lock-%d", i);
		init_under(&a[i], "some*[:", name);
		cr_assert_eq(rl_mutex_lock(&a[i]), 0);
		if (i % 3 == 0)
			cr_assert_eq(rl_mutex_unlock(&a[i]), 0);
	}
	cr_expect_eq(reset_under("some*[:"), 20);
	for (int i = 0; i < 30; i++)
		cr_expect_eq(rl_mutex_locked(&a[i]), 0);
	for (int i = 0; i < 30; i++)
		cr_expect_eq(rl_mutex_unlock(&a[i]), i % 3 ? ESTALE : EPERM);
	cr_expect_eq(rl_mutex_unlock(&other), 0);
	for (int i = 0; i < 30; i++)
		cr_expect_eq(rl_mutex_destroy(&a[i]), 0);
}

Test(mutex_reset, all_with_an_empty_prefix_touches_only_what_is_ours)
{
	MUTEX m;

	init_under(&m, "", "ours");
	cr_assert_eq(rl_mutex_lock(&m), 0);
	server_ask(srv, "SET foreign 5f3a");
	server_ask(srv, "SET number 17");
	server_ask(srv, "RPUSH list a");
	server_ask(srv, "HSET hash f 1");
	cr_expect_eq(reset_under(""), 1);
	cr_expect_eq(rl_mutex_locked(&m), 0);
	cr_expect_eq(server_ask_int(srv, "EXISTS foreign number list hash"), 4);
}

Test(mutex_reset, all_makes_what_is_not_recoverable_usable)
{
	struct spec s = { .robust = RL_MUTEX_ROBUST, .lease_ms = 600000 };
	struct peer *p;
	MUTEX m;

	spec_fresh(&s);
	cr_assert_eq(spec_init(&s, &m), 0);
	p = peer_start(PEER_SAME_MUTEX, &s, &m);
	cr_assert_eq(peer_do(p, LOCK, 0), 0);
	peer_leaves(p, PEER_RETURN);
	peer_end(p);
	cr_assert_eq(rl_mutex_lock(&m), EOWNERDEAD);
	cr_assert_eq(rl_mutex_unlock(&m), 0);
	cr_assert_eq(rl_mutex_lock(&m), ENOTRECOVERABLE);
	cr_expect_eq(reset_under("rl:"), 0);
	cr_expect_eq(rl_mutex_lock(&m), 0);
	cr_expect_eq(rl_mutex_unlock(&m), 0);
}
