#include <errno.h>

#include "base/error.h"
#include "sync/mutex.h"

int rl_mutex_held(rl_mutex_t *mutex)
{
	struct rli_call call;
	int err = rli_call_begin(&call, mutex);

	if (!err)
		err = rli_held(call.lock, call.self, &call.mutex->terms);
	return rli_call_end(&call, err);
}

int rl_mutex_locked(rl_mutex_t *mutex)
{
	struct rli_call call;
	int err = rli_call_begin(&call, mutex);

	if (!err)
		err = rli_locked(call.lock, call.self, &call.mutex->terms);
	return rli_call_end(&call, err);
}

int rl_mutex_owner(rl_mutex_t *mutex, char *buf, size_t size)
{
	struct rli_call call;
	int err = rli_call_begin(&call, mutex);

	if (!err && !buf)
		err = rli_fail(EINVAL, "nowhere to put the owner's id");
	if (!err)
		err = rli_owner(call.lock, call.self, &call.mutex->terms, buf,
				size);
	return rli_call_end(&call, err);
}

int rl_mutex_reset(rl_mutex_t *mutex)
{
	struct rli_call call;
	int err = rli_call_begin(&call, mutex);

	if (!err)
		err = rli_reset(call.lock, call.self, &call.mutex->terms);
	return rli_call_end(&call, err);
}

static int reset_all(struct rli_thread *self, const rl_mutexattr_t *attr,
		     size_t *n)
{
	struct rli_settings settings;
	struct rli_servers *servers;
	int err = rli_settings_resolve(attr, &settings);

	if (err)
		return err;
	err = rli_servers_get(settings.servers, &servers);
	if (err)
		return err;
	err = rli_reset_all(self, servers, settings.prefix, n);
	rli_servers_put(servers);
	return err;
}

int rl_reset_all(const rl_mutexattr_t *attr, size_t *n)
{
	size_t ignored = 0;
	struct rli_call call;
	int err = rli_call_begin_bare(&call);

	if (!err)
		err = reset_all(call.self, attr, n ? n : &ignored);
	return rli_call_end(&call, err);
}
