/* The environment changes what a built program does: one whose mutex is a
 * static one, or made without an attribute object. */
#include "peer.h"

static void setup(void)
{
	lock_setup();
	setenv("RL_SERVERS", srv->url, 1);
}

TestSuite(mutex_env, .init = setup, .fini = lock_teardown);

static void make(rl_mutex_t *m)
{
	cr_assert_eq(rl_mutex_init(m, "lock", NULL), 0, "%s", rl_last_error());
}

static void make_and_lock(rl_mutex_t *m)
{
	make(m);
	cr_assert_eq(rl_mutex_lock(m), 0, "%s", rl_last_error());
}

static void end(rl_mutex_t *m)
{
	cr_expect_eq(rl_mutex_unlock(m), 0);
	cr_expect_eq(rl_mutex_destroy(m), 0);
}

static void expect_owner(const char *variable, const char *value,
			 const char *start)
{
	struct answer a;
	MUTEX m;

	setenv(variable, value, 1);
	make_and_lock(&m);
	a = act_full(&m, OWNER, 0);
	cr_expect_eq(strncmp(a.text, start, strlen(start)), 0, "%s: %s", value,
		     a.text);
	end(&m);
}

Test(mutex_env, granularity_and_owner)
{
	expect_owner("RL_GRANULARITY", "thread", "thrd:");
	expect_owner("RL_GRANULARITY", "process", "proc:");
	expect_owner("RL_GRANULARITY", "host", "host:");
	expect_owner("RL_OWNER", "team", "name:team");
}

static rl_mutex_t ported = RL_MUTEX_INITIALIZER("ported");

static int unlocks(struct proc *self, void *arg)
{
	(void)self;
	(void)arg;
	return rl_mutex_unlock(&ported);
}

/* Two runs of the same program, as its operator wants them. */
static int run_program(struct proc *self, void *granularity)
{
	(void)self;
	setenv("RL_GRANULARITY", granularity, 1);
	PROC_CHECK(rl_mutex_lock(&ported) == 0);
	return proc_join(proc_start(PROC_THREAD, unlocks, NULL));
}

Test(mutex_env, the_same_program_has_another_owner)
{
	cr_expect_eq(proc_join(proc_start(PROC_PROCESS, run_program,
					  "process")), 0);
	cr_expect_eq(proc_join(proc_start(PROC_PROCESS, run_program, "thread")),
		     EPERM);
}

Test(mutex_env, prefix_also_an_empty_one)
{
	MUTEX m;

	setenv("RL_PREFIX", "other:", 1);
	make_and_lock(&m);
	cr_expect_eq(server_ask_int(srv, "EXISTS other:lock"), 1);
	end(&m);
	setenv("RL_PREFIX", "", 1);
	make_and_lock(&m);
	cr_expect_eq(server_ask_int(srv, "EXISTS lock"), 1);
	end(&m);
}

Test(mutex_env, lease)
{
	MUTEX m;

	setenv("RL_LEASE_MS", "70000", 1);
	make_and_lock(&m);
	cr_expect_gt(server_ask_int(srv, "PTTL rl:lock"), 60000);
	cr_expect_leq(server_ask_int(srv, "PTTL rl:lock"), 70000);
	end(&m);
	setenv("RL_LEASE_MS", "0", 1);
	make_and_lock(&m);
	cr_expect_eq(server_ask_int(srv, "PTTL rl:lock"), -1);
	end(&m);
}

Test(mutex_env, refresh_and_its_interval)
{
	struct spec s = { .name = "lock" };
	int64_t began;
	MUTEX m;

	setenv("RL_LEASE_MS", "60000", 1);
	setenv("RL_REFRESH_MS", "30", 1);
	make_and_lock(&m);
	cr_expect(spec_is_renewed(&s));
	end(&m);
	setenv("RL_LEASE_MS", "100", 1);
	setenv("RL_REFRESH", "off", 1);
	began = wait_now_ms();
	make_and_lock(&m);
	while (act_on(&m, REMAINING, 0) != ESTALE)
		cr_assert_lt(wait_now_ms() - began, WAIT_MS);
	cr_expect_eq(rl_mutex_unlock(&m), ESTALE);
}

Test(mutex_env, maxhold)
{
	int64_t began;
	MUTEX m;

	setenv("RL_LEASE_MS", "700", 1);
	setenv("RL_REFRESH_MS", "50", 1);
	setenv("RL_MAX_HOLD_MS", "200", 1);
	began = wait_now_ms();
	make_and_lock(&m);
	while (act_on(&m, REMAINING, 0) != ESTALE)
		cr_assert_lt(wait_now_ms() - began, WAIT_MS);
	cr_expect_geq(wait_now_ms() - began, 200);
	cr_expect_eq(rl_mutex_unlock(&m), ESTALE);
}

Test(mutex_env, timeout)
{
	MUTEX m, impatient;

	make_and_lock(&m);
	setenv("RL_TIMEOUT_MS", "0", 1);
	make(&impatient);
	cr_expect_eq(rl_mutex_lock(&impatient), EBUSY);
	rl_mutex_destroy(&impatient);
	setenv("RL_TIMEOUT_MS", "20", 1);
	make(&impatient);
	cr_expect_eq(rl_mutex_lock(&impatient), ETIMEDOUT);
	rl_mutex_destroy(&impatient);
	end(&m);
}

Test(mutex_env, servers)
{
	struct server *other = server_start(NULL);
	MUTEX m;

	setenv("RL_SERVERS", other->url, 1);
	make_and_lock(&m);
	cr_expect_eq(server_ask_int(srv, "EXISTS rl:lock"), 0);
	cr_expect_eq(server_ask_int(other, "EXISTS rl:lock"), 1);
	end(&m);
	server_stop(other);
}

/* Not awaited, but on its way before whatever comes next. */
Test(mutex_env, release)
{
	MUTEX m;

	setenv("RL_RELEASE", "async", 1);
	make_and_lock(&m);
	server_ask(srv, "DEL rl:lock");
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	cr_expect_eq(rl_mutex_lock(&m), 0);
	end(&m);
	setenv("RL_RELEASE", "sync", 1);
	make_and_lock(&m);
	server_ask(srv, "DEL rl:lock");
	cr_expect_eq(rl_mutex_unlock(&m), ESTALE);
}

Test(mutex_env, an_attribute_wins)
{
	rl_mutexattr_t attr;
	MUTEX m;

	setenv("RL_PREFIX", "env:", 1);
	setenv("RL_GRANULARITY", "host", 1);
	cr_assert_eq(rl_mutexattr_init(&attr), 0);
	cr_assert_eq(rl_mutexattr_setprefix(&attr, "attr:"), 0);
	cr_assert_eq(rl_mutex_init(&m, "lock", &attr), 0);
	cr_expect_eq(rl_mutex_lock(&m), 0);
	cr_expect_eq(server_ask_int(srv, "EXISTS attr:lock"), 1);
	cr_expect_eq(strncmp(act_full(&m, OWNER, 0).text, "host:", 5), 0);
	end(&m);
	rl_mutexattr_destroy(&attr);
}

Test(mutex_env, a_bad_value_is_einval_and_named)
{
	static const char *const bad[][2] = { { "RL_SERVERS", "nonsense" },
		{ "RL_GRANULARITY", "planet" }, { "RL_OWNER", "" },
		{ "RL_LEASE_MS", "9" }, { "RL_LEASE_MS", "1s" },
		{ "RL_REFRESH", "yes" }, { "RL_MAX_HOLD_MS", "-1" },
		{ "RL_REFRESH_MS", "" }, { "RL_TIMEOUT_MS", "-2" },
		{ "RL_RETRY", "1,2" }, { "RL_RELEASE", "never" },
		{ "RL_SLICE_US", "1e3" }, { "RL_DELEGATION", "1" } };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		MUTEX m, fixed = RL_MUTEX_INITIALIZER("fixed");

		setenv("RL_SERVERS", srv->url, 1);
		setenv(bad[i][0], bad[i][1], 1);
		cr_expect_eq(rl_mutex_init(&m, "lock", NULL), EINVAL, "%s=%s",
			     bad[i][0], bad[i][1]);
		cr_expect_eq(rl_mutex_lock(&fixed), EINVAL, "%s=%s", bad[i][0],
			     bad[i][1]);
		cr_expect(strstr(rl_last_error(), bad[i][0]), "%s",
			  rl_last_error());
		unsetenv(bad[i][0]);
		setenv("RL_SERVERS", srv->url, 1);
		/* It is looked at again at the next use. */
		cr_expect_eq(rl_mutex_lock(&fixed), 0, "%s", rl_last_error());
		cr_expect_eq(rl_mutex_unlock(&fixed), 0);
	}
}
