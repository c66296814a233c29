#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>

#include <rl/error.h>

#include "sync/settings.h"

#include "../base/failing_alloc.h"
#include "settings_env.h"

static rl_mutexattr_t attr;
static struct rli_settings found;

static void setup(void)
{
	clear_environment();
	cr_assert_eq(rl_mutexattr_init(&attr), 0);
}

static void teardown(void)
{
	rl_mutexattr_destroy(&attr);
}

TestSuite(settings, .init = setup, .fini = teardown, .timeout = 20);

static bool message_has(const char *text)
{
	return strstr(rl_last_error(), text) != NULL;
}

static void expect_defaults(const struct rli_settings *s)
{
	cr_assert_str_eq(s->servers, "redis://127.0.0.1:6379/0");
	cr_assert_str_eq(s->prefix, "rl:");
	cr_assert_null(s->owner);
	cr_assert_eq(s->type, RL_MUTEX_NORMAL);
	cr_assert_eq(s->granularity, RL_GRANULARITY_THREAD);
	cr_assert_eq(s->robust, RL_MUTEX_STALLED);
	cr_assert_eq(s->refresh, RL_REFRESH_AUTO);
	cr_assert_eq(s->release, RL_RELEASE_SYNC);
	cr_assert_eq(s->delegation, RL_DELEGATION_OFF);
	cr_assert_eq(s->lease_ms, 10000);
	cr_assert_eq(s->maxhold_ms, 0);
	cr_assert_eq(s->refreshinterval_ms, 0);
	cr_assert_eq(s->timeout_ms, -1);
	cr_assert_eq(s->slice_us, 1000);
	cr_assert_eq(s->retry_count, -1);
	cr_assert_eq(s->retry_delay_ms, 20);
	cr_assert_eq(s->retry_jitter_ms, 20);
	cr_assert_null(s->onlost);
	cr_assert_null(s->onlost_arg);
}

Test(settings, nothing_set_gives_the_defaults)
{
	cr_assert_eq(rli_settings_resolve(NULL, &found), 0);
	expect_defaults(&found);
	memset(&found, 0x5a, sizeof(found));
	cr_assert_eq(rli_settings_resolve(&attr, &found), 0);
	expect_defaults(&found);
	cr_assert_eq(rli_settings_check(&found), 0);
}

static void set_environment(void)
{
	setenv("RL_SERVERS", "redis://db:7/2", 1);
	setenv("RL_PREFIX", "", 1);
	setenv("RL_GRANULARITY", "host", 1);
	setenv("RL_OWNER", "me", 1);
	setenv("RL_LEASE_MS", "5000", 1);
	setenv("RL_REFRESH", "off", 1);
	setenv("RL_MAX_HOLD_MS", "60000", 1);
	setenv("RL_REFRESH_MS", "700", 1);
	setenv("RL_TIMEOUT_MS", "800", 1);
	setenv("RL_RETRY", "9,10,11", 1);
	setenv("RL_RELEASE", "async", 1);
	setenv("RL_SLICE_US", "12", 1);
	setenv("RL_DELEGATION", "on", 1);
}

static void expect_environment(const struct rli_settings *s)
{
	cr_assert_str_eq(s->servers, "redis://db:7/2");
	cr_assert_str_eq(s->prefix, "");
	cr_assert_str_eq(s->owner, "me");
	cr_assert_eq(s->granularity, RL_GRANULARITY_HOST);
	cr_assert_eq(s->refresh, RL_REFRESH_OFF);
	cr_assert_eq(s->release, RL_RELEASE_ASYNC);
	cr_assert_eq(s->delegation, RL_DELEGATION_ON);
	cr_assert_eq(s->lease_ms, 5000);
	cr_assert_eq(s->maxhold_ms, 60000);
	cr_assert_eq(s->refreshinterval_ms, 700);
	cr_assert_eq(s->timeout_ms, 800);
	cr_assert_eq(s->slice_us, 12);
	cr_assert_eq(s->retry_count, 9);
	cr_assert_eq(s->retry_delay_ms, 10);
	cr_assert_eq(s->retry_jitter_ms, 11);
}

Test(settings, the_environment_fills_what_is_unset)
{
	set_environment();
	cr_assert_eq(rli_settings_resolve(NULL, &found), 0);
	expect_environment(&found);
	cr_assert_eq(rl_mutexattr_setlease(&attr, 20000), 0);
	cr_assert_eq(rl_mutexattr_settype(&attr, RL_MUTEX_RECURSIVE), 0);
	cr_assert_eq(rl_mutexattr_setrobust(&attr, RL_MUTEX_ROBUST), 0);
	cr_assert_eq(rli_settings_resolve(&attr, &found), 0);
	cr_assert_eq(found.lease_ms, 20000);
	cr_assert_eq(found.type, RL_MUTEX_RECURSIVE);
	cr_assert_eq(found.robust, RL_MUTEX_ROBUST);
	found.lease_ms = 5000;
	expect_environment(&found);
}

static void on_lost(rl_mutex_t *mutex, int error, void *arg)
{
	(void)mutex;
	(void)error;
	(void)arg;
}

static void set_every_attribute(void)
{
	cr_assert_eq(rl_mutexattr_setservers(&attr, "unix:///s"), 0);
	cr_assert_eq(rl_mutexattr_setprefix(&attr, "p:"), 0);
	cr_assert_eq(rl_mutexattr_settype(&attr, RL_MUTEX_REFRESH), 0);
	cr_assert_eq(rl_mutexattr_setgranularity(&attr,
		RL_GRANULARITY_PROCESS), 0);
	cr_assert_eq(rl_mutexattr_setowner(&attr, "you"), 0);
	cr_assert_eq(rl_mutexattr_setrobust(&attr, RL_MUTEX_ROBUST), 0);
	cr_assert_eq(rl_mutexattr_setlease(&attr, 1000), 0);
	cr_assert_eq(rl_mutexattr_setrefresh(&attr, RL_REFRESH_AUTO), 0);
	cr_assert_eq(rl_mutexattr_setmaxhold(&attr, 1), 0);
	cr_assert_eq(rl_mutexattr_setrefreshinterval(&attr, 999), 0);
	cr_assert_eq(rl_mutexattr_settimeout(&attr, 0), 0);
	cr_assert_eq(rl_mutexattr_setretry(&attr, 2, 3, 4), 0);
	cr_assert_eq(rl_mutexattr_setrelease(&attr, RL_RELEASE_SYNC), 0);
	cr_assert_eq(rl_mutexattr_setslice(&attr, 0), 0);
	cr_assert_eq(rl_mutexattr_setdelegation(&attr, RL_DELEGATION_OFF), 0);
	cr_assert_eq(rl_mutexattr_setonlost(&attr, on_lost, &attr), 0);
}

static void expect_attributes(const struct rli_settings *s)
{
	cr_assert_str_eq(s->servers, "unix:///s");
	cr_assert_str_eq(s->prefix, "p:");
	cr_assert_str_eq(s->owner, "you");
	cr_assert_eq(s->type, RL_MUTEX_REFRESH);
	cr_assert_eq(s->granularity, RL_GRANULARITY_PROCESS);
	cr_assert_eq(s->robust, RL_MUTEX_ROBUST);
	cr_assert_eq(s->refresh, RL_REFRESH_AUTO);
	cr_assert_eq(s->release, RL_RELEASE_SYNC);
	cr_assert_eq(s->delegation, RL_DELEGATION_OFF);
	cr_assert_eq(s->lease_ms, 1000);
	cr_assert_eq(s->maxhold_ms, 1);
	cr_assert_eq(s->refreshinterval_ms, 999);
	cr_assert_eq(s->timeout_ms, 0);
	cr_assert_eq(s->slice_us, 0);
	cr_assert_eq(s->retry_count, 2);
	cr_assert_eq(s->retry_delay_ms, 3);
	cr_assert_eq(s->retry_jitter_ms, 4);
	cr_assert_eq(s->onlost, on_lost);
	cr_assert_eq(s->onlost_arg, &attr);
}

Test(settings, attributes_win_over_the_environment_even_a_bad_one)
{
	set_environment();
	set_every_attribute();
	cr_assert_eq(rli_settings_resolve(&attr, &found), 0);
	expect_attributes(&found);
	setenv("RL_LEASE_MS", "rubbish", 1);
	setenv("RL_SERVERS", "rubbish", 1);
	setenv("RL_OWNER", "", 1);
	cr_assert_eq(rli_settings_resolve(&attr, &found), 0);
	expect_attributes(&found);
	cr_assert_eq(rli_settings_check(&found), 0);
}

Test(settings, each_bad_variable_is_einval_and_named)
{
	static const char *const vars[] = { "RL_SERVERS", "RL_GRANULARITY",
		"RL_OWNER", "RL_LEASE_MS", "RL_REFRESH", "RL_MAX_HOLD_MS",
		"RL_REFRESH_MS", "RL_TIMEOUT_MS", "RL_RETRY", "RL_RELEASE",
		"RL_SLICE_US", "RL_DELEGATION" };

	for (size_t i = 0; i < sizeof(vars) / sizeof(vars[0]); i++) {
		setenv(vars[i], "", 1);
		cr_assert_eq(rli_settings_resolve(NULL, &found), EINVAL, "%s",
			vars[i]);
		cr_assert(message_has(vars[i]), "%s", rl_last_error());
		cr_assert_eq(rli_settings_resolve(&attr, &found), EINVAL);
		unsetenv(vars[i]);
	}
}

Test(settings, an_attribute_object_not_initialised_is_einval)
{
	rl_mutexattr_t never;

	memset(&never, 0, sizeof(never));
	cr_assert_eq(rli_settings_resolve(&never, &found), EINVAL);
	cr_assert(message_has("not initialised"));
}

Test(settings, an_interval_must_be_below_the_lease)
{
	cr_assert_eq(rli_settings_resolve(NULL, &found), 0);
	found.refreshinterval_ms = 9999;
	cr_assert_eq(rli_settings_check(&found), 0);
	found.refreshinterval_ms = 10000;
	cr_assert_eq(rli_settings_check(&found), EINVAL);
	cr_assert(message_has("refreshinterval") && message_has("10000"));
	found.refreshinterval_ms = 10001;
	cr_assert_eq(rli_settings_check(&found), EINVAL);
}

Test(settings, an_interval_is_unused_with_lease_0)
{
	cr_assert_eq(rli_settings_resolve(NULL, &found), 0);
	found.lease_ms = 0;
	found.refreshinterval_ms = 10001;
	cr_assert_eq(rli_settings_check(&found), 0);
}

Test(settings, delegation_needs_an_owner_that_outlives_its_threads)
{
	cr_assert_eq(rli_settings_resolve(NULL, &found), 0);
	found.delegation = RL_DELEGATION_ON;
	cr_assert_eq(rli_settings_check(&found), EINVAL);
	cr_assert(message_has("delegation"));
	found.owner = "name";
	cr_assert_eq(rli_settings_check(&found), 0);
	found.owner = NULL;
	found.granularity = RL_GRANULARITY_PROCESS;
	cr_assert_eq(rli_settings_check(&found), 0);
	found.granularity = RL_GRANULARITY_HOST;
	cr_assert_eq(rli_settings_check(&found), 0);
}

Test(settings, delegation_needs_the_keeper)
{
	cr_assert_eq(rli_settings_resolve(NULL, &found), 0);
	found.delegation = RL_DELEGATION_ON;
	found.granularity = RL_GRANULARITY_PROCESS;
	found.refresh = RL_REFRESH_OFF;
	cr_assert_eq(rli_settings_check(&found), EINVAL);
	found.refresh = RL_REFRESH_AUTO;
	found.lease_ms = 0;
	cr_assert_eq(rli_settings_check(&found), EINVAL);
	cr_assert(message_has("delegation"));
}

Test(settings, out_of_memory_while_reading_the_servers_variable_is_enomem)
{
	int n = 1;

	setenv("RL_SERVERS", "redis://u:p@h1:1/1", 1);
	for (;; n++) {
		int err;

		fail_allocation(n, n % 2);
		err = rli_settings_resolve(NULL, &found);
		fail_no_allocation();
		if (!an_allocation_failed)
			break;
		cr_assert_eq(err, ENOMEM);
	}
	cr_assert_gt(n, 1);
	cr_assert_str_eq(found.servers, "redis://u:p@h1:1/1");
}
