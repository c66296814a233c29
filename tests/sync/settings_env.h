/*
 * An environment without any of rl's variables, for tests of what they do.
 */
#ifndef TESTS_SYNC_SETTINGS_ENV_H
#define TESTS_SYNC_SETTINGS_ENV_H

#include <stdlib.h>

static inline void clear_environment(void)
{
	static const char *const vars[] = { "RL_SERVERS", "RL_PREFIX",
		"RL_GRANULARITY", "RL_OWNER", "RL_LEASE_MS", "RL_REFRESH",
		"RL_MAX_HOLD_MS", "RL_REFRESH_MS", "RL_TIMEOUT_MS", "RL_RETRY",
		"RL_RELEASE", "RL_SLICE_US", "RL_DELEGATION" };

	for (size_t i = 0; i < sizeof(vars) / sizeof(vars[0]); i++)
		unsetenv(vars[i]);
}

#endif
