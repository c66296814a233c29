/* Locks by hiredis alone, as fast as its blocking calls are. */

#include "common/kind.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char script[] =
	"if redis.call('GET',KEYS[1])==ARGV[1] then "
	"return redis.call('DEL',KEYS[1]) else return 0 end";

struct bare {
	redisContext *c;
	char key[80];
	char sha[41];
	char token[48];
	unsigned long turn;
	int pending; /* answers to releases that have not been read */
	/* Commands, complete but for the token. */
	const char *set[6], *del[5];
};

static int wrong(struct bare *b, const char *what)
{
	fprintf(stderr, "bare client: %s: %s\n", what, b->c->errstr);
	return EIO;
}

static int load(struct bare *b)
{
	redisReply *r = redisCommand(b->c, "SCRIPT LOAD %s", script);

	if (!r || r->type != REDIS_REPLY_STRING || r->len != 40)
		return wrong(b, "SCRIPT LOAD");
	memcpy(b->sha, r->str, 41);
	freeReplyObject(r);
	return 0;
}

static int bare_open(const struct terms *terms, void **lock)
{
	static int serial;
	struct bare *b = calloc(1, sizeof(*b));

	if (!b)
		return ENOMEM;
	*lock = b;
	b->c = terms->path ? redisConnectUnix(terms->path)
			   : redisConnect("127.0.0.1", terms->port);
	if (!b->c || b->c->err)
		return wrong(b, "connect");
	snprintf(b->key, sizeof(b->key), "bare:%s", terms->name);
	snprintf(b->token, sizeof(b->token), "%d/%d#", (int)getpid(),
		 __atomic_add_fetch(&serial, 1, __ATOMIC_RELAXED));
	memcpy(b->set, (const char *[]){ "SET", b->key, b->token, "NX", "PX",
					 "10000" }, sizeof(b->set));
	memcpy(b->del, (const char *[]){ "EVALSHA", b->sha, "1", b->key,
					 b->token }, sizeof(b->del));
	return load(b);
}

static void bare_close(void *lock)
{
	struct bare *b = lock;

	if (b->c)
		redisFree(b->c);
	free(b);
}

/* Each hold has a token of its own, as the recipe wants it. */
static void next_token(struct bare *b)
{
	char *number = strchr(b->token, '#') + 1;

	snprintf(number, 17, "%016lx", ++b->turn);
}

/* 0: the answer is OK or 1; EBUSY: it is nil or 0. */
static int judge(struct bare *b, redisReply *r)
{
	int err;

	if (!r)
		return wrong(b, "no answer");
	if (r->type == REDIS_REPLY_ERROR)
		fprintf(stderr, "bare client: %s\n", r->str);
	if (r->type == REDIS_REPLY_STATUS)
		err = 0;
	else if (r->type == REDIS_REPLY_INTEGER)
		err = r->integer == 1 ? 0 : EBUSY;
	else
		err = r->type == REDIS_REPLY_NIL ? EBUSY : EIO;
	freeReplyObject(r);
	return err;
}

static int set(struct bare *b)
{
	next_token(b);
	return judge(b, redisCommandArgv(b->c, 6, b->set, NULL));
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

	return judge(b, redisCommandArgv(b->c, 5, b->del, NULL));
}

/* ------------------------------------------------------- not awaited */

static int write_all(struct bare *b)
{
	int done = 0;

	while (!done)
		if (redisBufferWrite(b->c, &done) != REDIS_OK)
			return wrong(b, "write");
	return 0;
}

static int read_one(struct bare *b)
{
	void *reply = NULL;

	if (redisGetReply(b->c, &reply) != REDIS_OK)
		return wrong(b, "read");
	return judge(b, reply);
}

static int async_lock(void *lock)
{
	struct bare *b = lock;
	int err = 0;

	next_token(b);
	redisAppendCommandArgv(b->c, 6, b->set, NULL);
	for (; !err && b->pending; b->pending--)
		err = read_one(b);
	return err ? err : read_one(b);
}

static int async_unlock(void *lock)
{
	struct bare *b = lock;

	redisAppendCommandArgv(b->c, 5, b->del, NULL);
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

#define REQUESTS " set evalsha "

const struct kind kind_bare = {
	.requests = REQUESTS,
	.open = bare_open,
	.lock = bare_lock,
	.unlock = bare_unlock,
	.close = bare_close,
};

const struct kind kind_bare_async = {
	.requests = REQUESTS,
	.open = bare_open,
	.lock = async_lock,
	.unlock = async_unlock,
	.close = bare_close,
};

const struct kind kind_bare_poll = {
	.requests = REQUESTS,
	.open = bare_open,
	.lock = poll_lock,
	.unlock = bare_unlock,
	.close = bare_close,
};
