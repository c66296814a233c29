/* The column "held by another owner, or by another thread of the same owner"
 * of the table, but for REFRESH of the same owner (test_refresh_type.c). */
#include "peer.h"

TestSuite(mutex_busy, .init = lock_setup, .fini = lock_teardown);

struct cell {
	struct spec holder;
	struct spec caller;
	enum peer_kind kind;	/* of the caller */
	bool may_unlock;	/* it has the right to end the holder's hold */
	char label[160];
};

static bool can_be_same(int granularity, enum peer_kind kind)
{
	return granularity >= RL_GRANULARITY_HOST ||
	       (granularity == RL_GRANULARITY_PROCESS && kind != PEER_PROCESS);
}

static void setup_cell(struct cell *c, bool same)
{
	int g = c->holder.granularity;

	spec_fresh(&c->holder);
	c->caller = c->holder;
	/* Whoever would be the same owner takes another name. */
	if (!same && can_be_same(g, c->kind)) {
		c->caller.granularity = BY_NAME;
		c->caller.owner = "another owner";
	}
	c->may_unlock = g != RL_GRANULARITY_THREAD &&
			(same || c->kind != PEER_PROCESS) &&
			(c->holder.type == RL_MUTEX_NORMAL ||
			 c->holder.type == RL_MUTEX_REFRESH);
	snprintf(c->label, sizeof(c->label), "%s, %s, the caller is %s of %s",
		 type_names[c->holder.type], granularity_names[g],
		 peer_names[c->kind],
		 same ? "the same owner" : "another owner");
}

/* Each way that does not wait for ever says that the lock is held. */
static void expect_refusals(struct cell *c, struct peer *p)
{
	for (size_t i = 0; i < N_WAYS; i++) {
		struct answer a;

		if (!ways[i].busy)
			continue;
		a = peer_ask(p, ways[i].act, ways[i].arg);
		cr_expect_eq(a.err, ways[i].busy, "%s: %s: %d", c->label,
			     ways[i].name, a.err);
		cr_expect_geq(a.value, 0, "%s: %s: %lld ns", c->label,
			      ways[i].name, (long long)a.value);
		cr_expect(c->may_unlock || peer_do(p, UNLOCK, 0) == EPERM,
			  "%s", c->label);
	}
}

static void expect_wait(struct cell *c, struct peer *p, rl_mutex_t *m)
{
	peer_begin(p, LOCK, 0);
	cr_expect_not(peer_answers(p, 5), "%s: lock", c->label);
	cr_expect_eq(rl_mutex_unlock(m), 0, "%s", c->label);
	cr_expect_eq(peer_answer(p).err, 0, "%s: lock", c->label);
	cr_expect_eq(rl_mutex_trylock(m), EBUSY, "%s", c->label);
	cr_expect_eq(peer_do(p, UNLOCK, 0), 0, "%s", c->label);
}

static void check(struct cell *c, bool same)
{
	struct peer *p;
	MUTEX m;

	setup_cell(c, same);
	cr_assert_eq(spec_init(&c->holder, &m), 0);
	p = peer_start(c->kind, &c->caller, &m);
	cr_assert_eq(rl_mutex_lock(&m), 0, "%s", c->label);
	expect_refusals(c, p);
	expect_wait(c, p, &m);
	peer_end(p);
	cr_expect_eq(rl_mutex_destroy(&m), 0, "%s", c->label);
}

/* On the test's own mutex a peer is the same owner, unless by thread. */
static bool can_be_other(int granularity, enum peer_kind kind)
{
	return granularity == RL_GRANULARITY_THREAD || kind != PEER_SAME_MUTEX;
}

static void check_all(int type, bool same)
{
	for (int g = RL_GRANULARITY_THREAD; g <= BY_NAME; g++)
		for (int kind = 0; kind < PEER_KINDS; kind++) {
			struct cell c = {
				.holder = { .type = type, .granularity = g },
				.kind = (enum peer_kind)kind,
			};

			if (same ? can_be_same(g, c.kind)
				 : can_be_other(g, c.kind))
				check(&c, same);
		}
}

Test(mutex_busy, normal_waits_for_another_owner)
{
	check_all(RL_MUTEX_NORMAL, false);
}

Test(mutex_busy, normal_waits_for_another_thread_of_its_owner)
{
	check_all(RL_MUTEX_NORMAL, true);
}

Test(mutex_busy, errorcheck_waits_for_another_owner)
{
	check_all(RL_MUTEX_ERRORCHECK, false);
}

Test(mutex_busy, errorcheck_waits_for_another_thread_of_its_owner)
{
	check_all(RL_MUTEX_ERRORCHECK, true);
}

Test(mutex_busy, recursive_waits_for_another_owner)
{
	check_all(RL_MUTEX_RECURSIVE, false);
}

Test(mutex_busy, recursive_waits_for_another_thread_of_its_owner)
{
	check_all(RL_MUTEX_RECURSIVE, true);
}

Test(mutex_busy, refresh_waits_for_another_owner)
{
	check_all(RL_MUTEX_REFRESH, false);
}
