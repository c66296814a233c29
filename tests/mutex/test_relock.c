/* The column "held by the calling thread" of the table, but for REFRESH
 * (test_refresh_type.c). */
#include "peer.h"

TestSuite(mutex_normal, .init = lock_setup, .fini = lock_teardown);
TestSuite(mutex_errorcheck, .init = lock_setup, .fini = lock_teardown);
TestSuite(mutex_recursive, .init = lock_setup, .fini = lock_teardown);
TestSuite(mutex_relock, .init = lock_setup, .fini = lock_teardown);

static void each_granularity(int type, void (*check)(const struct spec *))
{
	for (int g = RL_GRANULARITY_THREAD; g <= BY_NAME; g++) {
		struct spec s = { .type = type, .granularity = g,
				  LEASE_WATCHED };

		spec_fresh(&s);
		check(&s);
	}
}

static void expect(rl_mutex_t *m, const struct spec *s, const struct way *way,
		   int expected)
{
	struct answer a = act_full(m, way->act, way->arg);

	cr_expect_eq(a.err, expected, "%s, %s: %s: %d", type_names[s->type],
		     granularity_names[s->granularity], way->name, a.err);
	if (a.err == ETIMEDOUT)
		cr_expect_geq(a.value, 0, "%s", way->name);
}

static void init_and_lock(const struct spec *s, rl_mutex_t *m)
{
	cr_assert_eq(spec_init(s, m), 0);
	cr_assert_eq(rl_mutex_lock(m), 0);
}

/* --------------------------------------------------------------- ERRORCHECK */

static void errorcheck(const struct spec *s)
{
	MUTEX m;

	init_and_lock(s, &m);
	for (size_t i = 0; i < N_WAYS; i++)
		expect(&m, s, &ways[i],
		       ways[i].act == TRYLOCK ? EBUSY : EDEADLK);
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	cr_expect_eq(rl_mutex_unlock(&m), EPERM);
}

Test(mutex_errorcheck, relock_by_the_holder_is_edeadlk)
{
	each_granularity(RL_MUTEX_ERRORCHECK, errorcheck);
}

/* ---------------------------------------------------------------- RECURSIVE */

static void recursive(const struct spec *s)
{
	MUTEX m;

	init_and_lock(s, &m);
	for (size_t i = 0; i < N_WAYS; i++)
		expect(&m, s, &ways[i], 0);
	for (size_t i = 0; i < N_WAYS; i++) {
		cr_expect_eq(rl_mutex_unlock(&m), 0);
		cr_expect_eq(rl_mutex_held(&m), 0);
	}
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	cr_expect_eq(rl_mutex_locked(&m), 0);
	cr_expect_eq(rl_mutex_unlock(&m), EPERM);
}

Test(mutex_recursive, relock_by_the_holder_goes_one_deeper)
{
	each_granularity(RL_MUTEX_RECURSIVE, recursive);
}

static void recursive_limit(const struct spec *s)
{
	MUTEX m;

	init_and_lock(s, &m);
	for (int depth = 1; depth < 65535; depth++)
		cr_assert_eq(rl_mutex_lock(&m), 0, "depth %d", depth);
	for (size_t i = 0; i < N_WAYS; i++)
		expect(&m, s, &ways[i], EAGAIN);
	for (int depth = 65535; depth > 0; depth--)
		cr_assert_eq(rl_mutex_unlock(&m), 0, "depth %d", depth);
	cr_expect_eq(rl_mutex_unlock(&m), EPERM);
	cr_expect_eq(rl_mutex_locked(&m), 0);
}

Test(mutex_recursive, the_65536th_lock_is_eagain)
{
	each_granularity(RL_MUTEX_RECURSIVE, recursive_limit);
}

static void recursive_keeps_its_fence(const struct spec *s)
{
	uint64_t outer = 0, inner = 0;
	MUTEX m;

	init_and_lock(s, &m);
	cr_expect_eq(rl_mutex_fence(&m, &outer), 0);
	cr_expect_eq(rl_mutex_lock(&m), 0);
	cr_expect_eq(rl_mutex_fence(&m, &inner), 0);
	cr_expect_eq(outer, inner);
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	cr_expect_eq(rl_mutex_unlock(&m), 0);
}

Test(mutex_recursive, inner_levels_keep_the_fence)
{
	each_granularity(RL_MUTEX_RECURSIVE, recursive_keeps_its_fence);
}

/* ------------------------------------------------------------------- NORMAL */

static void normal_gives_up(const struct spec *s)
{
	MUTEX m;

	init_and_lock(s, &m);
	for (size_t i = 0; i < N_WAYS; i++)
		if (ways[i].busy)
			expect(&m, s, &ways[i], ways[i].busy);
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	cr_expect_eq(rl_mutex_unlock(&m), EPERM);
}

Test(mutex_normal, relock_by_the_holder_waits_until_its_deadline)
{
	each_granularity(RL_MUTEX_NORMAL, normal_gives_up);
}

/* As POSIX says it is a deadlock, which only a reset ends. */
static void normal_waits(const struct spec *s, enum peer_kind kind)
{
	const char *owner = granularity_names[s->granularity];
	struct peer *p;
	MUTEX m;

	cr_assert_eq(spec_init(s, &m), 0);
	p = peer_start(kind, s, &m);
	cr_expect_eq(peer_do(p, LOCK, 0), 0);
	peer_begin(p, LOCK, 0);
	cr_expect_not(peer_answers(p, 5), "%s, %s", owner, peer_names[kind]);
	cr_expect_eq(rl_mutex_locked(&m), EBUSY);
	cr_expect_eq(rl_mutex_reset(&m), 0);
	cr_expect_eq(peer_answer(p).err, 0, "%s, %s", owner, peer_names[kind]);
	cr_expect_eq(peer_do(p, HELD, 0), 0, "%s, %s", owner, peer_names[kind]);
	cr_expect_eq(peer_do(p, UNLOCK, 0), 0, "%s, %s", owner,
		     peer_names[kind]);
	cr_expect_eq(peer_do(p, UNLOCK, 0), EPERM, "%s, %s", owner,
		     peer_names[kind]);
	peer_end(p);
}

static void normal_waits_in_each_kind(const struct spec *s)
{
	struct spec own = *s;

	for (int kind = 0; kind < PEER_KINDS; kind++) {
		spec_fresh(&own);
		normal_waits(&own, (enum peer_kind)kind);
	}
}

Test(mutex_normal, relock_by_the_holder_waits_for_ever)
{
	each_granularity(RL_MUTEX_NORMAL, normal_waits_in_each_kind);
}

/* ---------------------------------------------------- two mutexes, one lock */

/* The hold has the attributes of the mutex that took it. */
static void expect_as_taken(int taken_as, const struct way *way, int expected)
{
	struct spec s = { .type = taken_as };
	MUTEX m, normal;

	spec_fresh(&s);
	init_and_lock(&s, &m);
	s.type = RL_MUTEX_NORMAL;
	cr_assert_eq(spec_init(&s, &normal), 0);
	expect(&normal, &s, way, expected);
	if (!expected)
		cr_expect_eq(rl_mutex_unlock(&normal), 0);
	cr_expect_eq(rl_mutex_unlock(&normal), 0);
	cr_expect_eq(rl_mutex_unlock(&m), EPERM);
}

Test(mutex_relock, by_another_mutex_goes_by_the_type_that_took_it)
{
	for (size_t i = 0; i < N_WAYS; i++) {
		expect_as_taken(RL_MUTEX_ERRORCHECK, &ways[i],
				ways[i].act == TRYLOCK ? EBUSY : EDEADLK);
		expect_as_taken(RL_MUTEX_RECURSIVE, &ways[i], 0);
	}
}
