/* A hold that was lost: who says so, and how often. */
#include <stdatomic.h>

#include "peer.h"

TestSuite(mutex_lost, .init = lock_setup, .fini = lock_teardown);

struct told {
	atomic_int times;
	atomic_int error;
	_Atomic(rl_mutex_t *) mutex;
};

static void on_lost(rl_mutex_t *m, int error, void *arg)
{
	struct told *told = arg;

	told->mutex = m;
	told->error = error;
	told->times++;
}

static bool was_told(void *arg)
{
	return ((struct told *)arg)->times > 0;
}

/* How a lease can be lost. */
static void by_reset(const struct spec *s, rl_mutex_t *m)
{
	(void)s;
	cr_assert_eq(rl_mutex_reset(m), 0);
}

static bool deleted_anywhere(const struct spec *s)
{
	bool any = false;

	for (struct server *one = srv; one; one = one->next)
		any |= !strcmp(server_ask_one(one, "DEL rl:%s", s->name), "1");
	return any;
}

/* Where one of several servers has lost it and the others have not yet, a
 * renewal sets it again. */
static void by_deletion(const struct spec *s, rl_mutex_t *m)
{
	(void)m;
	cr_assert_eq(server_ask_int(srv, "DEL rl:%s", s->name), 1);
	while (deleted_anywhere(s))
		;
}

static void by_another_value(const struct spec *s, rl_mutex_t *m)
{
	(void)m;
	cr_assert_str_eq(server_ask(srv, "SET rl:%s foreign", s->name), "OK");
}

static void by_flush(const struct spec *s, rl_mutex_t *m)
{
	(void)m;
	cr_assert_str_eq(server_ask(srv, "FLUSHALL"), "OK");
	while (deleted_anywhere(s))
		;
}

static const struct {
	const char *name;
	void (*lose)(const struct spec *s, rl_mutex_t *m);
} losses[] = { { "reset", by_reset }, { "DEL", by_deletion },
	       { "SET", by_another_value }, { "FLUSHALL", by_flush } };

#define N_LOSSES (sizeof(losses) / sizeof(losses[0]))

static void each_loss(const struct spec *model,
		      void (*check)(struct spec *s, size_t loss))
{
	for (int g = RL_GRANULARITY_THREAD; g <= BY_NAME; g++)
		for (size_t i = 0; i < N_LOSSES; i++) {
			struct spec s = *model;

			s.granularity = g;
			spec_fresh(&s);
			check(&s, i);
		}
}

static void init_and_lock(const struct spec *s, rl_mutex_t *m)
{
	cr_assert_eq(spec_init(s, m), 0);
	cr_assert_eq(rl_mutex_lock(m), 0);
}

/* ------------------------------------------------------ found by the keeper */

static void keeper_tells_once(struct spec *s, size_t loss)
{
	struct told told = { 0 };
	MUTEX m;

	s->onlost = on_lost;
	s->arg = &told;
	init_and_lock(s, &m);
	losses[loss].lose(s, &m);
	cr_expect(wait_until(was_told, &told, WAIT_MS), "%s",
		  losses[loss].name);
	cr_expect_eq(told.error, ESTALE);
	cr_expect_eq(told.mutex, &m);
	cr_expect_eq(act_on(&m, REMAINING, 0), ESTALE);
	cr_expect_eq(act_on(&m, FENCE, 0), ESTALE);
	cr_expect_eq(act_on(&m, REFRESH, 0), ESTALE);
	cr_expect_eq(act_on(&m, EXTEND, 1000), ESTALE);
	cr_expect_eq(rl_mutex_held(&m), EPERM);
	cr_expect_eq(rl_mutex_unlock(&m), ESTALE, "%s", losses[loss].name);
	cr_expect_eq(rl_mutex_unlock(&m), EPERM, "%s", losses[loss].name);
	cr_expect_eq(act_on(&m, REMAINING, 0), EPERM);
	cr_expect_eq(act_on(&m, FENCE, 0), EPERM);
	cr_expect_eq(told.times, 1, "%s", losses[loss].name);
	cr_expect_eq(rl_mutex_destroy(&m), 0);
}

Test(mutex_lost, the_keeper_calls_onlost_once_and_each_call_is_estale)
{
	const struct spec s = { LEASE_WATCHED };

	each_loss(&s, keeper_tells_once);
}

/* ---------------------------------------------------------- found by a call */

static const enum act calls[] = { UNLOCK, REFRESH, EXTEND };

/* With the default lease the keeper would look after 3 s. */
static void call_tells_once(struct spec *s, size_t loss)
{
	for (size_t i = 0; i < 3; i++) {
		struct told told = { 0 };
		MUTEX m;

		s->onlost = on_lost;
		s->arg = &told;
		spec_fresh(s);
		init_and_lock(s, &m);
		losses[loss].lose(s, &m);
		cr_expect_eq(act_on(&m, calls[i], 1000), ESTALE, "%s: %s",
			     losses[loss].name, act_names[calls[i]]);
		cr_expect_eq(told.times, 1, "%s: %s", losses[loss].name,
			     act_names[calls[i]]);
		cr_expect_eq(rl_mutex_unlock(&m),
			     calls[i] == UNLOCK ? EPERM : ESTALE, "%s: %s",
			     losses[loss].name, act_names[calls[i]]);
		cr_expect_eq(told.times, 1);
		cr_expect_eq(rl_mutex_destroy(&m), 0);
	}
}

Test(mutex_lost, the_call_that_finds_it_is_estale_and_calls_onlost)
{
	const struct spec s = { .lease_ms = 0 };

	each_loss(&s, call_tells_once);
}

/* An unlock that asks nobody, or does not await the answer, tells it too. */
static void held_tells_once(struct spec *s, size_t loss)
{
	struct told told = { 0 };
	MUTEX m;

	s->onlost = on_lost;
	s->arg = &told;
	init_and_lock(s, &m);
	losses[loss].lose(s, &m);
	cr_expect_eq(rl_mutex_held(&m), EPERM, "%s", losses[loss].name);
	/* Of several, a renewal might set it again. */
	if (!srv->next) {
		cr_expect_eq(told.times, 1, "%s", losses[loss].name);
		cr_expect_eq(act_on(&m, REMAINING, 0), ESTALE);
		cr_expect_eq(act_on(&m, FENCE, 0), ESTALE);
		cr_expect_eq(rl_mutex_unlock(&m), ESTALE);
	}
	rl_mutex_unlock(&m);
	cr_expect_leq(told.times, 1);
	cr_expect_eq(rl_mutex_destroy(&m), 0);
}

Test(mutex_lost, a_hold_that_is_asked_about_and_gone_is_lost)
{
	const struct spec s = { .lease_ms = 0 };

	each_loss(&s, held_tells_once);
	setenv("RL_RELEASE", "async", 1);
	each_loss(&s, held_tells_once);
}

static void delegated_held_tells_once(struct spec *s, size_t loss)
{
	setenv("RL_DELEGATION",
	       s->granularity == RL_GRANULARITY_THREAD || srv->next ? "off"
								    : "on", 1);
	held_tells_once(s, loss);
}

Test(mutex_lost, so_is_one_that_is_delegated)
{
	const struct spec s = { .lease_ms = 0 };

	each_loss(&s, delegated_held_tells_once);
}

/* -------------------------------------------------------- validity run out */

static bool lease_is_over(void *arg)
{
	return act_on(arg, REMAINING, 0) == ESTALE;
}

static void validity_runs_out(int granularity)
{
	struct told told = { 0 };
	struct spec s = { .refresh = RL_REFRESH_OFF, .lease_ms = 60,
			  .granularity = granularity, .onlost = on_lost,
			  .arg = &told };
	int64_t began;
	MUTEX m;

	spec_fresh(&s);
	began = wait_now_ms();
	init_and_lock(&s, &m);
	cr_expect(wait_until(was_told, &told, WAIT_MS));
	cr_expect(lease_is_over(&m));
	cr_expect_geq(wait_now_ms() - began, 56);
	cr_expect_eq(rl_mutex_unlock(&m), ESTALE);
	cr_expect_eq(rl_mutex_unlock(&m), EPERM);
	cr_expect_eq(told.times, 1);
}

Test(mutex_lost, a_lease_that_nobody_renews_runs_out)
{
	for (int g = RL_GRANULARITY_THREAD; g <= BY_NAME; g++)
		validity_runs_out(g);
}

Test(mutex_lost, after_maxhold_the_keeper_lets_it_run_out)
{
	struct told told = { 0 };
	struct spec s = { .lease_ms = 700, .interval_ms = 50,
			  .onlost = on_lost, .arg = &told };
	rl_mutexattr_t attr;
	int64_t began;
	MUTEX m;

	spec_fresh(&s);
	cr_assert_eq(spec_attr(&s, &attr), 0);
	cr_assert_eq(rl_mutexattr_setmaxhold(&attr, 300), 0);
	cr_assert_eq(rl_mutex_init(&m, s.name, &attr), 0);
	rl_mutexattr_destroy(&attr);
	began = wait_now_ms();
	cr_assert_eq(rl_mutex_lock(&m), 0);
	cr_expect(wait_until(was_told, &told, WAIT_MS));
	cr_expect_geq(wait_now_ms() - began, 300);
	cr_expect_eq(rl_mutex_unlock(&m), ESTALE);
}

/* --------------------------------------------------------------- afterwards */

static void lock_again(struct spec *s, size_t loss)
{
	struct told told = { 0 };
	uint64_t before = 0, after = 0;
	MUTEX m;

	s->onlost = on_lost;
	s->arg = &told;
	init_and_lock(s, &m);
	cr_expect_eq(rl_mutex_fence(&m, &before), 0);
	losses[loss].lose(s, &m);
	server_ask(srv, "DEL rl:%s", s->name);
	cr_expect(wait_until(was_told, &told, WAIT_MS));
	cr_expect_eq(rl_mutex_lock(&m), 0, "%s", losses[loss].name);
	cr_expect_eq(rl_mutex_fence(&m, &after), 0);
	cr_expect_gt(after, before, "%s", losses[loss].name);
	cr_expect_eq(rl_mutex_unlock(&m), 0, "%s", losses[loss].name);
	cr_expect_eq(rl_mutex_unlock(&m), EPERM, "%s", losses[loss].name);
	cr_expect_eq(told.times, 1);
}

Test(mutex_lost, a_new_lock_starts_a_new_hold_with_a_higher_fence)
{
	const struct spec s = { LEASE_WATCHED };

	each_loss(&s, lock_again);
}

static void each_level_tells(struct spec *s, size_t loss)
{
	struct told told = { 0 };
	MUTEX m;

	s->onlost = on_lost;
	s->arg = &told;
	init_and_lock(s, &m);
	for (int depth = 2; depth <= 5; depth++)
		cr_assert_eq(rl_mutex_lock(&m), 0);
	losses[loss].lose(s, &m);
	cr_expect(wait_until(was_told, &told, WAIT_MS));
	for (int depth = 5; depth >= 1; depth--)
		cr_expect_eq(rl_mutex_unlock(&m), ESTALE, "%s: depth %d",
			     losses[loss].name, depth);
	cr_expect_eq(rl_mutex_unlock(&m), EPERM, "%s", losses[loss].name);
	cr_expect_eq(told.times, 1);
	cr_expect_eq(rl_mutex_destroy(&m), 0);
}

Test(mutex_lost, recursive_lost_at_depth_n_is_estale_at_each_unlock)
{
	const struct spec s = { .type = RL_MUTEX_RECURSIVE, LEASE_WATCHED };

	each_loss(&s, each_level_tells);
}

/* onlost may call rl, and unlock too. */
static void unlock_when_lost(rl_mutex_t *m, int error, void *arg)
{
	struct told *told = arg;

	(void)error;
	told->error = rl_mutex_unlock(m);
	told->times++;
}

Test(mutex_lost, onlost_may_call_rl)
{
	for (int g = RL_GRANULARITY_PROCESS; g <= BY_NAME; g++) {
		struct told told = { 0 };
		struct spec s = { .granularity = g, LEASE_WATCHED,
				  .onlost = unlock_when_lost, .arg = &told };
		MUTEX m;

		spec_fresh(&s);
		init_and_lock(&s, &m);
		by_deletion(&s, &m);
		cr_expect(wait_until(was_told, &told, WAIT_MS));
		cr_expect_eq(told.error, ESTALE);
		cr_expect_eq(rl_mutex_unlock(&m), EPERM);
		cr_expect_eq(rl_mutex_destroy(&m), 0);
	}
}

/* ---------------------------------------------- an unlock that nobody heard */

/* The list of servers, each with these options. */
static void with_options(char *list, size_t size, const char *options)
{
	size_t len = 0;

	for (struct server *one = srv; one; one = one->next)
		len += (size_t)snprintf(list + len, size - len, "%s%s?%s",
					len ? " " : "", one->url, options);
	cr_assert_lt(len, size);
}

static void unlock_unheard(struct spec *s)
{
	char list[2200];
	rl_mutexattr_t attr;
	uint64_t fence;
	MUTEX m;

	with_options(list, sizeof(list),
		     "command_timeout=700&outage_timeout=700");
	cr_assert_eq(spec_attr(s, &attr), 0);
	cr_assert_eq(rl_mutexattr_setservers(&attr, list), 0);
	cr_assert_eq(rl_mutex_init(&m, s->name, &attr), 0);
	rl_mutexattr_destroy(&attr);
	cr_assert_eq(rl_mutex_lock(&m), 0);
	server_pause(srv);
	cr_expect_eq(rl_mutex_unlock(&m), ENOLCK);
	server_resume(srv);
	server_wait_ready(srv);
	/* The lock may still be taken, by the hold that is over. */
	cr_expect_eq(rl_mutex_unlock(&m), EPERM);
	cr_expect_eq(rl_mutex_refresh(&m), EPERM);
	cr_expect_eq(act_on(&m, EXTEND, 1000), EPERM);
	cr_expect_eq(act_on(&m, REMAINING, 0), EPERM);
	cr_expect_eq(rl_mutex_held(&m), EPERM);
	cr_expect_eq(rl_mutex_fence(&m, &fence), EPERM);
	cr_expect_eq(rl_mutex_destroy(&m), 0);
}

Test(mutex_lost, after_an_unlock_that_is_enolck_the_hold_is_over)
{
	for (int g = RL_GRANULARITY_THREAD; g <= BY_NAME; g++) {
		struct spec s = { .granularity = g };

		spec_fresh(&s);
		unlock_unheard(&s);
	}
}
