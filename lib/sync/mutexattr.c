/*
 * Setters check and keep, getters resolve; both are one line each over the
 * few routines at the top, which differ only in the kind of value.
 *
 * Those routines are also where errno is put back: everything below them may
 * call the C library.
 */
#include "sync/mutexattr.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/servers.h"
#include "sync/mutex.h"

const struct rli_mutexattr *rli_mutexattr_of(const rl_mutexattr_t *attr)
{
	const struct rli_mutexattr *inside = (const void *)attr;

	if (inside && inside->magic == RLI_MUTEXATTR_MAGIC)
		return inside;
	rli_fail(EINVAL, "the attribute object is %s",
		inside ? "not initialised, or destroyed" : "null");
	return NULL;
}

static struct rli_mutexattr *inside_of(rl_mutexattr_t *attr)
{
	return rli_mutexattr_of(attr) ? (struct rli_mutexattr *)attr : NULL;
}

static int null_pointer(void)
{
	return rli_fail(EINVAL, "the pointer for the value is null");
}

static int set_number(rl_mutexattr_t *attr, enum rli_setting which,
	int64_t value)
{
	struct rli_mutexattr *inside = inside_of(attr);
	int err = inside ? rli_settings_good_number(which, value) : EINVAL;

	if (err)
		return err;
	rli_settings_put_number(&inside->value, which, value);
	inside->set |= 1u << which;
	return 0;
}

/* Resolve one setting of attr into *out, which needs no other field. */
static int resolve(const rl_mutexattr_t *attr, enum rli_setting which,
	struct rli_settings *out)
{
	const struct rli_mutexattr *inside = rli_mutexattr_of(attr);
	int saved = errno;
	int err = EINVAL;

	if (inside)
		err = rli_settings_resolve_one(inside, which, out);
	errno = saved;
	return err;
}

static int get_int(const rl_mutexattr_t *attr, enum rli_setting which,
	int *value)
{
	struct rli_settings found;
	int err = value ? resolve(attr, which, &found) : null_pointer();

	if (!err)
		*value = (int)rli_settings_number(&found, which);
	return err;
}

static int get_long(const rl_mutexattr_t *attr, enum rli_setting which,
	long *value)
{
	struct rli_settings found;
	int err = value ? resolve(attr, which, &found) : null_pointer();

	if (!err)
		*value = (long)rli_settings_number(&found, which);
	return err;
}

static const char **text_field(struct rli_settings *settings,
	enum rli_setting which)
{
	if (which == RLI_SERVERS)
		return &settings->servers;
	return which == RLI_PREFIX ? &settings->prefix : &settings->owner;
}

/* The servers may hold a password, so none of the texts is left in memory. */
static void forget_text(struct rli_mutexattr *inside, enum rli_setting which)
{
	const char **field = text_field(&inside->value, which);

	rli_free_secret((char *)*field);
	*field = NULL;
	inside->set &= ~(1u << which);
}

/* Keep a copy of text, or with NULL nothing, in place of the old one. */
static int replace_text(struct rli_mutexattr *inside, enum rli_setting which,
	const char *text)
{
	char *copy = text ? rli_strdup(text) : NULL;

	if (text && !copy)
		return rli_fail_nomem();
	forget_text(inside, which);
	if (!copy)
		return 0;
	*text_field(&inside->value, which) = copy;
	inside->set |= 1u << which;
	return 0;
}

static int good_servers(const char *text)
{
	struct rli_servers *servers;
	int err;

	if (!text)
		return rli_fail(EINVAL, "servers is null: expected a URL");
	/* The list of all servers has a guard, which a fork must know of. */
	err = rli_process_init();
	if (!err)
		err = rli_servers_get(text, &servers);
	if (!err)
		rli_servers_put(servers);
	return err;
}

static int good_text(enum rli_setting which, const char *text)
{
	if (which == RLI_SERVERS)
		return good_servers(text);
	if (which == RLI_OWNER && text)
		return rli_settings_good_owner(text);
	return 0;
}

static int set_text(rl_mutexattr_t *attr, enum rli_setting which,
	const char *text)
{
	struct rli_mutexattr *inside = inside_of(attr);
	int saved = errno;
	int err = inside ? good_text(which, text) : EINVAL;

	if (!err)
		err = replace_text(inside, which, text);
	errno = saved;
	return err;
}

static int get_text(const rl_mutexattr_t *attr, enum rli_setting which,
	const char **text)
{
	struct rli_settings found;
	int err = text ? resolve(attr, which, &found) : null_pointer();

	if (!err)
		*text = *text_field(&found, which);
	return err;
}

int rl_mutexattr_init(rl_mutexattr_t *attr)
{
	struct rli_mutexattr *inside = (struct rli_mutexattr *)attr;

	if (!attr)
		return rli_fail(EINVAL, "the attribute object is null");
	memset(attr, 0, sizeof(*attr));
	inside->magic = RLI_MUTEXATTR_MAGIC;
	return 0;
}

int rl_mutexattr_destroy(rl_mutexattr_t *attr)
{
	struct rli_mutexattr *inside = inside_of(attr);

	if (!inside)
		return EINVAL;
	forget_text(inside, RLI_SERVERS);
	forget_text(inside, RLI_PREFIX);
	forget_text(inside, RLI_OWNER);
	memset(attr, 0, sizeof(*attr));
	return 0;
}

int rl_mutexattr_setservers(rl_mutexattr_t *attr, const char *servers)
{
	return set_text(attr, RLI_SERVERS, servers);
}

int rl_mutexattr_getservers(const rl_mutexattr_t *attr, const char **servers)
{
	return get_text(attr, RLI_SERVERS, servers);
}

int rl_mutexattr_setprefix(rl_mutexattr_t *attr, const char *prefix)
{
	return set_text(attr, RLI_PREFIX, prefix);
}

int rl_mutexattr_getprefix(const rl_mutexattr_t *attr, const char **prefix)
{
	return get_text(attr, RLI_PREFIX, prefix);
}

int rl_mutexattr_setowner(rl_mutexattr_t *attr, const char *owner)
{
	return set_text(attr, RLI_OWNER, owner);
}

int rl_mutexattr_getowner(const rl_mutexattr_t *attr, const char **owner)
{
	return get_text(attr, RLI_OWNER, owner);
}

int rl_mutexattr_settype(rl_mutexattr_t *attr, int type)
{
	return set_number(attr, RLI_TYPE, type);
}

int rl_mutexattr_gettype(const rl_mutexattr_t *attr, int *type)
{
	return get_int(attr, RLI_TYPE, type);
}

int rl_mutexattr_setgranularity(rl_mutexattr_t *attr, int granularity)
{
	return set_number(attr, RLI_GRANULARITY, granularity);
}

int rl_mutexattr_getgranularity(const rl_mutexattr_t *attr, int *granularity)
{
	return get_int(attr, RLI_GRANULARITY, granularity);
}

int rl_mutexattr_setrobust(rl_mutexattr_t *attr, int robust)
{
	return set_number(attr, RLI_ROBUST, robust);
}

int rl_mutexattr_getrobust(const rl_mutexattr_t *attr, int *robust)
{
	return get_int(attr, RLI_ROBUST, robust);
}

int rl_mutexattr_setrefresh(rl_mutexattr_t *attr, int refresh)
{
	return set_number(attr, RLI_REFRESH, refresh);
}

int rl_mutexattr_getrefresh(const rl_mutexattr_t *attr, int *refresh)
{
	return get_int(attr, RLI_REFRESH, refresh);
}

int rl_mutexattr_setrelease(rl_mutexattr_t *attr, int release)
{
	return set_number(attr, RLI_RELEASE, release);
}

int rl_mutexattr_getrelease(const rl_mutexattr_t *attr, int *release)
{
	return get_int(attr, RLI_RELEASE, release);
}

int rl_mutexattr_setdelegation(rl_mutexattr_t *attr, int delegation)
{
	return set_number(attr, RLI_DELEGATION, delegation);
}

int rl_mutexattr_getdelegation(const rl_mutexattr_t *attr, int *delegation)
{
	return get_int(attr, RLI_DELEGATION, delegation);
}

int rl_mutexattr_setlease(rl_mutexattr_t *attr, long lease_ms)
{
	return set_number(attr, RLI_LEASE, lease_ms);
}

int rl_mutexattr_getlease(const rl_mutexattr_t *attr, long *lease_ms)
{
	return get_long(attr, RLI_LEASE, lease_ms);
}

int rl_mutexattr_setmaxhold(rl_mutexattr_t *attr, long maxhold_ms)
{
	return set_number(attr, RLI_MAXHOLD, maxhold_ms);
}

int rl_mutexattr_getmaxhold(const rl_mutexattr_t *attr, long *maxhold_ms)
{
	return get_long(attr, RLI_MAXHOLD, maxhold_ms);
}

int rl_mutexattr_setrefreshinterval(rl_mutexattr_t *attr, long interval_ms)
{
	return set_number(attr, RLI_REFRESHINTERVAL, interval_ms);
}

int rl_mutexattr_getrefreshinterval(const rl_mutexattr_t *attr,
	long *interval_ms)
{
	return get_long(attr, RLI_REFRESHINTERVAL, interval_ms);
}

int rl_mutexattr_settimeout(rl_mutexattr_t *attr, long timeout_ms)
{
	return set_number(attr, RLI_TIMEOUT, timeout_ms);
}

int rl_mutexattr_gettimeout(const rl_mutexattr_t *attr, long *timeout_ms)
{
	return get_long(attr, RLI_TIMEOUT, timeout_ms);
}

int rl_mutexattr_setslice(rl_mutexattr_t *attr, long slice_us)
{
	return set_number(attr, RLI_SLICE, slice_us);
}

int rl_mutexattr_getslice(const rl_mutexattr_t *attr, long *slice_us)
{
	return get_long(attr, RLI_SLICE, slice_us);
}

int rl_mutexattr_setretry(rl_mutexattr_t *attr, int count, long delay_ms,
	long jitter_ms)
{
	struct rli_mutexattr *inside = inside_of(attr);
	int err = EINVAL;

	if (inside)
		err = rli_settings_good_retry(count, delay_ms, jitter_ms);
	if (err)
		return err;
	inside->value.retry_count = count;
	inside->value.retry_delay_ms = delay_ms;
	inside->value.retry_jitter_ms = jitter_ms;
	inside->set |= 1u << RLI_RETRY;
	return 0;
}

int rl_mutexattr_getretry(const rl_mutexattr_t *attr, int *count,
	long *delay_ms, long *jitter_ms)
{
	struct rli_settings found;
	int err = resolve(attr, RLI_RETRY, &found);

	if (err)
		return err;
	if (count)
		*count = found.retry_count;
	if (delay_ms)
		*delay_ms = (long)found.retry_delay_ms;
	if (jitter_ms)
		*jitter_ms = (long)found.retry_jitter_ms;
	return 0;
}

int rl_mutexattr_setonlost(rl_mutexattr_t *attr, rl_onlost_fn *fn, void *arg)
{
	struct rli_mutexattr *inside = inside_of(attr);

	if (!inside)
		return EINVAL;
	inside->value.onlost = fn;
	inside->value.onlost_arg = arg;
	inside->set |= 1u << RLI_ONLOST;
	return 0;
}

int rl_mutexattr_getonlost(const rl_mutexattr_t *attr, rl_onlost_fn **fn,
	void **arg)
{
	struct rli_settings found;
	int err = resolve(attr, RLI_ONLOST, &found);

	if (err)
		return err;
	if (fn)
		*fn = found.onlost;
	if (arg)
		*arg = found.onlost_arg;
	return 0;
}
