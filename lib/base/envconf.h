/*
 * base/envconf.h - settings from the environment.
 *
 * A variable that is not there gives 0 and *set = false, and leaves the value
 * alone. A bad one gives EINVAL and a message that names the variable, its
 * value and what was expected. An empty one is bad, except as text.
 */
#ifndef RLI_BASE_ENVCONF_H
#define RLI_BASE_ENVCONF_H

#include <stdbool.h>
#include <stdint.h>

/* A decimal number from min to max, in whatever unit the variable names. */
int rli_env_ms(const char *var, int64_t min, int64_t max, int64_t *value,
	       bool *set);

/* What each number of a list may be. */
struct rli_range {
	int64_t min;
	int64_t max;
};

/*
 * Exactly n numbers (8 at most) separated by commas, each in its range. All
 * values are set, or none.
 */
int rli_env_numbers(const char *var, const struct rli_range *ranges, int n,
		    int64_t *values, bool *set);

/* One of n names; *index tells which. */
int rli_env_choice(const char *var, const char *const *names, int n,
		   int *index, bool *set);

/* The text as it stands, in the environment's own memory; never a message. */
int rli_env_text(const char *var, const char **text, bool *set);

#endif /* RLI_BASE_ENVCONF_H */
