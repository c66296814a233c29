/* Locks by hiredis alone, as fast as its blocking calls are. */

#include "common/kind.h"
#include "common/recipe.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct bare {
	redisContext *c;
	struct recipe recipe;
	int pending; /* answers to releases that have not been read */
};

static int bare_open(const struct terms *terms, void **lock)
{
	struct bare *b = calloc(1, sizeof(*b));

	if (!b)
		return ENOMEM;
	*lock = b;
	b->c = terms->path ? redisConnectUnix(terms->path)
			   : redisConnect("127.0.0.1", terms->port);
	if (!b->c || b->c->err)
		return recipe_wrong(b->c, "connect");
	recipe_make(&b->recipe, terms->name);
	return recipe_load(&b->recipe, b->c);
}

static void bare_close(void *lock)
{
	struct bare *b = lock;

	if (b->c)
		redisFree(b->c);
	free(b);
}

static int set(struct bare *b)
{
	recipe_next(&b->recipe);
	return recipe_judge(b->c, redisCommandArgv(b->c, 6, b->recipe.set,
						   NULL));
}

static int bare_lock(void *lock)
{
	int err = set(lock);

	if (err == EBUSY)
		fprintf(stderr, "bare client: the lock is held\n");
	return err;
}

static int bare_unlock(void *lock)
{
	struct bare *b = lock;

	return recipe_judge(b->c, redisCommandArgv(b->c, 5, b->recipe.del,
						   NULL));
}

/* ------------------------------------------------------- not awaited */

static int write_all(struct bare *b)
{
	int done = 0;

	while (!done)
		if (redisBufferWrite(b->c, &done) != REDIS_OK)
			return recipe_wrong(b->c, "write");
	return 0;
}

static int read_one(struct bare *b)
{
	void *reply = NULL;

	if (redisGetReply(b->c, &reply) != REDIS_OK)
		return recipe_wrong(b->c, "read");
	return recipe_judge(b->c, reply);
}

static int async_lock(void *lock)
{
	struct bare *b = lock;
	int err = 0;

	recipe_next(&b->recipe);
	redisAppendCommandArgv(b->c, 6, b->recipe.set, NULL);
	for (; !err && b->pending; b->pending--)
		err = read_one(b);
	return err ? err : read_one(b);
}

static int async_unlock(void *lock)
{
	struct bare *b = lock;

	redisAppendCommandArgv(b->c, 5, b->recipe.del, NULL);
	b->pending++;
	return write_all(b);
}

/* ----------------------------------------------------------- polling */

static int poll_lock(void *lock)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	int err;

	while ((err = set(lock)) == EBUSY)
		nanosleep(&pause, NULL);
	return err;
}

const struct kind kind_bare = {
	.requests = RECIPE_REQUESTS,
	.open = bare_open,
	.lock = bare_lock,
	.unlock = bare_unlock,
	.close = bare_close,
};

const struct kind kind_bare_async = {
	.requests = RECIPE_REQUESTS,
	.open = bare_open,
	.lock = async_lock,
	.unlock = async_unlock,
	.close = bare_close,
};

const struct kind kind_bare_poll = {
	.requests = RECIPE_REQUESTS,
	.open = bare_open,
	.lock = poll_lock,
	.unlock = bare_unlock,
	.close = bare_close,
};
