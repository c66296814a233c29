/* The attribute timeout, and deadlines against a lock that becomes free. */
#include "peer.h"

TestSuite(mutex_timeout, .init = lock_setup, .fini = lock_teardown);

static void init_and_lock(struct spec *s, rl_mutex_t *m, int granularity)
{
	*s = (struct spec){ .granularity = granularity };
	spec_fresh(s);
	cr_assert_eq(spec_init(s, m), 0);
	cr_assert_eq(rl_mutex_lock(m), 0);
}

static int init_with_timeout(const struct spec *s, rl_mutex_t *m, long ms)
{
	rl_mutexattr_t attr;
	int err = spec_attr(s, &attr);

	if (!err)
		err = rl_mutexattr_settimeout(&attr, ms);
	if (!err)
		err = rl_mutex_init(m, s->name, &attr);
	rl_mutexattr_destroy(&attr);
	return err;
}

static void timeouts(int granularity)
{
	MUTEX m, none, some;
	struct timespec end;
	int64_t began;
	struct spec s;

	init_and_lock(&s, &m, granularity);
	cr_assert_eq(init_with_timeout(&s, &none, 0), 0);
	cr_assert_eq(init_with_timeout(&s, &some, 40), 0);
	cr_expect_eq(rl_mutex_lock(&none), EBUSY);
	began = wait_now_ns();
	cr_expect_eq(rl_mutex_lock(&some), ETIMEDOUT);
	cr_expect_geq(wait_now_ns() - began, 40000000);
	/* A deadline of its own wins. */
	end = spec_moment(CLOCK_REALTIME, 30);
	cr_expect_eq(rl_mutex_timedlock(&none, &end), ETIMEDOUT);
	end = spec_moment(CLOCK_MONOTONIC, -1000);
	cr_expect_eq(rl_mutex_clocklock(&some, CLOCK_MONOTONIC, &end),
		     ETIMEDOUT);
	cr_expect_eq(rl_mutex_trylock(&some), EBUSY);
	cr_expect_eq(rl_mutex_unlock(&m), 0);
}

Test(mutex_timeout, of_0_is_ebusy_and_of_more_is_etimedout)
{
	for (int g = RL_GRANULARITY_THREAD; g <= BY_NAME; g++)
		timeouts(g);
}

Test(mutex_timeout, takes_a_free_lock_whatever_it_is)
{
	static const long times[] = { -1, 0, 1, 1000, 1L << 40 };

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		struct spec s = { .type = RL_MUTEX_NORMAL };
		MUTEX m;

		spec_fresh(&s);
		cr_assert_eq(init_with_timeout(&s, &m, times[i]), 0);
		cr_expect_eq(rl_mutex_lock(&m), 0, "%ld", times[i]);
		cr_expect_eq(rl_mutex_unlock(&m), 0, "%ld", times[i]);
	}
}

static void waits_until_free(int granularity, enum peer_kind kind, long ms)
{
	struct spec s, patient;
	struct peer *p;
	MUTEX m;

	init_and_lock(&s, &m, granularity);
	patient = s;
	patient.timeout_ms = ms;
	p = peer_start(kind, &patient, NULL);
	peer_begin(p, LOCK, 0);
	cr_expect_not(peer_answers(p, 5));
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	cr_expect_eq(peer_answer(p).err, 0, "%s, %s, %ld ms",
		     granularity_names[granularity], peer_names[kind], ms);
	cr_expect_eq(peer_do(p, UNLOCK, 0), 0);
	peer_end(p);
}

Test(mutex_timeout, a_lock_that_becomes_free_in_time_is_taken)
{
	for (int g = RL_GRANULARITY_THREAD; g <= BY_NAME; g++)
		for (int k = PEER_OWN_MUTEX; k < PEER_KINDS; k++) {
			waits_until_free(g, (enum peer_kind)k, -1);
			waits_until_free(g, (enum peer_kind)k, 60000);
		}
}

static void deadline_in_time(int granularity, enum peer_kind kind,
			     enum act act)
{
	struct spec s;
	struct peer *p;
	MUTEX m;

	init_and_lock(&s, &m, granularity);
	p = peer_start(kind, &s, &m);
	peer_begin(p, act, 60000);
	cr_expect_not(peer_answers(p, 5));
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	cr_expect_eq(peer_answer(p).err, 0, "%s, %s, %s",
		     granularity_names[granularity], peer_names[kind],
		     act_names[act]);
	cr_expect_eq(peer_do(p, UNLOCK, 0), 0);
	peer_end(p);
}

Test(mutex_timeout, a_deadline_far_away_waits_until_it_is_free)
{
	for (int g = RL_GRANULARITY_THREAD; g <= BY_NAME; g++)
		for (int k = 0; k < PEER_KINDS; k++)
			for (int a = TIMEDLOCK; a <= CLOCKLOCK_MONOTONIC; a++)
				deadline_in_time(g, (enum peer_kind)k,
						 (enum act)a);
}

/* "Free" means: nobody believed to wait for it. One that gave up is believed
 * to wait for some seconds: the newcomer stands behind it, and gets it. */
Test(mutex_timeout, a_waiter_that_gave_up_does_not_keep_the_lock_from_others)
{
	struct spec s;
	struct peer *p;
	MUTEX m;

	init_and_lock(&s, &m, RL_GRANULARITY_THREAD);
	p = peer_start(PEER_PROCESS, &s, NULL);
	cr_expect_eq(peer_do(p, TIMEDLOCK, 20), ETIMEDOUT);
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	cr_expect_eq(rl_mutex_lock(&m), 0);
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	cr_expect_eq(peer_do(p, TIMEDLOCK, 10000), 0);
	cr_expect_eq(peer_do(p, UNLOCK, 0), 0);
	peer_end(p);
}

/* "Free" means: nobody believed to wait for it; the dead are for 3 s. */
Test(mutex_timeout, a_waiter_that_died_is_believed_for_some_seconds_at_most)
{
	int64_t died, now;
	struct spec s;
	struct peer *p;
	int err;
	MUTEX m;

	init_and_lock(&s, &m, RL_GRANULARITY_THREAD);
	p = peer_start(PEER_PROCESS, &s, NULL);
	peer_begin(p, LOCK, 0);
	cr_expect(server_info_becomes(srv, "blocked_clients", 1));
	died = wait_now_ms();
	peer_kill(p);
	peer_end(p);
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	do {
		err = rl_mutex_trylock(&m);
		now = wait_now_ms();
	} while (err == EBUSY && now - died < WAIT_MS);
	cr_expect_eq(err, 0);
	cr_expect_lt(now - died, 5000);
	cr_expect_eq(rl_mutex_unlock(&m), 0);
}
