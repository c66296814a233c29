/* Type REFRESH: whoever is the same owner starts the lease anew. */
#include "peer.h"

TestSuite(mutex_refresh, .init = lock_setup, .fini = lock_teardown);

/* A holder, and somebody of the same owner; who == NULL is the holder. */
struct cell {
	struct spec spec;
	rl_mutex_t m;
	struct peer *who;
	char label[120];
};

static void setup_cell(struct cell *c, int granularity, int kind)
{
	c->spec = (struct spec){ .type = RL_MUTEX_REFRESH, .lease_ms = 9000,
				 .granularity = granularity,
				 .refresh = RL_REFRESH_OFF };
	spec_fresh(&c->spec);
	cr_assert_eq(spec_init(&c->spec, &c->m), 0);
	c->who = NULL;
	if (kind >= 0)
		c->who = peer_start((enum peer_kind)kind, &c->spec, &c->m);
	snprintf(c->label, sizeof(c->label), "%s, again by %s",
		 granularity_names[granularity],
		 c->who ? peer_names[kind] : "the holder");
}

static void teardown_cell(struct cell *c)
{
	if (c->who)
		peer_end(c->who);
	rl_mutex_destroy(&c->m);
}

static struct answer ask(struct cell *c, enum act act, int64_t arg)
{
	return c->who ? peer_ask(c->who, act, arg)
		      : act_full(&c->m, act, arg);
}

static void with_each_same_owner(void (*check)(struct cell *))
{
	for (int g = RL_GRANULARITY_THREAD; g <= BY_NAME; g++)
		for (int kind = -1; kind < PEER_KINDS; kind++) {
			struct cell c;

			if (kind >= 0 && g == RL_GRANULARITY_THREAD)
				continue;
			if (kind == PEER_PROCESS && g == RL_GRANULARITY_PROCESS)
				continue;
			setup_cell(&c, g, kind);
			check(&c);
			teardown_cell(&c);
		}
}

static void relock(struct cell *c, const struct way *way)
{
	const struct timespec shorter = { .tv_sec = 4 };
	uint64_t before = 0, after = 0;
	struct answer a;

	cr_assert_eq(rl_mutex_lock(&c->m), 0);
	cr_expect_eq(rl_mutex_fence(&c->m, &before), 0);
	cr_expect_eq(rl_mutex_extend(&c->m, &shorter), 0);
	cr_assert_leq(spec_lease_left(&c->spec), 4000);
	a = ask(c, way->act, way->arg > 0 ? 60000 : way->arg);
	cr_expect_eq(a.err, 0, "%s: %s: %d", c->label, way->name, a.err);
	cr_expect_gt(spec_lease_left(&c->spec), 4000, "%s: %s", c->label,
		     way->name);
	a = ask(c, FENCE, 0);
	cr_expect_eq(a.err, 0, "%s", c->label);
	cr_expect_eq((uint64_t)a.value, before, "%s", c->label);
	cr_expect_eq(rl_mutex_fence(&c->m, &after), 0);
	cr_expect_eq(after, before, "%s", c->label);
}

/* By the holder, and by the other. */
static void each_way_not_counted(struct cell *c)
{
	for (size_t i = 0; i < N_WAYS; i++) {
		relock(c, &ways[i]);
		cr_expect_eq(rl_mutex_unlock(&c->m), 0, "%s: %s", c->label,
			     ways[i].name);
		cr_expect_eq(rl_mutex_locked(&c->m), 0, "%s: %s", c->label,
			     ways[i].name);
		cr_expect_eq(ask(c, UNLOCK, 0).err, EPERM, "%s: %s", c->label,
			     ways[i].name);
		relock(c, &ways[i]);
		cr_expect_eq(ask(c, UNLOCK, 0).err, 0, "%s: %s", c->label,
			     ways[i].name);
		cr_expect_eq(rl_mutex_locked(&c->m), 0, "%s: %s", c->label,
			     ways[i].name);
		cr_expect_eq(rl_mutex_unlock(&c->m), EPERM, "%s: %s", c->label,
			     ways[i].name);
	}
}

Test(mutex_refresh, relock_by_the_owner_starts_the_lease_anew_uncounted)
{
	with_each_same_owner(each_way_not_counted);
}

static void bad_deadline(struct cell *c)
{
	const struct timespec bad = { .tv_nsec = -1 };

	cr_assert_eq(rl_mutex_lock(&c->m), 0);
	cr_expect_eq(rl_mutex_timedlock(&c->m, &bad), 0, "%s", c->label);
	cr_expect_eq(rl_mutex_unlock(&c->m), 0);
}

Test(mutex_refresh, relock_by_the_owner_does_not_look_at_the_deadline)
{
	with_each_same_owner(bad_deadline);
}

static void another_thread_is_another_owner(enum peer_kind kind)
{
	struct cell c;

	setup_cell(&c, RL_GRANULARITY_THREAD, (int)kind);
	cr_assert_eq(rl_mutex_lock(&c.m), 0);
	cr_expect_eq(peer_do(c.who, TRYLOCK, 0), EBUSY, "%s", c.label);
	cr_expect_eq(peer_do(c.who, UNLOCK, 0), EPERM, "%s", c.label);
	cr_expect_eq(rl_mutex_unlock(&c.m), 0, "%s", c.label);
	teardown_cell(&c);
}

Test(mutex_refresh, by_thread_another_thread_does_not_join)
{
	for (int kind = 0; kind < PEER_KINDS; kind++)
		another_thread_is_another_owner((enum peer_kind)kind);
}

/* A hold that was not taken as REFRESH is not shared. */
Test(mutex_refresh, a_normal_hold_of_the_owner_is_not_joined)
{
	struct spec s = { .granularity = RL_GRANULARITY_HOST };
	struct peer *p;
	MUTEX m;

	spec_fresh(&s);
	cr_assert_eq(spec_init(&s, &m), 0);
	s.type = RL_MUTEX_REFRESH;
	cr_assert_eq(rl_mutex_lock(&m), 0);
	for (int kind = PEER_OWN_MUTEX; kind < PEER_KINDS; kind++) {
		p = peer_start((enum peer_kind)kind, &s, NULL);
		cr_expect_eq(peer_do(p, TRYLOCK, 0), EBUSY);
		cr_expect_eq(peer_do(p, TIMEDLOCK, 10), ETIMEDOUT);
		peer_end(p);
	}
	cr_expect_eq(rl_mutex_unlock(&m), 0);
}

/* ------------------------------------------------------ shared by processes */

/* Who took it counts on the lease that it has. */
static void joined_for(const struct timespec *extended, long shorter_ms)
{
	struct spec s = { .type = RL_MUTEX_REFRESH, .lease_ms = 60000,
			  .granularity = RL_GRANULARITY_HOST,
			  .refresh = RL_REFRESH_OFF };
	struct peer *p;
	MUTEX m;

	spec_fresh(&s);
	cr_assert_eq(spec_init(&s, &m), 0);
	cr_assert_eq(rl_mutex_lock(&m), 0);
	cr_assert_eq(rl_mutex_extend(&m, extended), 0);
	s.lease_ms = shorter_ms;
	p = peer_start(PEER_PROCESS, &s, NULL);
	cr_expect_eq(peer_do(p, TRYLOCK, 0), 0);
	cr_expect_gt(spec_lease_left(&s), extended->tv_sec * 1000 - 30000);
	peer_end(p);
	cr_expect_eq(rl_mutex_unlock(&m), 0);
}

Test(mutex_refresh, a_process_that_joins_does_not_shorten_the_lease)
{
	joined_for(&(struct timespec){ .tv_sec = 60 }, 2000);
	joined_for(&(struct timespec){ .tv_sec = 3600 }, 50000);
}

/* The one who took it is killed: its partner's keeper keeps it. */
Test(mutex_refresh, each_process_that_shares_a_hold_renews_it)
{
	struct spec s = { .type = RL_MUTEX_REFRESH, LEASE_WATCHED,
			  .granularity = RL_GRANULARITY_HOST };
	struct peer *first;
	MUTEX m;

	spec_fresh(&s);
	cr_assert_eq(spec_init(&s, &m), 0);
	first = peer_start(PEER_PROCESS, &s, NULL);
	cr_assert_eq(peer_do(first, LOCK, 0), 0);
	cr_assert_eq(rl_mutex_lock(&m), 0);
	peer_kill(first);
	for (int i = 0; i < 3; i++)
		cr_expect(spec_is_renewed(&s));
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	cr_expect_eq(rl_mutex_locked(&m), 0);
	peer_end(first);
}

static bool told_of_loss(void *arg)
{
	struct timespec left;

	return rl_mutex_remaining(arg, &left) == ESTALE;
}

static bool peer_told_of_loss(void *arg)
{
	return peer_do(arg, REMAINING, 0) == ESTALE;
}

Test(mutex_refresh, each_process_that_shares_a_hold_is_told_of_its_loss)
{
	struct spec s = { .type = RL_MUTEX_REFRESH, LEASE_WATCHED,
			  .granularity = RL_GRANULARITY_HOST };
	struct peer *other;
	MUTEX m;

	spec_fresh(&s);
	cr_assert_eq(spec_init(&s, &m), 0);
	other = peer_start(PEER_PROCESS, &s, NULL);
	cr_assert_eq(rl_mutex_lock(&m), 0);
	cr_assert_eq(peer_do(other, LOCK, 0), 0);
	cr_assert_eq(rl_mutex_reset(&m), 0);
	cr_expect(wait_until(told_of_loss, &m, WAIT_MS));
	cr_expect(wait_until(peer_told_of_loss, other, WAIT_MS));
	cr_expect_eq(rl_mutex_unlock(&m), ESTALE);
	cr_expect_eq(peer_do(other, UNLOCK, 0), ESTALE);
	cr_expect_eq(rl_mutex_unlock(&m), EPERM);
	cr_expect_eq(peer_do(other, UNLOCK, 0), EPERM);
	peer_end(other);
}
