#include "sync/settings.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>

#include "base/envconf.h"
#include "base/error.h"
#include "base/owner.h"
#include "base/servers.h"
#include "sync/mutex.h"
#include "sync/mutexattr.h"

static const struct rli_settings defaults = {
	.servers = "redis://127.0.0.1:6379/0",
	.prefix = "rl:",
	.lease_ms = 10000,
	.timeout_ms = -1,
	.slice_us = 1000,
	.retry_count = -1,
	.retry_delay_ms = 20,
	.retry_jitter_ms = 20,
};

static const char *const granularity_words[] = { "thread", "process", "host" };
static const char *const refresh_words[] = { "auto", "off" };
static const char *const release_words[] = { "sync", "async" };
static const char *const delegation_words[] = { "off", "on" };

/* What is known of an attribute that is a number. */
struct row {
	const char *name;
	const char *env;	  /* NULL: not from the environment */
	const char *const *words; /* how the environment says 0, 1, ..., max */
	const char *expected;	  /* for messages */
	int64_t min;
	int64_t max;
	int64_t also; /* one more good value, which may lie between */
	size_t offset;
	size_t size; /* of the field: an int or an int64_t */
};

#define FIELD(name) \
	offsetof(struct rli_settings, name), \
		sizeof(((struct rli_settings *)0)->name)
#define UP_TO_MAX "up to 2^40"

static const struct row rows[RLI_NUMBERS] = {
	[RLI_TYPE] = { "type", NULL, NULL,
		"RL_MUTEX_NORMAL, _ERRORCHECK, _RECURSIVE or _REFRESH",
		RL_MUTEX_NORMAL, RL_MUTEX_REFRESH, 0, FIELD(type) },
	[RLI_GRANULARITY] = { "granularity", "RL_GRANULARITY",
		granularity_words,
		"RL_GRANULARITY_THREAD, _PROCESS or _HOST",
		RL_GRANULARITY_THREAD, RL_GRANULARITY_HOST, 0,
		FIELD(granularity) },
	[RLI_ROBUST] = { "robust", NULL, NULL,
		"RL_MUTEX_STALLED or RL_MUTEX_ROBUST",
		RL_MUTEX_STALLED, RL_MUTEX_ROBUST, 0, FIELD(robust) },
	[RLI_REFRESH] = { "refresh", "RL_REFRESH", refresh_words,
		"RL_REFRESH_AUTO or RL_REFRESH_OFF",
		RL_REFRESH_AUTO, RL_REFRESH_OFF, 0, FIELD(refresh) },
	[RLI_RELEASE] = { "release", "RL_RELEASE", release_words,
		"RL_RELEASE_SYNC or RL_RELEASE_ASYNC",
		RL_RELEASE_SYNC, RL_RELEASE_ASYNC, 0, FIELD(release) },
	[RLI_DELEGATION] = { "delegation", "RL_DELEGATION", delegation_words,
		"RL_DELEGATION_OFF or RL_DELEGATION_ON",
		RL_DELEGATION_OFF, RL_DELEGATION_ON, 0, FIELD(delegation) },
	[RLI_LEASE] = { "lease", "RL_LEASE_MS", NULL,
		"0 (never expires) or 10 to 2^40 milliseconds",
		RLI_LEASE_MIN_MS, RLI_TIME_MAX, 0, FIELD(lease_ms) },
	[RLI_MAXHOLD] = { "maxhold", "RL_MAX_HOLD_MS", NULL,
		"0 (no limit) " UP_TO_MAX " milliseconds",
		0, RLI_TIME_MAX, 0, FIELD(maxhold_ms) },
	[RLI_REFRESHINTERVAL] = { "refreshinterval", "RL_REFRESH_MS", NULL,
		"0 (a third of the lease) " UP_TO_MAX " milliseconds",
		0, RLI_TIME_MAX, 0, FIELD(refreshinterval_ms) },
	[RLI_TIMEOUT] = { "timeout", "RL_TIMEOUT_MS", NULL,
		"-1 (for ever), or 0 " UP_TO_MAX " milliseconds",
		0, RLI_TIME_MAX, -1, FIELD(timeout_ms) },
	[RLI_SLICE] = { "slice", "RL_SLICE_US", NULL,
		"0 (never pass it on) " UP_TO_MAX " microseconds",
		0, RLI_TIME_MAX, 0, FIELD(slice_us) },
};

static const struct rli_range retry_ranges[3] = {
	{ -1, INT_MAX },
	{ 0, RLI_TIME_MAX },
	{ 0, RLI_TIME_MAX },
};

int64_t rli_settings_number(
	const struct rli_settings *settings, enum rli_setting which)
{
	const char *field = (const char *)settings + rows[which].offset;

	if (rows[which].size == sizeof(int))
		return *(const int *)(const void *)field;
	return *(const int64_t *)(const void *)field;
}

void rli_settings_put_number(
	struct rli_settings *settings, enum rli_setting which, int64_t value)
{
	char *field = (char *)settings + rows[which].offset;

	if (rows[which].size == sizeof(int))
		*(int *)(void *)field = (int)value;
	else
		*(int64_t *)(void *)field = value;
}

/* name: what the user knows the value by, an attribute or a variable. */
static int good(const struct row *row, const char *name, int64_t value)
{
	if ((value >= row->min && value <= row->max) || value == row->also)
		return 0;
	return rli_fail(EINVAL, "%s is %" PRId64 ": expected %s", name, value,
		row->expected);
}

int rli_settings_good_number(enum rli_setting which, int64_t value)
{
	return good(&rows[which], rows[which].name, value);
}

static int good_owner(const char *what, const char *owner)
{
	size_t len = strnlen(owner, RLI_OWNER_NAME_MAX + 1);

	if (len == 0)
		return rli_fail(EINVAL, "%s is empty: expected a name, "
			"or none at all", what);
	if (len > RLI_OWNER_NAME_MAX)
		return rli_fail(EINVAL, "%s '%.40s...' is too long: "
			"expected at most %d bytes", what, owner,
			RLI_OWNER_NAME_MAX);
	return 0;
}

int rli_settings_good_owner(const char *owner)
{
	return good_owner("owner", owner);
}

int rli_settings_good_retry(int64_t count, int64_t delay, int64_t jitter)
{
	static const char *const names[] = { "count", "delay", "jitter" };
	const int64_t values[] = { count, delay, jitter };

	for (int i = 0; i < 3; i++) {
		const struct rli_range *range = &retry_ranges[i];

		if (values[i] < range->min || values[i] > range->max)
			return rli_fail(EINVAL, "retry: %s is %" PRId64
				": expected %" PRId64 " to %" PRId64, names[i],
				values[i], range->min, range->max);
	}
	return 0;
}

/* The variable of a row as a number, if it is there. */
static int number_from_env(const struct row *row, int64_t *value, bool *set)
{
	int64_t min = row->also < row->min ? row->also : row->min;
	int index = 0;
	int err;

	if (row->words) {
		err = rli_env_choice(row->env, row->words, (int)row->max + 1,
			&index, set);
		*value = index;
		return err;
	}
	err = rli_env_ms(row->env, min, row->max, value, set);
	if (err || !*set)
		return err;
	return good(row, row->env, *value);
}

static int resolve_number(enum rli_setting which, struct rli_settings *out)
{
	int64_t value = 0;
	bool set = false;
	int err = 0;

	if (rows[which].env)
		err = number_from_env(&rows[which], &value, &set);
	if (!err && set)
		rli_settings_put_number(out, which, value);
	return err;
}

/* A bad list would show at rl_mutex_init, but not whose fault it was. */
static int resolve_servers(struct rli_settings *out)
{
	struct rli_servers *servers;
	const char *text;
	bool set = false;
	int err = rli_env_text("RL_SERVERS", &text, &set);

	if (err || !set)
		return err;
	err = rli_process_init();
	if (err)
		return err;
	err = rli_servers_get(text, &servers);
	if (err)
		return rli_fail(err, "RL_SERVERS: %s", rli_error_message());
	rli_servers_put(servers);
	out->servers = text;
	return 0;
}

static int resolve_owner(struct rli_settings *out)
{
	const char *text;
	bool set = false;
	int err = rli_env_text("RL_OWNER", &text, &set);

	if (err || !set)
		return err;
	err = good_owner("RL_OWNER", text);
	if (!err)
		out->owner = text;
	return err;
}

static int resolve_prefix(struct rli_settings *out)
{
	bool set = false;

	return rli_env_text("RL_PREFIX", &out->prefix, &set);
}

static int resolve_retry(struct rli_settings *out)
{
	int64_t value[3];
	bool set = false;
	int err = rli_env_numbers("RL_RETRY", retry_ranges, 3, value, &set);

	if (err || !set)
		return err;
	out->retry_count = (int)value[0];
	out->retry_delay_ms = value[1];
	out->retry_jitter_ms = value[2];
	return 0;
}

/* *out holds the default so far. */
static int resolve_from_env(enum rli_setting which, struct rli_settings *out)
{
	switch (which) {
	case RLI_SERVERS:
		return resolve_servers(out);
	case RLI_PREFIX:
		return resolve_prefix(out);
	case RLI_OWNER:
		return resolve_owner(out);
	case RLI_RETRY:
		return resolve_retry(out);
	case RLI_ONLOST:
		return 0;
	default:
		return resolve_number(which, out);
	}
}

static void copy_one(const struct rli_settings *from, enum rli_setting which,
	struct rli_settings *out)
{
	switch (which) {
	case RLI_SERVERS:
		out->servers = from->servers;
		break;
	case RLI_PREFIX:
		out->prefix = from->prefix;
		break;
	case RLI_OWNER:
		out->owner = from->owner;
		break;
	case RLI_RETRY:
		out->retry_count = from->retry_count;
		out->retry_delay_ms = from->retry_delay_ms;
		out->retry_jitter_ms = from->retry_jitter_ms;
		break;
	case RLI_ONLOST:
		out->onlost = from->onlost;
		out->onlost_arg = from->onlost_arg;
		break;
	default:
		rli_settings_put_number(out, which,
			rli_settings_number(from, which));
	}
}

int rli_settings_resolve_one(const struct rli_mutexattr *attr,
	enum rli_setting which, struct rli_settings *out)
{
	if (attr && (attr->set & 1u << which)) {
		copy_one(&attr->value, which, out);
		return 0;
	}
	copy_one(&defaults, which, out);
	return resolve_from_env(which, out);
}

int rli_settings_resolve(const rl_mutexattr_t *attr, struct rli_settings *out)
{
	const struct rli_mutexattr *inside = NULL;
	int err = 0;

	if (attr) {
		inside = rli_mutexattr_of(attr);
		if (!inside)
			return EINVAL;
	}
	*out = defaults;
	for (int which = 0; which < RLI_SETTINGS && !err; which++)
		err = rli_settings_resolve_one(inside,
			(enum rli_setting)which, out);
	return err;
}

/*
 * What no granularity but THREAD lacks is an owner that outlives a thread: a
 * delegation is the process's, so it cannot belong to one of its threads.
 */
static int check_delegation(const struct rli_settings *settings)
{
	if (settings->delegation == RL_DELEGATION_OFF)
		return 0;
	if (!settings->owner &&
	    settings->granularity == RL_GRANULARITY_THREAD)
		return rli_fail(EINVAL, "delegation is on: it needs process or "
			"host granularity, or an owner name");
	if (settings->refresh == RL_REFRESH_OFF || settings->lease_ms == 0)
		return rli_fail(EINVAL, "delegation is on: it needs a lease, "
			"and the keeper to renew it");
	return 0;
}

int rli_settings_check(const struct rli_settings *settings)
{
	if (settings->lease_ms > 0 &&
		settings->refreshinterval_ms >= settings->lease_ms)
		return rli_fail(EINVAL, "refreshinterval (RL_REFRESH_MS) is %"
			PRId64 " ms: expected less than the lease, %" PRId64
			" ms",
			settings->refreshinterval_ms, settings->lease_ms);
	return check_delegation(settings);
}
