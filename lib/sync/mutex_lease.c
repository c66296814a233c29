#include <errno.h>

#include "base/clock.h"
#include "base/error.h"
#include "sync/mutex.h"

int rl_mutex_refresh(rl_mutex_t *mutex)
{
	struct rli_call call;
	int err = rli_call_begin(&call, mutex);

	if (!err)
		err = rli_renew(call.lock, call.self, &call.mutex->terms, -1);
	return rli_call_end(&call, err);
}

static int lease_of(const struct timespec *ts, int64_t *ms)
{
	int64_t ns;

	if (!ts || rli_from_timespec(ts, &ns))
		return rli_fail(EINVAL, "not a length of time");
	*ms = ns / RLI_MS;
	if (*ms < RLI_LEASE_MIN_MS || *ms > RLI_TIME_MAX)
		return rli_fail(EINVAL, "a lease of %lld ms: it must be from "
				"%d ms to 2^40 ms", (long long)*ms,
				RLI_LEASE_MIN_MS);
	return 0;
}

int rl_mutex_extend(rl_mutex_t *mutex, const struct timespec *lease)
{
	struct rli_call call;
	int64_t ms = 0;
	int err = rli_call_begin(&call, mutex);

	if (!err)
		err = lease_of(lease, &ms);
	if (!err)
		err = rli_renew(call.lock, call.self, &call.mutex->terms, ms);
	return rli_call_end(&call, err);
}

int rl_mutex_remaining(rl_mutex_t *mutex, struct timespec *left)
{
	struct rli_call call;
	int64_t ns;
	int err = rli_call_begin(&call, mutex);

	if (!err && !left)
		err = rli_fail(EINVAL, "nowhere to put the time left");
	if (!err)
		err = rli_remaining(call.lock, call.self, &ns);
	if (!err)
		rli_to_timespec(ns, left);
	return rli_call_end(&call, err);
}

int rl_mutex_fence(rl_mutex_t *mutex, uint64_t *fence)
{
	struct rli_call call;
	int err = rli_call_begin(&call, mutex);

	if (!err && !fence)
		err = rli_fail(EINVAL, "nowhere to put the fence");
	if (!err)
		err = rli_fence(call.lock, call.self, &call.mutex->terms,
				fence);
	return rli_call_end(&call, err);
}
