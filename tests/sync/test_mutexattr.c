#include <criterion/criterion.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <rl/error.h>
#include <rl/mutexattr.h>

#include "../base/failing_alloc.h"
#include "settings_env.h"

#define LONGEST (1L << 40)

static rl_mutexattr_t attr;

static void setup(void)
{
	clear_environment();
	cr_assert_eq(rl_mutexattr_init(&attr), 0);
}

static void teardown(void)
{
	rl_mutexattr_destroy(&attr);
}

TestSuite(mutexattr, .init = setup, .fini = teardown, .timeout = 20);

/* One line for each attribute that is a number. */
#define NUMBERS(X) \
	X(type, int) \
	X(granularity, int) \
	X(robust, int) \
	X(refresh, int) \
	X(release, int) \
	X(delegation, int) \
	X(lease, long) \
	X(maxhold, long) \
	X(refreshinterval, long) \
	X(timeout, long) \
	X(slice, long)

#define WRAP(name, type) \
	static int set_##name(rl_mutexattr_t *a, long value) \
	{ \
		return rl_mutexattr_set##name(a, (type)value); \
	} \
	static int get_##name(const rl_mutexattr_t *a, long *value) \
	{ \
		type found = -77; \
		int err = rl_mutexattr_get##name(a, &found); \
		*value = found; \
		return err; \
	} \
	static int get_##name##_null(const rl_mutexattr_t *a) \
	{ \
		return rl_mutexattr_get##name(a, NULL); \
	}
NUMBERS(WRAP)

struct number {
	const char *name;
	int (*set)(rl_mutexattr_t *, long);
	int (*get)(const rl_mutexattr_t *, long *);
	int (*get_null)(const rl_mutexattr_t *);
};

#define ROW(name, type) { #name, set_##name, get_##name, get_##name##_null },
static const struct number numbers[] = { NUMBERS(ROW) };
static const size_t n_numbers = sizeof(numbers) / sizeof(numbers[0]);

struct values {
	const char *name;
	const char *env;
	long fallback;
	long good[6]; /* up to END */
	long bad[6];  /* up to END */
	struct {
		const char *text;
		long value;
	} from_env[4]; /* up to a NULL */
	const char *bad_env[8];
};

#define END LONG_MIN
static const struct values table[] = {
	{ "type", NULL, RL_MUTEX_NORMAL,
		{ RL_MUTEX_NORMAL, RL_MUTEX_DEFAULT, RL_MUTEX_ERRORCHECK,
			RL_MUTEX_RECURSIVE, RL_MUTEX_REFRESH, END },
		{ -1, 4, INT_MAX, END }, { { NULL, 0 } }, { NULL } },
	{ "granularity", "RL_GRANULARITY", RL_GRANULARITY_THREAD,
		{ RL_GRANULARITY_THREAD, RL_GRANULARITY_PROCESS,
			RL_GRANULARITY_HOST, END },
		{ -1, 3, END },
		{ { "thread", RL_GRANULARITY_THREAD },
			{ "process", RL_GRANULARITY_PROCESS },
			{ "host", RL_GRANULARITY_HOST } },
		{ "", "threads", "Thread", "0", "host ", " host", NULL } },
	{ "robust", NULL, RL_MUTEX_STALLED,
		{ RL_MUTEX_STALLED, RL_MUTEX_ROBUST, END }, { -1, 2, END },
		{ { NULL, 0 } }, { NULL } },
	{ "lease", "RL_LEASE_MS", 10000,
		{ 0, 10, 11, 10000, LONGEST, END },
		{ -1, 1, 9, LONGEST + 1, LONG_MAX, END },
		{ { "0", 0 }, { "10", 10 }, { "1099511627776", LONGEST } },
		{ "", "9", "-1", "1099511627777", "10s", "ten", "1e3", NULL } },
	{ "refresh", "RL_REFRESH", RL_REFRESH_AUTO,
		{ RL_REFRESH_AUTO, RL_REFRESH_OFF, END }, { -1, 2, END },
		{ { "auto", RL_REFRESH_AUTO }, { "off", RL_REFRESH_OFF } },
		{ "", "on", "OFF", NULL } },
	{ "maxhold", "RL_MAX_HOLD_MS", 0,
		{ 0, 1, LONGEST, END }, { -1, LONGEST + 1, END },
		{ { "0", 0 }, { "60000", 60000 } }, { "", "-1", "x", NULL } },
	{ "refreshinterval", "RL_REFRESH_MS", 0,
		{ 0, 1, LONGEST, END }, { -1, LONGEST + 1, END },
		{ { "0", 0 }, { "500", 500 } }, { "", "-1", "x", NULL } },
	{ "timeout", "RL_TIMEOUT_MS", -1,
		{ -1, 0, 1, LONGEST, END }, { -2, LONGEST + 1, END },
		{ { "-1", -1 }, { "0", 0 }, { "1500", 1500 } },
		{ "", "-2", "never", "1099511627777", NULL } },
	{ "release", "RL_RELEASE", RL_RELEASE_SYNC,
		{ RL_RELEASE_SYNC, RL_RELEASE_ASYNC, END }, { -1, 2, END },
		{ { "sync", RL_RELEASE_SYNC }, { "async", RL_RELEASE_ASYNC } },
		{ "", "no", NULL } },
	{ "slice", "RL_SLICE_US", 1000,
		{ 0, 1, 1000, LONGEST, END }, { -1, LONGEST + 1, END },
		{ { "0", 0 }, { "250", 250 } }, { "", "-1", "1ms", NULL } },
	{ "delegation", "RL_DELEGATION", RL_DELEGATION_OFF,
		{ RL_DELEGATION_OFF, RL_DELEGATION_ON, END }, { -1, 2, END },
		{ { "off", RL_DELEGATION_OFF }, { "on", RL_DELEGATION_ON } },
		{ "", "yes", NULL } },
};
static const size_t n_table = sizeof(table) / sizeof(table[0]);

static const struct number *functions_of(const struct values *row)
{
	for (size_t i = 0; i < n_numbers; i++)
		if (!strcmp(numbers[i].name, row->name))
			return &numbers[i];
	cr_assert_fail("no functions for %s", row->name);
	return NULL;
}

static void expect(const struct values *row, long expected)
{
	long value = -77;

	cr_assert_eq(functions_of(row)->get(&attr, &value), 0, "%s", row->name);
	cr_assert_eq(value, expected, "%s is %ld, expected %ld", row->name,
		value, expected);
}

static bool message_has(const char *text)
{
	return strstr(rl_last_error(), text) != NULL;
}

Test(mutexattr, every_number_has_a_row_here)
{
	cr_assert_eq(n_numbers, n_table);
}

Test(mutexattr, an_unset_number_is_its_default)
{
	for (size_t i = 0; i < n_table; i++)
		expect(&table[i], table[i].fallback);
}

Test(mutexattr, a_good_number_is_kept)
{
	for (size_t i = 0; i < n_table; i++) {
		const struct values *row = &table[i];

		for (const long *good = row->good; *good != END; good++) {
			cr_assert_eq(functions_of(row)->set(&attr, *good), 0);
			expect(row, *good);
		}
	}
}

Test(mutexattr, a_bad_number_is_einval_names_itself_and_changes_nothing)
{
	for (size_t i = 0; i < n_table; i++) {
		const struct values *row = &table[i];
		const struct number *fn = functions_of(row);

		cr_assert_eq(fn->set(&attr, row->good[1]), 0);
		for (const long *bad = row->bad; *bad != END; bad++) {
			char digits[32];

			cr_assert_eq(fn->set(&attr, *bad), EINVAL, "%s %ld",
				row->name, *bad);
			snprintf(digits, sizeof(digits), "%ld", *bad);
			cr_assert(message_has(digits), "%s", rl_last_error());
			cr_assert(message_has(row->name));
			cr_assert(message_has("expected"));
			expect(row, row->good[1]);
		}
	}
}

Test(mutexattr, an_unset_number_comes_from_the_environment)
{
	for (size_t i = 0; i < n_table; i++) {
		const struct values *row = &table[i];

		for (int n = 0; n < 4 && row->from_env[n].text; n++) {
			setenv(row->env, row->from_env[n].text, 1);
			expect(row, row->from_env[n].value);
		}
	}
}

Test(mutexattr, a_number_that_is_set_wins_over_the_environment)
{
	for (size_t i = 0; i < n_table; i++) {
		const struct values *row = &table[i];

		if (!row->env)
			continue;
		setenv(row->env, row->from_env[1].text, 1);
		cr_assert_eq(functions_of(row)->set(&attr, row->good[0]), 0);
		expect(row, row->good[0]);
		setenv(row->env, "rubbish", 1);
		expect(row, row->good[0]);
	}
}

Test(mutexattr, a_bad_variable_is_einval_names_itself_and_leaves_the_value)
{
	for (size_t i = 0; i < n_table; i++) {
		const struct values *row = &table[i];

		for (int n = 0; n < 8 && row->bad_env[n]; n++) {
			long value = 5;

			setenv(row->env, row->bad_env[n], 1);
			cr_assert_eq(functions_of(row)->get(&attr, &value),
				EINVAL, "%s=%s", row->env, row->bad_env[n]);
			cr_assert(message_has(row->env), "%s",
				rl_last_error());
			cr_assert(message_has(row->bad_env[n]));
			cr_assert_eq(value, -77, "written on failure");
		}
	}
}

Test(mutexattr, a_bad_variable_disturbs_no_other_attribute)
{
	long lease;

	setenv("RL_RELEASE", "rubbish", 1);
	setenv("RL_SERVERS", "rubbish", 1);
	cr_assert_eq(rl_mutexattr_getlease(&attr, &lease), 0);
	cr_assert_eq(lease, 10000);
}

static void expect_retry(int count, long delay, long jitter)
{
	int c = -77;
	long d = -77, j = -77;

	cr_assert_eq(rl_mutexattr_getretry(&attr, &c, &d, &j), 0);
	cr_assert(c == count && d == delay && j == jitter, "%d,%ld,%ld", c, d,
		j);
}

Test(mutexattr, retry_has_three_values_from_each_source)
{
	expect_retry(-1, 20, 20);
	setenv("RL_RETRY", "3,0,100", 1);
	expect_retry(3, 0, 100);
	cr_assert_eq(rl_mutexattr_setretry(&attr, 0, 1, LONGEST), 0);
	expect_retry(0, 1, LONGEST);
	cr_assert_eq(rl_mutexattr_getretry(&attr, NULL, NULL, NULL), 0);
}

Test(mutexattr, bad_retry_values_are_einval_and_change_nothing)
{
	cr_assert_eq(rl_mutexattr_setretry(&attr, 7, 8, 9), 0);
	cr_assert_eq(rl_mutexattr_setretry(&attr, -2, 8, 9), EINVAL);
	cr_assert(message_has("-2") && message_has("count"));
	cr_assert_eq(rl_mutexattr_setretry(&attr, 1, -1, 9), EINVAL);
	cr_assert(message_has("-1") && message_has("delay"));
	cr_assert_eq(rl_mutexattr_setretry(&attr, 1, 8, LONGEST + 1), EINVAL);
	cr_assert(message_has("jitter"));
	expect_retry(7, 8, 9);
}

Test(mutexattr, a_bad_retry_variable_is_einval)
{
	static const char *const bad[] = { "", "1", "1,2", "1,2,3,4", "-2,1,1",
		"1,-1,1", "1,1,-1", "a,b,c", "1,2,3x", "2147483648,1,1" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int count;

		setenv("RL_RETRY", bad[i], 1);
		cr_assert_eq(rl_mutexattr_getretry(&attr, &count, NULL, NULL),
			EINVAL, "'%s'", bad[i]);
		cr_assert(message_has("RL_RETRY"));
	}
}

static void lost(rl_mutex_t *mutex, int error, void *arg)
{
	(void)mutex, (void)error, (void)arg;
}

static void expect_onlost(rl_onlost_fn *fn, void *arg)
{
	rl_onlost_fn *found = lost;
	void *found_arg = &found;

	cr_assert_eq(rl_mutexattr_getonlost(&attr, &found, &found_arg), 0);
	cr_assert(found == fn && found_arg == arg);
	cr_assert_eq(rl_mutexattr_getonlost(&attr, NULL, NULL), 0);
}

Test(mutexattr, onlost_is_none_until_set_and_none_again_when_null)
{
	int thing;

	expect_onlost(NULL, NULL);
	cr_assert_eq(rl_mutexattr_setonlost(&attr, lost, &thing), 0);
	expect_onlost(lost, &thing);
	cr_assert_eq(rl_mutexattr_setonlost(&attr, NULL, NULL), 0);
	expect_onlost(NULL, NULL);
}

Test(mutexattr, an_object_not_initialised_or_destroyed_or_null_is_einval)
{
	rl_mutexattr_t never, *objects[] = { &never, &attr, NULL };
	const char *text;

	memset(&never, 0x5a, sizeof(never));
	cr_assert_eq(rl_mutexattr_destroy(&attr), 0);
	for (int i = 0; i < 3; i++) {
		rl_mutexattr_t *a = objects[i];
		long value;

		for (size_t n = 0; n < n_numbers; n++) {
			cr_assert_eq(numbers[n].set(a, 0), EINVAL);
			cr_assert_eq(numbers[n].get(a, &value), EINVAL);
		}
		cr_assert_eq(rl_mutexattr_setservers(a, "unix:///s"), EINVAL);
		cr_assert_eq(rl_mutexattr_getservers(a, &text), EINVAL);
		cr_assert_eq(rl_mutexattr_setprefix(a, ""), EINVAL);
		cr_assert_eq(rl_mutexattr_getprefix(a, &text), EINVAL);
		cr_assert_eq(rl_mutexattr_setowner(a, "me"), EINVAL);
		cr_assert_eq(rl_mutexattr_getowner(a, &text), EINVAL);
		cr_assert_eq(rl_mutexattr_setretry(a, 1, 1, 1), EINVAL);
		cr_assert_eq(rl_mutexattr_getretry(a, NULL, NULL, NULL),
			EINVAL);
		cr_assert_eq(rl_mutexattr_setonlost(a, lost, NULL), EINVAL);
		cr_assert_eq(rl_mutexattr_getonlost(a, NULL, NULL), EINVAL);
		cr_assert_eq(rl_mutexattr_destroy(a), EINVAL);
	}
	cr_assert_eq(rl_mutexattr_init(NULL), EINVAL);
}

Test(mutexattr, a_destroyed_object_can_be_initialised_again)
{
	long lease;

	cr_assert_eq(rl_mutexattr_setlease(&attr, 77), 0);
	cr_assert_eq(rl_mutexattr_destroy(&attr), 0);
	cr_assert_eq(rl_mutexattr_init(&attr), 0);
	cr_assert_eq(rl_mutexattr_getlease(&attr, &lease), 0);
	cr_assert_eq(lease, 10000);
}

Test(mutexattr, a_null_result_pointer_is_einval)
{
	for (size_t i = 0; i < n_numbers; i++)
		cr_assert_eq(numbers[i].get_null(&attr), EINVAL);
	cr_assert_eq(rl_mutexattr_getservers(&attr, NULL), EINVAL);
	cr_assert_eq(rl_mutexattr_getprefix(&attr, NULL), EINVAL);
	cr_assert_eq(rl_mutexattr_getowner(&attr, NULL), EINVAL);
}

Test(mutexattr, errno_is_left_alone)
{
	const char *text;
	long value;

	errno = 1234;
	setenv("RL_LEASE_MS", "99999999999999999999999", 1);
	cr_assert_eq(rl_mutexattr_getlease(&attr, &value), EINVAL);
	cr_assert_eq(rl_mutexattr_setlease(&attr, -4), EINVAL);
	cr_assert_eq(rl_mutexattr_setservers(&attr, "redis://:99999"), EINVAL);
	cr_assert_eq(rl_mutexattr_getservers(&attr, &text), 0);
	cr_assert_eq(rl_mutexattr_setowner(&attr, ""), EINVAL);
	fail_allocation(1, false);
	cr_assert_eq(rl_mutexattr_setprefix(&attr, "p"), ENOMEM);
	cr_assert_eq(errno, 1234);
}
