#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>

#include <rl/error.h>
#include <rl/mutexattr.h>

#include "../base/failing_alloc.h"
#include "settings_env.h"

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

TestSuite(mutexattr_text, .init = setup, .fini = teardown, .timeout = 20);

typedef int set_fn(rl_mutexattr_t *, const char *);
typedef int get_fn(const rl_mutexattr_t *, const char **);

/* Each text attribute, with values that it takes. */
static const struct row {
	const char *name;
	const char *env;
	set_fn *set;
	get_fn *get;
	const char *fallback;
	const char *one;
	const char *two;
} table[] = {
	{ "servers", "RL_SERVERS", rl_mutexattr_setservers,
		rl_mutexattr_getservers, "redis://127.0.0.1:6379/0",
		"unix:///run/redis.sock?db=3",
		"redis://a:secret@h1:1/1, redis://h2 redis://h3" },
	{ "prefix", "RL_PREFIX", rl_mutexattr_setprefix,
		rl_mutexattr_getprefix, "rl:", "", "app:locks:" },
	{ "owner", "RL_OWNER", rl_mutexattr_setowner, rl_mutexattr_getowner,
		NULL, "batch#1", "someone else" },
};
static const size_t n_table = sizeof(table) / sizeof(table[0]);

static void expect(const struct row *row, const char *expected)
{
	const char *text = "untouched";

	cr_assert_eq(row->get(&attr, &text), 0, "%s: %s", row->name,
		rl_last_error());
	if (!expected)
		cr_assert_null(text, "%s is '%s'", row->name, text);
	else
		cr_assert_str_eq(text, expected, "%s", row->name);
}

static bool message_has(const char *text)
{
	return strstr(rl_last_error(), text) != NULL;
}

Test(mutexattr_text, default_then_environment_then_attribute)
{
	for (size_t i = 0; i < n_table; i++) {
		const struct row *row = &table[i];

		expect(row, row->fallback);
		setenv(row->env, row->one, 1);
		expect(row, row->one);
		cr_assert_eq(row->set(&attr, row->two), 0);
		expect(row, row->two);
		setenv(row->env, "", 1);
		expect(row, row->two);
	}
}

Test(mutexattr_text, the_object_keeps_a_copy)
{
	for (size_t i = 0; i < n_table; i++) {
		char text[80];

		strcpy(text, table[i].two);
		cr_assert_eq(table[i].set(&attr, text), 0);
		memset(text, 'x', sizeof(text));
		expect(&table[i], table[i].two);
	}
}

Test(mutexattr_text, null_takes_prefix_and_owner_back_to_unset)
{
	for (size_t i = 1; i < n_table; i++) {
		const struct row *row = &table[i];

		cr_assert_eq(row->set(&attr, row->two), 0);
		cr_assert_eq(row->set(&attr, NULL), 0);
		expect(row, row->fallback);
		setenv(row->env, row->one, 1);
		expect(row, row->one);
	}
}

Test(mutexattr_text, an_empty_prefix_is_a_prefix)
{
	cr_assert_eq(rl_mutexattr_setprefix(&attr, ""), 0);
	expect(&table[1], "");
	cr_assert_eq(rl_mutexattr_setprefix(&attr, NULL), 0);
	setenv("RL_PREFIX", "", 1);
	expect(&table[1], "");
}

Test(mutexattr_text, an_empty_or_overlong_owner_is_einval)
{
	char longest[1026];
	const char *text;

	memset(longest, 'o', 1025);
	longest[1025] = '\0';
	cr_assert_eq(rl_mutexattr_setowner(&attr, "keep"), 0);
	cr_assert_eq(rl_mutexattr_setowner(&attr, ""), EINVAL);
	cr_assert(message_has("owner is empty"));
	cr_assert_eq(rl_mutexattr_setowner(&attr, longest), EINVAL);
	cr_assert(message_has("1024"));
	expect(&table[2], "keep");

	cr_assert_eq(rl_mutexattr_setowner(&attr, longest + 1), 0);
	expect(&table[2], longest + 1);
	cr_assert_eq(rl_mutexattr_setowner(&attr, NULL), 0);
	setenv("RL_OWNER", "", 1);
	cr_assert_eq(rl_mutexattr_getowner(&attr, &text), EINVAL);
	cr_assert(message_has("RL_OWNER"));
	setenv("RL_OWNER", longest, 1);
	cr_assert_eq(rl_mutexattr_getowner(&attr, &text), EINVAL);
	cr_assert(message_has("RL_OWNER"));
}

static const struct bad_servers {
	const char *text;
	int err;
} bad_servers[] = {
	{ "", EINVAL },
	{ " , ", EINVAL },
	{ "localhost", EINVAL },
	{ "http://localhost", EINVAL },
	{ "redis://h:0", EINVAL },
	{ "redis://h:65536", EINVAL },
	{ "redis://h/x", EINVAL },
	{ "redis://h?colour=red", EINVAL },
	{ "redis://:hushhush@h:70000/0", EINVAL },
	{ "redis://h1 redis://h1", EINVAL },
	{ "sentinel://h1/master", ENOTSUP },
	{ "cluster://h1,h2", ENOTSUP },
};

Test(mutexattr_text, bad_servers_are_refused_at_once_and_change_nothing)
{
	cr_assert_eq(rl_mutexattr_setservers(&attr, "redis://h:1/1"), 0);
	for (size_t i = 0; i < sizeof(bad_servers) / sizeof(*bad_servers);
		i++) {
		const struct bad_servers *bad = &bad_servers[i];

		cr_assert_eq(rl_mutexattr_setservers(&attr, bad->text),
			bad->err, "'%s'", bad->text);
		cr_assert_neq(rl_last_error()[0], '\0');
		cr_assert_not(message_has("hushhush"));
		expect(&table[0], "redis://h:1/1");
	}
	cr_assert_eq(rl_mutexattr_setservers(&attr, NULL), EINVAL);
	expect(&table[0], "redis://h:1/1");
}

Test(mutexattr_text, bad_servers_in_the_environment_name_the_variable)
{
	for (size_t i = 0; i < sizeof(bad_servers) / sizeof(*bad_servers);
		i++) {
		const struct bad_servers *bad = &bad_servers[i];
		const char *text;

		setenv("RL_SERVERS", bad->text, 1);
		cr_assert_eq(rl_mutexattr_getservers(&attr, &text), bad->err,
			"'%s'", bad->text);
		cr_assert(message_has("RL_SERVERS"), "%s", rl_last_error());
		cr_assert_not(message_has("hushhush"));
	}
}

/* Does setting row->two fail when allocation n (or all from it on) does? */
static bool fails_at(const struct row *row, int n, bool for_good)
{
	int err;

	cr_assert_eq(row->set(&attr, row->one), 0);
	fail_allocation(n, for_good);
	err = row->set(&attr, row->two);
	fail_no_allocation();
	cr_assert_eq(err, an_allocation_failed ? ENOMEM : 0, "%s, %d",
		row->name, n);
	expect(row, err ? row->one : row->two);
	return err != 0;
}

static void fails_at_some(const struct row *row, bool for_good)
{
	int n = 1;

	while (fails_at(row, n, for_good))
		n++;
	cr_assert_gt(n, 1, "%s allocates", row->name);
}

Test(mutexattr_text, out_of_memory_at_any_point_keeps_the_old_value)
{
	for (size_t i = 0; i < n_table; i++) {
		fails_at_some(&table[i], false);
		fails_at_some(&table[i], true);
	}
}

Test(mutexattr_text, destroy_gives_all_memory_back)
{
	long before;

	count_allocations();
	before = live_allocations;
	for (size_t i = 0; i < n_table; i++) {
		cr_assert_eq(table[i].set(&attr, table[i].one), 0);
		cr_assert_eq(table[i].set(&attr, table[i].two), 0);
	}
	cr_assert_gt(live_allocations, before);
	cr_assert_eq(rl_mutexattr_destroy(&attr), 0);
	cr_assert_eq(live_allocations, before);
}
