/* refresh, extend, remaining, lease 0, and what the keeper does to a lease. */
#include "peer.h"

TestSuite(mutex_lease, .init = lock_setup, .fini = lock_teardown);

static void each_granularity(const struct spec *model,
			     void (*check)(struct spec *s, rl_mutex_t *m))
{
	for (int g = RL_GRANULARITY_THREAD; g <= BY_NAME; g++) {
		struct spec s = *model;
		MUTEX m;

		s.granularity = g;
		spec_fresh(&s);
		cr_assert_eq(spec_init(&s, &m), 0);
		check(&s, &m);
		cr_expect_eq(rl_mutex_destroy(&m), 0);
	}
}

static int64_t remaining_ms(rl_mutex_t *m)
{
	struct answer a = act_full(m, REMAINING, 0);

	cr_expect_eq(a.err, 0);
	return a.value / 1000000;
}

/* ---------------------------------------------------------------- remaining */

/* Never more than the servers think, and no less than the margin explains. */
static void remaining(struct spec *s, rl_mutex_t *m)
{
	int64_t left, at_server;

	cr_expect_eq(act_on(m, REMAINING, 0), EPERM);
	cr_assert_eq(rl_mutex_lock(m), 0);
	left = remaining_ms(m);
	at_server = spec_lease_left(s);
	cr_expect_leq(left, 5000 - 52);
	cr_expect_gt(left, 2000);
	cr_expect_leq(remaining_ms(m), at_server);
	cr_expect_eq(rl_mutex_remaining(m, NULL), EINVAL);
	cr_assert_eq(rl_mutex_unlock(m), 0);
	cr_expect_eq(act_on(m, REMAINING, 0), EPERM);
}

Test(mutex_lease, remaining_is_what_can_be_proved)
{
	const struct spec s = { .lease_ms = 5000, .refresh = RL_REFRESH_OFF };

	each_granularity(&s, remaining);
}

/* --------------------------------------------------------- refresh, extend */

static void refresh_and_extend(struct spec *s, rl_mutex_t *m)
{
	cr_expect_eq(rl_mutex_refresh(m), EPERM);
	cr_expect_eq(act_on(m, EXTEND, 1000), EPERM);
	cr_assert_eq(rl_mutex_lock(m), 0);
	cr_expect_eq(act_on(m, EXTEND, 30000), 0);
	cr_expect_gt(spec_lease_left(s), 10000);
	cr_expect_gt(remaining_ms(m), 10000);
	cr_expect_eq(rl_mutex_refresh(m), 0);
	cr_expect_leq(spec_lease_left(s), 5000);
	cr_expect_leq(remaining_ms(m), 5000);
	cr_expect_eq(act_on(m, EXTEND, 2000), 0);
	cr_expect_leq(spec_lease_left(s), 2000);
	cr_expect_leq(remaining_ms(m), 2000);
	cr_expect_eq(rl_mutex_refresh(m), 0);
	cr_expect_gt(spec_lease_left(s), 2000);
	cr_expect_gt(remaining_ms(m), 2000);
	cr_assert_eq(rl_mutex_unlock(m), 0);
	cr_expect_eq(rl_mutex_refresh(m), EPERM);
}

Test(mutex_lease, refresh_and_extend_start_a_lease_of_their_length)
{
	const struct spec s = { .lease_ms = 5000, .refresh = RL_REFRESH_OFF };

	each_granularity(&s, refresh_and_extend);
}

/* Another mutex of the lock acts on the hold as the one that took it would. */
static void by_another_mutex(struct spec *s, rl_mutex_t *m)
{
	struct spec other = *s;
	MUTEX longer;

	other.lease_ms = 60000;
	cr_assert_eq(spec_init(&other, &longer), 0);
	cr_assert_eq(rl_mutex_lock(m), 0);
	cr_expect_eq(act_on(m, EXTEND, 1000), 0);
	cr_expect_eq(rl_mutex_refresh(&longer), 0);
	cr_expect_gt(spec_lease_left(s), 1000);
	cr_expect_leq(spec_lease_left(s), 5000);
	cr_expect_leq(remaining_ms(&longer), 5000);
	cr_expect_eq(rl_mutex_unlock(&longer), 0);
	cr_expect_eq(rl_mutex_unlock(m), EPERM);
	cr_expect_eq(rl_mutex_destroy(&longer), 0);
}

Test(mutex_lease, refresh_by_another_mutex_starts_the_lease_of_the_hold)
{
	const struct spec s = { .lease_ms = 5000, .refresh = RL_REFRESH_OFF };

	each_granularity(&s, by_another_mutex);
}

static void bad_lengths(struct spec *s, rl_mutex_t *m)
{
	static const struct timespec bad[] = { { 0, 0 }, { 0, 9999999 },
		{ -1, 0 }, { 1, -1 }, { 1, 1000000000 }, { 1099511628, 0 } };

	(void)s;
	cr_assert_eq(rl_mutex_lock(m), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(rl_mutex_extend(m, &bad[i]), EINVAL, "%ld.%09ld",
			     (long)bad[i].tv_sec, bad[i].tv_nsec);
	cr_expect_eq(rl_mutex_extend(m, NULL), EINVAL);
	cr_expect_leq(remaining_ms(m), 5000);
	cr_expect_eq(rl_mutex_held(m), 0);
	cr_assert_eq(rl_mutex_unlock(m), 0);
}

Test(mutex_lease, extend_by_less_than_10_ms_or_too_much_is_einval)
{
	const struct spec s = { .lease_ms = 5000 };

	each_granularity(&s, bad_lengths);
}

static void longest(struct spec *s, rl_mutex_t *m)
{
	const struct timespec most = { .tv_sec = 1099511627,
				       .tv_nsec = 776000000 };
	const struct timespec least = { .tv_nsec = 10000000 };

	cr_assert_eq(rl_mutex_lock(m), 0);
	cr_expect_eq(rl_mutex_extend(m, &most), 0);
	cr_expect_gt(spec_lease_left(s), (1LL << 40) - 10000);
	cr_expect_eq(rl_mutex_extend(m, &least), 0);
	cr_expect_leq(spec_lease_left(s), 10);
	rl_mutex_unlock(m);
}

Test(mutex_lease, extend_takes_10_ms_to_2_to_the_40)
{
	const struct spec s = { .lease_ms = 5000, .refresh = RL_REFRESH_OFF };

	each_granularity(&s, longest);
}

/* --------------------------------------------------------------- the keeper */

static void keeper_renews(struct spec *s, rl_mutex_t *m)
{
	cr_assert_eq(rl_mutex_lock(m), 0);
	for (int i = 0; i < 3; i++)
		cr_expect(spec_is_renewed(s));
	cr_expect_gt(remaining_ms(m), 0);
	cr_expect_eq(rl_mutex_unlock(m), 0);
}

Test(mutex_lease, the_keeper_renews_while_it_is_held)
{
	const struct spec s = { LEASE_WATCHED };

	each_granularity(&s, keeper_renews);
}

static long long calls_of(const char *command)
{
	char key[64];

	snprintf(key, sizeof(key), "cmdstat_%s:calls=", command);
	return strtoll(strstr(server_ask(srv, "INFO commandstats"), key) +
		       strlen(key), NULL, 10);
}

static bool five_more_scripts(void *arg)
{
	return calls_of("evalsha") >= *(long long *)arg + 5;
}

/* Renewed five times over, it is never shorter than it was made. */
static void keeper_keeps_a_long_lease(struct spec *s, rl_mutex_t *m)
{
	long long calls;

	cr_assert_eq(rl_mutex_lock(m), 0);
	cr_expect_eq(act_on(m, EXTEND, 60000), 0);
	calls = calls_of("evalsha");
	cr_expect(wait_until(five_more_scripts, &calls, WAIT_MS));
	cr_expect_gt(spec_lease_left(s), 30000);
	cr_expect_gt(remaining_ms(m), 30000);
	cr_expect_eq(rl_mutex_refresh(m), 0);
	cr_expect_leq(spec_lease_left(s), 4000);
	cr_expect_eq(rl_mutex_unlock(m), 0);
}

Test(mutex_lease, a_renewal_never_shortens_what_extend_made_longer)
{
	const struct spec s = { LEASE_WATCHED };

	each_granularity(&s, keeper_keeps_a_long_lease);
}

/* After the unlock nothing more is asked of the server: what is in flight at
 * the unlock is answered when the next request is. */
Test(mutex_lease, nothing_renews_a_lock_that_was_unlocked)
{
	struct spec s = { LEASE_WATCHED, .name = "unlocked" };
	struct peer *p;
	MUTEX m;

	cr_assert_eq(spec_init(&s, &m), 0);
	cr_assert_eq(rl_mutex_lock(&m), 0);
	cr_expect(spec_is_renewed(&s));
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	s = (struct spec){ .refresh = RL_REFRESH_OFF, .lease_ms = 150,
			   .name = "unlocked" };
	p = peer_start(PEER_PROCESS, &s, NULL);
	cr_expect_eq(peer_do(p, LOCK, 0), 0);
	cr_expect_eq(peer_do(p, LOCK, 0), 0);
	peer_end(p);
}

/* ------------------------------------------------------------------ lease 0 */

static void never_expires(struct spec *s, rl_mutex_t *m)
{
	struct timespec left = { 0, 0 };

	cr_assert_eq(rl_mutex_lock(m), 0);
	cr_expect_eq(spec_lease_left(s), -1);
	cr_expect_eq(rl_mutex_refresh(m), ENOTSUP);
	cr_expect_eq(act_on(m, EXTEND, 1000), ENOTSUP);
	cr_expect_eq(spec_lease_left(s), -1);
	cr_expect_eq(rl_mutex_remaining(m, &left), 0);
	cr_expect_eq(left.tv_sec, sizeof(time_t) == 8 ? INT64_MAX : INT32_MAX);
	cr_expect_eq(rl_mutex_unlock(m), 0);
	cr_expect_eq(rl_mutex_locked(m), 0);
}

Test(mutex_lease, lease_0_never_expires_and_cannot_be_renewed)
{
	const struct spec s = { .lease_ms = LEASE_NEVER };

	each_granularity(&s, never_expires);
}

static void dead_forever(struct spec *s, rl_mutex_t *m)
{
	struct peer *p = peer_start(PEER_PROCESS, s, NULL);

	cr_assert_eq(peer_do(p, LOCK, 0), 0);
	peer_kill(p);
	peer_end(p);
	cr_expect_eq(act_on(m, TIMEDLOCK, 30), ETIMEDOUT);
	cr_expect_eq(rl_mutex_reset(m), 0);
	cr_expect_eq(rl_mutex_lock(m), 0);
	cr_expect_eq(rl_mutex_unlock(m), 0);
}

Test(mutex_lease, lease_0_outlives_its_holder_until_reset)
{
	const struct spec s = { .lease_ms = LEASE_NEVER };

	each_granularity(&s, dead_forever);
}
