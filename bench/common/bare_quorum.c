/*
 * The recipe on several servers by hiredis: sent to all at once, over when a
 * majority has answered, or all. What the others answer is read when it has
 * come, at the next command at the latest when that needs them.
 */

#include "common/kind.h"
#include "common/recipe.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NODES_MAX 15

struct node {
	redisContext *c;
	int owed; /* answers that have not been read */
};

struct bare_quorum {
	struct recipe recipe;
	struct node node[NODES_MAX]; /* those that can be reached */
	struct pollfd fds[NODES_MAX];
	int alive, majority;
	int awaited; /* answers to each command */
};

/* ------------------------------------------------------------- connecting */

static bool answers(redisContext *c)
{
	const struct timeval soon = { .tv_usec = 300000 };
	const struct timeval whenever = { 0 };
	redisReply *reply;

	redisSetTimeout(c, soon);
	reply = redisCommand(c, "PING");
	redisSetTimeout(c, whenever);
	if (reply)
		freeReplyObject(reply);
	return reply;
}

/* A server that is down, or hangs, is left alone. */
static int connect_one(struct bare_quorum *q, const char *path)
{
	redisContext *c = redisConnectUnix(path);

	if (!c)
		return ENOMEM;
	if (c->err || !answers(c)) {
		redisFree(c);
		return 0;
	}
	q->node[q->alive].c = c;
	q->fds[q->alive++] = (struct pollfd){ .fd = c->fd, .events = POLLIN };
	return recipe_load(&q->recipe, c);
}

static int connect_all(struct bare_quorum *q, const char *urls)
{
	char path[128];
	int n = 0, used, err = 0;

	while (!err && n < NODES_MAX &&
	       sscanf(urls, " unix://%127s%n", path, &used) == 1) {
		err = connect_one(q, path);
		urls += used;
		n++;
	}
	q->majority = n / 2 + 1;
	if (!err && q->alive < q->majority) {
		fprintf(stderr, "bare client: no majority in %s\n", urls);
		err = EIO;
	}
	return err;
}

static int quorum_open(const struct terms *terms, void **lock)
{
	struct bare_quorum *q = calloc(1, sizeof(*q));
	int err;

	if (!q)
		return ENOMEM;
	*lock = q;
	recipe_make(&q->recipe, terms->name);
	err = connect_all(q, terms->url);
	q->awaited = q->majority;
	return err;
}

static int quorum_open_all(const struct terms *terms, void **lock)
{
	int err = quorum_open(terms, lock);
	struct bare_quorum *q;

	if (!err) {
		q = *lock;
		q->awaited = q->alive;
	}
	return err;
}

static void quorum_close(void *lock)
{
	struct bare_quorum *q = lock;
	int i;

	for (i = 0; i < q->alive; i++)
		redisFree(q->node[i].c);
	free(q);
}

/* ----------------------------------------------------------------- asking */

static int send_to(struct node *node, int argc, const char **argv)
{
	int done = 0;

	redisAppendCommandArgv(node->c, argc, argv, NULL);
	node->owed++;
	while (!done)
		if (redisBufferWrite(node->c, &done) != REDIS_OK)
			return recipe_wrong(node->c, "write");
	return 0;
}

/* Reads what has come. Answers are in order, so it is the one to the last
 * command if none is owed then. */
static int hear(struct node *node)
{
	void *reply = NULL;
	int err = 0;

	if (redisBufferRead(node->c) != REDIS_OK)
		return recipe_wrong(node->c, "read");
	while (!err) {
		if (redisReaderGetReply(node->c->reader, &reply) != REDIS_OK)
			return recipe_wrong(node->c, "an answer");
		if (!reply)
			break;
		err = recipe_judge(node->c, reply);
		node->owed--;
	}
	return err;
}

static int hear_all(struct bare_quorum *q, int *answered)
{
	int i, err = 0;

	if (poll(q->fds, (nfds_t)q->alive, -1) < 0)
		return errno == EINTR ? 0 : errno;
	for (i = 0; i < q->alive && !err; i++) {
		if (!q->fds[i].revents)
			continue;
		err = hear(&q->node[i]);
		*answered += !q->node[i].owed;
	}
	return err;
}

static int ask(struct bare_quorum *q, int argc, const char **argv)
{
	int i, answered = 0, err = 0;

	for (i = 0; i < q->alive && !err; i++)
		err = send_to(&q->node[i], argc, argv);
	while (!err && answered < q->awaited)
		err = hear_all(q, &answered);
	if (err == EBUSY)
		fprintf(stderr, "bare client: the lock is held\n");
	return err;
}

static int quorum_lock(void *lock)
{
	struct bare_quorum *q = lock;

	recipe_next(&q->recipe);
	return ask(q, 6, q->recipe.set);
}

static int quorum_unlock(void *lock)
{
	struct bare_quorum *q = lock;

	return ask(q, 5, q->recipe.del);
}

const struct kind kind_bare_quorum = {
	.requests = RECIPE_REQUESTS,
	.open = quorum_open,
	.lock = quorum_lock,
	.unlock = quorum_unlock,
	.close = quorum_close,
};

const struct kind kind_bare_quorum_all = {
	.requests = RECIPE_REQUESTS,
	.open = quorum_open_all,
	.lock = quorum_lock,
	.unlock = quorum_unlock,
	.close = quorum_close,
};
