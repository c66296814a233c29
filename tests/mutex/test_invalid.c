/* What is EINVAL or ENOTSUP, and that rl_last_error() says why. */
#include "lock_spec.h"

TestSuite(mutex_invalid, .init = lock_setup, .fini = lock_teardown);

static int try_name(const char *prefix, const char *name)
{
	struct spec s = { .type = RL_MUTEX_NORMAL };
	rl_mutexattr_t attr;
	rl_mutex_t m;
	int err;

	cr_assert_eq(spec_attr(&s, &attr), 0);
	cr_assert_eq(rl_mutexattr_setprefix(&attr, prefix), 0);
	err = rl_mutex_init(&m, name, &attr);
	rl_mutexattr_destroy(&attr);
	if (err)
		return err;
	err = rl_mutex_lock(&m);
	if (!err)
		err = rl_mutex_unlock(&m);
	rl_mutex_destroy(&m);
	return err;
}

Test(mutex_invalid, a_name_that_is_null_empty_or_too_long)
{
	char name[1026];

	memset(name, 'x', sizeof(name));
	name[1025] = '\0';
	cr_expect_eq(try_name("rl:", NULL), EINVAL);
	cr_expect_eq(try_name("rl:", ""), EINVAL);
	cr_expect_eq(try_name("rl:", name), EINVAL);
	name[1024] = '\0';
	cr_expect_eq(try_name("rl:", name), 0);
	cr_expect_eq(try_name("", "x"), 0);
	cr_expect_eq(try_name("rl:", " any byte\n\xff\x01 '\"%s\\"), 0);
}

/* A hash tag is a '{', something that is not empty, and a '}'. */
Test(mutex_invalid, a_brace_that_is_not_one_valid_hash_tag)
{
	static const struct {
		const char *prefix, *name;
		int err;
	} rows[] = {
		{ "rl:", "{user}", 0 },
		{ "rl:", "a{user}b", 0 },
		{ "{rl}:", "a", 0 },
		{ "", "{a}", 0 },
		{ "{r", "l}a", 0 },
		{ "rl:", "{", EINVAL },
		{ "rl:", "}", EINVAL },
		{ "rl:", "{}", EINVAL },
		{ "rl:", "a{}b", EINVAL },
		{ "rl:", "}a{", EINVAL },
		{ "rl:", "{a", EINVAL },
		{ "rl:", "a}", EINVAL },
		{ "rl:", "{a}{b}", EINVAL },
		{ "rl:", "{{a}}", EINVAL },
		{ "rl:", "{a}}", EINVAL },
		{ "{rl}:", "{a}", EINVAL },
		{ "{rl:", "a", EINVAL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_eq(try_name(rows[i].prefix, rows[i].name),
			     rows[i].err, "'%s' + '%s'", rows[i].prefix,
			     rows[i].name);
}

Test(mutex_invalid, a_lease_below_10_ms_or_above_2_to_the_40)
{
	static const struct {
		long lease;
		int err;
	} rows[] = { { -1, EINVAL }, { 1, EINVAL }, { 9, EINVAL }, { 10, 0 },
		     { 0, 0 }, { 1L << 40, 0 }, { (1L << 40) + 1, EINVAL } };
	rl_mutexattr_t attr;

	cr_assert_eq(rl_mutexattr_init(&attr), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_eq(rl_mutexattr_setlease(&attr, rows[i].lease),
			     rows[i].err, "%ld", rows[i].lease);
	rl_mutexattr_destroy(&attr);
}

static int try_interval(long lease, long interval)
{
	struct spec s = { .lease_ms = lease };
	rl_mutexattr_t attr;
	rl_mutex_t m;
	int err;

	cr_assert_eq(spec_attr(&s, &attr), 0);
	cr_assert_eq(rl_mutexattr_setrefreshinterval(&attr, interval), 0);
	err = rl_mutex_init(&m, "lock", &attr);
	if (!err)
		rl_mutex_destroy(&m);
	rl_mutexattr_destroy(&attr);
	return err;
}

Test(mutex_invalid, an_interval_not_below_the_lease)
{
	cr_expect_eq(try_interval(1000, 999), 0);
	cr_expect_eq(try_interval(1000, 1000), EINVAL);
	cr_expect(strstr(rl_last_error(), "interval"), "%s", rl_last_error());
	cr_expect_eq(try_interval(1000, 5000), EINVAL);
	cr_expect_eq(try_interval(0, 10000), EINVAL);
	cr_expect_eq(try_interval(LEASE_NEVER, 5000), 0);
}

Test(mutex_invalid, an_attribute_object_that_is_not_one)
{
	rl_mutexattr_t attr;
	rl_mutex_t m;

	memset(&attr, 0, sizeof(attr));
	cr_expect_eq(rl_mutex_init(&m, "lock", &attr), EINVAL);
	cr_expect_eq(rl_reset_all(&attr, NULL), EINVAL);
	cr_assert_eq(rl_mutexattr_init(&attr), 0);
	cr_assert_eq(rl_mutexattr_destroy(&attr), 0);
	cr_expect_eq(rl_mutex_init(&m, "lock", &attr), EINVAL);
	cr_expect_eq(rl_mutexattr_setlease(&attr, 100), EINVAL);
	cr_expect_eq(rl_mutexattr_destroy(&attr), EINVAL);
}

static int try_servers(const char *servers)
{
	rl_mutexattr_t attr;
	rl_mutex_t m;
	int err;

	cr_assert_eq(rl_mutexattr_init(&attr), 0);
	err = rl_mutexattr_setservers(&attr, servers);
	if (!err)
		err = rl_mutex_init(&m, "lock", &attr);
	if (!err)
		rl_mutex_destroy(&m);
	rl_mutexattr_destroy(&attr);
	return err;
}

Test(mutex_invalid, a_url_that_does_not_parse_and_where)
{
	cr_expect_eq(try_servers("redis://h:6379/0"), 0);
	cr_expect_eq(try_servers("redis://h:99999/0"), EINVAL);
	cr_expect(strstr(rl_last_error(), "port"), "%s", rl_last_error());
	cr_expect_eq(try_servers("redis://:secret@h:1/x"), EINVAL);
	cr_expect_not(strstr(rl_last_error(), "secret"));
	cr_expect_eq(try_servers("redis://h/0?color=red"), EINVAL);
	cr_expect(strstr(rl_last_error(), "offset"), "%s", rl_last_error());
	cr_expect_eq(try_servers("http://h"), EINVAL);
	cr_expect_eq(try_servers(""), EINVAL);
	cr_expect_eq(try_servers(NULL), EINVAL);
	cr_expect_eq(try_servers("redis://h redis://h"), EINVAL);
}

Test(mutex_invalid, what_this_version_lacks_is_enotsup)
{
	cr_expect_eq(try_servers("sentinel://h/master"), ENOTSUP);
	cr_expect_eq(try_servers("cluster://h"), ENOTSUP);
}

Test(mutex_invalid, delegation_by_a_quorum_is_enotsup)
{
	rl_mutexattr_t attr;
	rl_mutex_t m;

	cr_assert_eq(rl_mutexattr_init(&attr), 0);
	cr_assert_eq(rl_mutexattr_setservers(&attr, "redis://a redis://b"), 0);
	cr_assert_eq(rl_mutexattr_setgranularity(&attr,
		RL_GRANULARITY_PROCESS), 0);
	cr_expect_eq(rl_mutex_init(&m, "lock", &attr), 0);
	cr_expect_eq(rl_mutex_destroy(&m), 0);
	cr_assert_eq(rl_mutexattr_setdelegation(&attr, RL_DELEGATION_ON), 0);
	cr_expect_eq(rl_mutex_init(&m, "lock", &attr), ENOTSUP);
	cr_expect(strstr(rl_last_error(), "quorum of 2"), "%s",
		  rl_last_error());
	rl_mutexattr_destroy(&attr);
}

Test(mutex_invalid, delegation_without_what_it_needs_is_einval)
{
	rl_mutexattr_t attr;
	rl_mutex_t m;

	cr_assert_eq(rl_mutexattr_init(&attr), 0);
	cr_assert_eq(rl_mutexattr_setdelegation(&attr, RL_DELEGATION_ON), 0);
	cr_expect_eq(rl_mutex_init(&m, "lock", &attr), EINVAL);
	cr_assert_eq(rl_mutexattr_setgranularity(&attr,
		RL_GRANULARITY_PROCESS), 0);
	cr_assert_eq(rl_mutexattr_setrefresh(&attr, RL_REFRESH_OFF), 0);
	cr_expect_eq(rl_mutex_init(&m, "lock", &attr), EINVAL);
	rl_mutexattr_destroy(&attr);
}
