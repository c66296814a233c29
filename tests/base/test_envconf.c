#include <criterion/criterion.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/envconf.h"
#include "base/error.h"

#define VAR "RL_TEST_VALUE"

static bool message_has(const char *text)
{
	return strstr(rl_last_error(), text) != NULL;
}

static void unset(void)
{
	unsetenv(VAR);
}

TestSuite(envconf, .init = unset, .timeout = 10);

static const char *const colours[] = { "red", "green", "blue" };
static const struct rli_range ranges[] = { { -1, 9 }, { 0, 99 } };

Test(envconf, an_unset_variable_leaves_the_value_alone)
{
	int64_t value = 7, values[2] = { 7, 7 };
	const char *text = "before";
	bool set = true;
	int index = 7;

	cr_assert_eq(rli_env_ms(VAR, 0, 9, &value, &set), 0);
	cr_assert(!set && value == 7);
	set = true;
	cr_assert_eq(rli_env_choice(VAR, colours, 3, &index, &set), 0);
	cr_assert(!set && index == 7);
	set = true;
	cr_assert_eq(rli_env_text(VAR, &text, &set), 0);
	cr_assert(!set && !strcmp(text, "before"));
	set = true;
	cr_assert_eq(rli_env_numbers(VAR, ranges, 2, values, &set), 0);
	cr_assert(!set && values[0] == 7 && values[1] == 7);
}

static const struct {
	const char *text;
	int64_t min, max, value;
} good_numbers[] = {
	{ "0", 0, 10, 0 }, { "10", 0, 10, 10 }, { "007", 0, 10, 7 },
	{ "-1", -1, 10, -1 }, { "-0", 0, 10, 0 },
	{ "9223372036854775807", 0, INT64_MAX, INT64_MAX },
	{ "-9223372036854775808", INT64_MIN, 0, INT64_MIN },
};

Test(envconf, a_number_in_range_is_taken)
{
	size_t n = sizeof(good_numbers) / sizeof(*good_numbers);

	for (size_t i = 0; i < n; i++) {
		int64_t value = -7;
		bool set = false;

		setenv(VAR, good_numbers[i].text, 1);
		cr_assert_eq(rli_env_ms(VAR, good_numbers[i].min,
					good_numbers[i].max, &value, &set),
			     0, "%s", good_numbers[i].text);
		cr_assert(set);
		cr_assert_eq(value, good_numbers[i].value);
	}
}

static const char *const bad_numbers[] = {
	"", " ", "-", "+1", " 1", "1 ", "1s", "1.0", "0x1", "1e3", "--1", "ten",
	"11", "-2", "9223372036854775808", "-9223372036854775809",
	"99999999999999999999999999",
};

Test(envconf, a_bad_number_is_einval_and_named)
{
	size_t n = sizeof(bad_numbers) / sizeof(*bad_numbers);

	for (size_t i = 0; i < n; i++) {
		int64_t value = -7;
		bool set = true;

		setenv(VAR, bad_numbers[i], 1);
		cr_assert_eq(rli_env_ms(VAR, -1, 10, &value, &set), EINVAL,
			     "'%s'", bad_numbers[i]);
		cr_assert(!set && value == -7);
		cr_assert(message_has(VAR) && message_has(bad_numbers[i]));
		cr_assert(message_has("from -1 to 10"));
	}
}

Test(envconf, a_choice_is_taken_by_its_exact_name)
{
	bool set = false;
	int index = -1;

	for (int i = 0; i < 3; i++) {
		setenv(VAR, colours[i], 1);
		cr_assert_eq(rli_env_choice(VAR, colours, 3, &index, &set), 0);
		cr_assert(set && index == i);
	}
}

Test(envconf, a_bad_choice_is_einval_and_the_message_lists_the_names)
{
	static const char *const bad[] = { "", "Red", "re", "redd", "0" };
	bool set = true;
	int index = -1;

	for (int i = 0; i < 5; i++) {
		setenv(VAR, bad[i], 1);
		cr_assert_eq(rli_env_choice(VAR, colours, 3, &index, &set),
			     EINVAL);
		cr_assert(!set && index == -1);
	}
	cr_assert_str_eq(rl_last_error(), VAR "='0': one of red, green, blue "
			 "is expected");
}

Test(envconf, text_is_taken_as_it_stands)
{
	const char *text = NULL;
	bool set = false;

	setenv(VAR, "", 1);
	cr_assert_eq(rli_env_text(VAR, &text, &set), 0);
	cr_assert(set);
	cr_assert_str_eq(text, "");
	setenv(VAR, " as it is ", 1);
	cr_assert_eq(rli_env_text(VAR, &text, &set), 0);
	cr_assert_str_eq(text, " as it is ");
}

Test(envconf, a_list_of_numbers_is_taken_whole)
{
	int64_t values[2];
	bool set = false;

	setenv(VAR, "-1,20", 1);
	cr_assert_eq(rli_env_numbers(VAR, ranges, 2, values, &set), 0);
	cr_assert(set && values[0] == -1 && values[1] == 20);
}

Test(envconf, a_bad_list_is_einval_and_sets_nothing)
{
	static const char *const bad[] = {
		"", "1", "1,", ",1", "1,2,", "1,2,3", "1,,2", "1, 2", "1;2",
		"-2,1", "1,100", "a,b"
	};
	int64_t values[2] = { 7, 7 };
	bool set;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		setenv(VAR, bad[i], 1);
		cr_assert_eq(rli_env_numbers(VAR, ranges, 2, values, &set),
			     EINVAL, "'%s'", bad[i]);
		cr_assert(!set && values[0] == 7 && values[1] == 7);
	}
	cr_assert_str_eq(rl_last_error(), VAR "='a,b': 2 numbers separated by "
			 "commas are expected, -1 to 9 and 0 to 99");
}

Test(envconf, an_endless_value_is_cut_in_the_message)
{
	static char endless[100000];
	int64_t value;
	bool set;

	memset(endless, '1', sizeof(endless) - 1);
	setenv(VAR, endless, 1);
	cr_assert_eq(rli_env_ms(VAR, 0, 9, &value, &set), EINVAL);
	cr_assert(message_has("from 0 to 9 is expected"));
}
