#include "lock/turn.h"
#include "sync/mutex.h"

int rl_mutex_unlock(rl_mutex_t *mutex)
{
	struct rli_call call;
	int err;

	if (rli_call_is_short(&call, mutex) &&
	    call.mutex->terms.kind != RLI_OWNER_THREAD &&
	    rli_rest_begin(call.lock, call.self))
		return 0;
	err = rli_call_begin(&call, mutex);
	if (!err)
		err = rli_release(call.lock, call.self, &call.mutex->terms);
	return rli_call_end(&call, err);
}

int rl_mutex_consistent(rl_mutex_t *mutex)
{
	struct rli_call call;
	int err = rli_call_begin(&call, mutex);

	if (!err)
		err = rli_mend(call.lock, call.self, &call.mutex->terms);
	return rli_call_end(&call, err);
}
