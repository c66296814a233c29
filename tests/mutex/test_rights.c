/* Who besides the locking thread may do what to a hold: the table of owners. */
#include <stdatomic.h>

#include "peer.h"

TestSuite(mutex_rights, .init = lock_setup, .fini = lock_teardown);

static atomic_int losses;

static void count_loss(rl_mutex_t *m, int error, void *arg)
{
	(void)m;
	(void)error;
	(void)arg;
	losses++;
}

struct cell {
	struct spec spec;
	enum peer_kind kind;
	rl_mutex_t m;
	struct peer *p;
	char label[120];
};

static void with_each(void (*check)(struct cell *))
{
	for (int t = RL_MUTEX_NORMAL; t <= RL_MUTEX_REFRESH; t++)
		for (int g = RL_GRANULARITY_THREAD; g <= BY_NAME; g++)
			for (int kind = 0; kind < PEER_KINDS; kind++) {
				struct cell c = { .kind = kind };

				c.spec.type = t;
				c.spec.granularity = g;
				c.spec.onlost = count_loss;
				spec_fresh(&c.spec);
				cr_assert_eq(spec_init(&c.spec, &c.m), 0);
				c.p = peer_start(c.kind, &c.spec, &c.m);
				snprintf(c.label, sizeof(c.label),
					 "%s, %s, by %s", type_names[t],
					 granularity_names[g],
					 peer_names[kind]);
				check(&c);
				peer_end(c.p);
				rl_mutex_destroy(&c.m);
			}
}

static bool same_owner(const struct cell *c)
{
	if (c->spec.granularity == RL_GRANULARITY_THREAD)
		return false;
	return c->kind != PEER_PROCESS ||
	       c->spec.granularity != RL_GRANULARITY_PROCESS;
}

static bool may_unlock(const struct cell *c)
{
	return same_owner(c) && (c->spec.type == RL_MUTEX_NORMAL ||
				 c->spec.type == RL_MUTEX_REFRESH);
}

static void cut_lease(const struct cell *c)
{
	server_ask_int(srv, "PEXPIRE rl:%s 5000", c->spec.name);
}

/* ------------------------------------------- refresh, extend, held, fence */

static void expect_use(struct cell *c, int err)
{
	uint64_t fence = 0;
	struct answer a;

	cr_expect_eq(rl_mutex_fence(&c->m, &fence), 0);
	cut_lease(c);
	cr_expect_eq(peer_do(c->p, REFRESH, 0), err, "%s: refresh", c->label);
	cr_expect_eq(spec_lease_left(&c->spec) > 5000, !err, "%s: refresh",
		     c->label);
	cut_lease(c);
	cr_expect_eq(peer_do(c->p, EXTEND, 20000), err, "%s: extend",
		     c->label);
	cr_expect_eq(spec_lease_left(&c->spec) > 10000, !err, "%s: extend",
		     c->label);
	cr_expect_eq(peer_do(c->p, HELD, 0), err, "%s: held", c->label);
	a = peer_ask(c->p, FENCE, 0);
	cr_expect_eq(a.err, err, "%s: fence", c->label);
	cr_expect_eq((uint64_t)a.value, err ? 0 : fence, "%s", c->label);
}

static void use(struct cell *c)
{
	int err = same_owner(c) ? 0 : EPERM;

	cr_assert_eq(rl_mutex_lock(&c->m), 0);
	expect_use(c, err);
	cr_expect_eq(rl_mutex_held(&c->m), 0, "%s", c->label);
	cr_expect_eq(rl_mutex_unlock(&c->m), 0, "%s", c->label);
	cr_expect_eq(peer_do(c->p, REFRESH, 0), EPERM, "%s", c->label);
	cr_expect_eq(peer_do(c->p, EXTEND, 20000), EPERM, "%s", c->label);
	cr_expect_eq(peer_do(c->p, HELD, 0), EPERM, "%s", c->label);
	cr_expect_eq(peer_do(c->p, FENCE, 0), EPERM, "%s", c->label);
}

Test(mutex_rights, refresh_extend_held_and_fence_go_by_the_owner)
{
	with_each(use);
}

/* ---------------------------------------------------------------- remaining */

static void remaining(struct cell *c)
{
	bool may = c->spec.granularity != RL_GRANULARITY_THREAD &&
		   c->kind != PEER_PROCESS;
	struct answer a;

	cr_assert_eq(rl_mutex_lock(&c->m), 0);
	a = peer_ask(c->p, REMAINING, 0);
	cr_expect_eq(a.err, may ? 0 : EPERM, "%s", c->label);
	if (may)
		cr_expect(a.value > 0 && a.value < INT64_C(10000000000), "%s",
			  c->label);
	else
		cr_expect_eq(a.value, 0, "%s", c->label);
	cr_expect_eq(rl_mutex_unlock(&c->m), 0);
	cr_expect_eq(peer_do(c->p, REMAINING, 0), EPERM, "%s", c->label);
}

Test(mutex_rights, remaining_is_for_the_threads_of_the_process_that_locked)
{
	with_each(remaining);
}

/* ------------------------------------------------------------------- unlock */

static void unlock(struct cell *c)
{
	cr_assert_eq(rl_mutex_lock(&c->m), 0);
	if (may_unlock(c)) {
		cr_expect_eq(peer_do(c->p, UNLOCK, 0), 0, "%s", c->label);
		cr_expect_eq(rl_mutex_locked(&c->m), 0, "%s", c->label);
		cr_expect_eq(rl_mutex_unlock(&c->m), EPERM, "%s", c->label);
	} else {
		cr_expect_eq(peer_do(c->p, UNLOCK, 0), EPERM, "%s", c->label);
		cr_expect_eq(rl_mutex_held(&c->m), 0, "%s", c->label);
		cr_expect_eq(rl_mutex_unlock(&c->m), 0, "%s", c->label);
	}
	cr_expect_eq(peer_do(c->p, UNLOCK, 0), EPERM, "%s", c->label);
	cr_expect_eq(losses, 0, "%s", c->label);
}

Test(mutex_rights, unlock_goes_by_the_owner_and_the_type)
{
	with_each(unlock);
}

/* The other may lock again at once, and the locker may too. */
static void unlock_then_lock(struct cell *c)
{
	if (!may_unlock(c))
		return;
	cr_assert_eq(rl_mutex_lock(&c->m), 0);
	cr_expect_eq(peer_do(c->p, UNLOCK, 0), 0, "%s", c->label);
	cr_expect_eq(peer_do(c->p, TRYLOCK, 0), 0, "%s", c->label);
	cr_expect_eq(peer_do(c->p, UNLOCK, 0), 0, "%s", c->label);
	cr_expect_eq(rl_mutex_trylock(&c->m), 0, "%s", c->label);
	cr_expect_eq(rl_mutex_unlock(&c->m), 0, "%s", c->label);
}

Test(mutex_rights, after_an_unlock_by_another_the_lock_is_free_for_both)
{
	with_each(unlock_then_lock);
}

static bool not_held_any_more(void *arg)
{
	struct timespec left;

	return rl_mutex_remaining(arg, &left) == EPERM;
}

/* The keeper finds the hold gone, and is quiet about it. */
static void unlock_quietly(enum peer_kind kind, int granularity)
{
	struct spec s = { LEASE_WATCHED, .granularity = granularity,
			  .onlost = count_loss };
	struct peer *p;
	MUTEX m;

	spec_fresh(&s);
	cr_assert_eq(spec_init(&s, &m), 0);
	p = peer_start(kind, &s, &m);
	cr_assert_eq(rl_mutex_lock(&m), 0);
	cr_expect_eq(peer_do(p, UNLOCK, 0), 0);
	cr_expect(wait_until(not_held_any_more, &m, WAIT_MS));
	cr_expect_eq(losses, 0, "%s, %s", peer_names[kind],
		     granularity_names[granularity]);
	cr_expect_eq(rl_mutex_unlock(&m), EPERM);
	peer_end(p);
	cr_expect_eq(rl_mutex_destroy(&m), 0);
}

Test(mutex_rights, an_unlock_by_another_is_no_loss)
{
	for (int kind = 0; kind < PEER_KINDS; kind++)
		for (int g = RL_GRANULARITY_PROCESS; g <= BY_NAME; g++)
			if (kind != PEER_PROCESS || g != RL_GRANULARITY_PROCESS)
				unlock_quietly((enum peer_kind)kind, g);
}
