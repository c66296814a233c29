#include "common/kind.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <rl/rl.h>

static int say(const char *what, int err)
{
	fprintf(stderr, "rl: %s: %s\n", what, rl_last_error());
	return err;
}

static int set_attributes(rl_mutexattr_t *attr, const struct terms *t)
{
	int err = rl_mutexattr_setservers(attr, t->url);

	if (!err && t->process)
		err = rl_mutexattr_setgranularity(attr,
						  RL_GRANULARITY_PROCESS);
	if (!err && t->async)
		err = rl_mutexattr_setrelease(attr, RL_RELEASE_ASYNC);
	if (!err && t->delegated)
		err = rl_mutexattr_setdelegation(attr, RL_DELEGATION_ON);
	if (!err && t->slice_us)
		err = rl_mutexattr_setslice(attr, t->slice_us);
	return err;
}

static int rl_open(const struct terms *terms, void **lock)
{
	rl_mutex_t *m = calloc(1, sizeof(*m));
	rl_mutexattr_t attr;
	int err = m ? rl_mutexattr_init(&attr) : ENOMEM;

	if (err)
		return say("attributes", err);
	err = set_attributes(&attr, terms);
	if (!err)
		err = rl_mutex_init(m, terms->name, &attr);
	rl_mutexattr_destroy(&attr);
	if (err)
		return say("init", err);
	*lock = m;
	return 0;
}

static void rl_close(void *lock)
{
	rl_mutex_destroy(lock);
	free(lock);
}

static int rl_lock(void *lock)
{
	int err = rl_mutex_lock(lock);

	return err ? say("lock", err) : 0;
}

static int rl_unlock(void *lock)
{
	int err = rl_mutex_unlock(lock);

	return err ? say("unlock", err) : 0;
}

static int rl_fence(void *lock, uint64_t *fence)
{
	int err = rl_mutex_fence(lock, fence);

	return err ? say("fence", err) : 0;
}

const struct kind kind_rl = {
	.requests = " evalsha eval blpop ping auth select ",
	.open = rl_open,
	.lock = rl_lock,
	.unlock = rl_unlock,
	.fence = rl_fence,
	.close = rl_close,
};
