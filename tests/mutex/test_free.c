/* The column "free" of the table of what lock, trylock, timedlock and
 * clocklock do. */
#include "lock_spec.h"

TestSuite(mutex_free, .init = lock_setup, .fini = lock_teardown);

/* Each way takes the lock, and it is free again after one unlock. */
static void take_each_way(const struct spec *s, rl_mutex_t *m)
{
	const char *type = type_names[s->type];
	const char *owner = granularity_names[s->granularity];

	for (size_t i = 0; i < N_WAYS; i++) {
		const char *way = ways[i].name;

		cr_expect_eq(rl_mutex_locked(m), 0);
		cr_expect_eq(act_without_waiting(m, &ways[i]), 0,
			     "%s, %s: %s", type, owner, way);
		cr_expect_eq(rl_mutex_held(m), 0, "%s, %s: %s", type, owner,
			     way);
		cr_expect_eq(rl_mutex_unlock(m), 0, "%s, %s: %s", type, owner,
			     way);
		cr_expect_eq(rl_mutex_unlock(m), EPERM, "%s, %s: %s", type,
			     owner, way);
	}
}

static void take_as(int type, int granularity)
{
	struct spec s = { .type = type, .granularity = granularity };
	MUTEX m;

	spec_fresh(&s);
	cr_assert_eq(spec_init(&s, &m), 0);
	take_each_way(&s, &m);
	cr_expect_eq(rl_mutex_destroy(&m), 0);
}

Test(mutex_free, each_way_of_locking_takes_it)
{
	for (int type = RL_MUTEX_NORMAL; type <= RL_MUTEX_REFRESH; type++)
		for (int g = RL_GRANULARITY_THREAD; g <= BY_NAME; g++)
			take_as(type, g);
}

static void bad_deadlines(rl_mutex_t *m, int expected)
{
	const struct timespec below = { .tv_sec = 1, .tv_nsec = -1 };
	const struct timespec above = { .tv_sec = 1, .tv_nsec = 1000000000 };
	const struct timespec good = { .tv_sec = 1 };

	cr_expect_eq(rl_mutex_timedlock(m, &below), expected);
	rl_mutex_unlock(m);
	cr_expect_eq(rl_mutex_timedlock(m, &above), expected);
	rl_mutex_unlock(m);
	cr_expect_eq(rl_mutex_clocklock(m, CLOCK_MONOTONIC, &above), expected);
	rl_mutex_unlock(m);
	cr_expect_eq(rl_mutex_clocklock(m, CLOCK_PROCESS_CPUTIME_ID, &good),
		     expected);
	rl_mutex_unlock(m);
	cr_expect_eq(rl_mutex_clocklock(m, 4711, &good), expected);
	rl_mutex_unlock(m);
}

Test(mutex_free, a_bad_deadline_is_not_looked_at)
{
	for (int g = RL_GRANULARITY_THREAD; g <= BY_NAME; g++) {
		struct spec s = { .granularity = g };
		MUTEX m;

		spec_fresh(&s);
		cr_assert_eq(spec_init(&s, &m), 0);
		bad_deadlines(&m, 0);
	}
}

/* By another mutex of this very thread: it would wait, whoever holds it. */
Test(mutex_free, a_bad_deadline_is_einval_if_it_would_wait)
{
	for (int g = RL_GRANULARITY_THREAD; g <= BY_NAME; g++) {
		struct spec s = { .granularity = g };
		MUTEX m;

		spec_fresh(&s);
		cr_assert_eq(spec_init(&s, &m), 0);
		cr_assert_eq(rl_mutex_lock(&m), 0);
		for (int i = 0; i < 5; i++) {
			const struct timespec bad = { .tv_nsec = -1 };
			const struct timespec good = { .tv_sec = 1 };

			cr_expect_eq(rl_mutex_timedlock(&m, &bad), EINVAL);
			cr_expect_eq(rl_mutex_clocklock(&m, 4711, &good),
				     EINVAL);
			cr_expect_eq(rl_mutex_timedlock(&m, &good), ETIMEDOUT);
		}
		cr_expect_eq(rl_mutex_unlock(&m), 0);
	}
}
