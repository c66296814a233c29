#include "base/envconf.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"

#define NUMBERS_MAX 8

int rli_env_text(const char *var, const char **text, bool *set)
{
	const char *found = getenv(var);

	*set = found != NULL;
	if (found)
		*text = found;
	return 0;
}

int rli_env_ms(const char *var, int64_t min, int64_t max, int64_t *value,
	       bool *set)
{
	const char *text = getenv(var);

	*set = false;
	if (!text)
		return 0;
	if (rli_parse_number(text, strlen(text), min, max, value))
		return rli_fail(EINVAL, "%s='%.100s': a whole number from %"
				PRId64 " to %" PRId64 " is expected", var,
				text, min, max);
	*set = true;
	return 0;
}

/* Reads as many numbers as there are ranges, and whether that is all. */
static int parse_numbers(const char *text, const struct rli_range *ranges,
			 int n, int64_t *values)
{
	for (int i = 0; i < n; i++) {
		size_t len = strcspn(text, ",");

		if (rli_parse_number(text, len, ranges[i].min, ranges[i].max,
				     &values[i]))
			return EINVAL;
		text += len;
		if (i < n - 1 && *text++ != ',')
			return EINVAL;
	}
	return *text ? EINVAL : 0;
}

static int numbers_expected(const char *var, const char *text,
			    const struct rli_range *ranges, int n)
{
	rli_fail(EINVAL, "%s='%.100s': %d numbers separated by commas are "
		 "expected,", var, text, n);
	for (int i = 0; i < n; i++)
		rli_fail(EINVAL, "%s %s%" PRId64 " to %" PRId64,
			 rli_error_message(), i ? "and " : "", ranges[i].min,
			 ranges[i].max);
	return EINVAL;
}

int rli_env_numbers(const char *var, const struct rli_range *ranges, int n,
		    int64_t *values, bool *set)
{
	const char *text = getenv(var);
	int64_t parsed[NUMBERS_MAX];

	*set = false;
	if (!text)
		return 0;
	if (n > NUMBERS_MAX || parse_numbers(text, ranges, n, parsed))
		return numbers_expected(var, text, ranges, n);
	memcpy(values, parsed, (size_t)n * sizeof(*values));
	*set = true;
	return 0;
}

static int choice_expected(const char *var, const char *text,
			   const char *const *names, int n)
{
	rli_fail(EINVAL, "%s='%.100s': one of", var, text);
	for (int i = 0; i < n; i++)
		rli_fail(EINVAL, "%s %s%s", rli_error_message(), names[i],
			 i < n - 1 ? "," : " is expected");
	return EINVAL;
}

int rli_env_choice(const char *var, const char *const *names, int n,
		   int *index, bool *set)
{
	const char *text = getenv(var);

	*set = false;
	if (!text)
		return 0;
	for (int i = 0; i < n; i++) {
		if (strcmp(text, names[i]) != 0)
			continue;
		*index = i;
		*set = true;
		return 0;
	}
	return choice_expected(var, text, names, n);
}
