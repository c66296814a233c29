/*
 * sync/settings.h - what a mutex initialised now would use.
 *
 * The one place that knows, for each attribute, which values are good, which
 * environment variable stands in when it is unset, and which default when
 * that is unset too. Setters, getters and rl_mutex_init all come here.
 */
#ifndef RLI_SYNC_SETTINGS_H
#define RLI_SYNC_SETTINGS_H

#include <stdint.h>

#include <rl/mutexattr.h>

/* The longest lease and the longest of any other time, in its own unit. */
#define RLI_TIME_MAX ((int64_t)1 << 40)
#define RLI_LEASE_MIN_MS 10

/*
 * A whole set of them. The strings are borrowed: from the attribute object,
 * from the environment or from constants.
 */
struct rli_settings {
	const char *servers;
	const char *prefix;
	const char *owner; /* NULL: the granularity says who */
	int type;
	int granularity;
	int robust;
	int refresh;
	int release;
	int delegation;
	int64_t lease_ms;	    /* 0: never expires */
	int64_t maxhold_ms;	    /* 0: no limit */
	int64_t refreshinterval_ms; /* 0: a third of the lease */
	int64_t timeout_ms;	    /* -1: for ever; 0: as trylock */
	int64_t slice_us;
	int64_t retry_delay_ms;
	int64_t retry_jitter_ms;
	int retry_count; /* -1: until the deadline */
	rl_onlost_fn *onlost;
	void *onlost_arg;
};

/* The attributes, as numbers of bits in rli_mutexattr's mask. */
enum rli_setting {
	RLI_TYPE,
	RLI_GRANULARITY,
	RLI_ROBUST,
	RLI_REFRESH,
	RLI_RELEASE,
	RLI_DELEGATION,
	RLI_LEASE,
	RLI_MAXHOLD,
	RLI_REFRESHINTERVAL,
	RLI_TIMEOUT,
	RLI_SLICE,
	RLI_NUMBERS, /* those above are numbers, one row each in settings.c */
	RLI_SERVERS = RLI_NUMBERS,
	RLI_PREFIX,
	RLI_OWNER,
	RLI_RETRY,
	RLI_ONLOST,
	RLI_SETTINGS
};

struct rli_mutexattr; /* sync/mutexattr.h */

/*
 * Everything, from attr (NULL: nothing set) or the environment or the
 * defaults. EINVAL for an attr that is not initialised and for a bad
 * environment value, which the message names; ENOTSUP for RL_SERVERS of a
 * kind not known yet; ENOMEM. Each value is good by itself then;
 * rli_settings_check() says whether they fit together.
 */
int rli_settings_resolve(const rl_mutexattr_t *attr, struct rli_settings *out);
int rli_settings_check(const struct rli_settings *settings);

/* One setting of the same, into its field of *out. attr may be NULL. */
int rli_settings_resolve_one(const struct rli_mutexattr *attr,
	enum rli_setting which, struct rli_settings *out);

/* Is this value good for that attribute? EINVAL with a message if not. */
int rli_settings_good_number(enum rli_setting which, int64_t value);
int rli_settings_good_owner(const char *owner);
int rli_settings_good_retry(int64_t count, int64_t delay, int64_t jitter);

/* The field of a setting that is a number. */
int64_t rli_settings_number(
	const struct rli_settings *settings, enum rli_setting which);
void rli_settings_put_number(
	struct rli_settings *settings, enum rli_setting which, int64_t value);

#endif /* RLI_SYNC_SETTINGS_H */
