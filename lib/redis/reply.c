#include "redis/reply.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <string.h>

#include "base/error.h"

/* hiredis 1.0 made the number of an array's elements a size_t. */
#if HIREDIS_MAJOR >= 1
typedef size_t rli_elements;
#else
typedef int rli_elements;
#endif

static struct rli_reply *begin(const redisReadTask *task)
{
	struct rli_reply *reply = task->privdata;

	if (!task->parent) {
		reply->type = task->type;
		reply->items = 0;
		reply->numbers = 0;
		reply->text_len = 0;
		reply->text[0] = '\0';
	}
	return reply;
}

static void *on_text(const redisReadTask *task, char *text, size_t len)
{
	struct rli_reply *reply = begin(task);
	size_t fits = len < RLI_REPLY_TEXT ? len : RLI_REPLY_TEXT - 1;

	memcpy(reply->text, text, fits);
	reply->text[fits] = '\0';
	reply->text_len = len;
	if (reply->sink && task->type == REDIS_REPLY_STRING)
		reply->sink->take(reply->sink->arg, text, len);
	return reply;
}

static void *on_array(const redisReadTask *task, rli_elements n)
{
	struct rli_reply *reply = begin(task);

	if (!task->parent)
		reply->items = n > 1000 ? 1000 : (int)n;
	return reply;
}

static void *on_number(const redisReadTask *task, long long value)
{
	struct rli_reply *reply = begin(task);

	if (reply->numbers < RLI_REPLY_NUMBERS)
		reply->number[reply->numbers++] = value;
	return reply;
}

/* A null array is nil as well, whatever its task says. */
static void *on_nil(const redisReadTask *task)
{
	struct rli_reply *reply = begin(task);

	if (!task->parent)
		reply->type = REDIS_REPLY_NIL;
	return reply;
}

#if HIREDIS_MAJOR >= 1
static void *on_bool(const redisReadTask *task, int value)
{
	return on_number(task, value);
}

static void *on_double(const redisReadTask *task, double value, char *text,
		       size_t len)
{
	(void)value;
	return on_text(task, text, len);
}
#endif

/* The record is the connection's; there is nothing to free. */
static void on_free(void *reply)
{
	(void)reply;
}

static redisReplyObjectFunctions functions = {
	.createString = on_text,
	.createArray = on_array,
	.createInteger = on_number,
	.createNil = on_nil,
#if HIREDIS_MAJOR >= 1
	.createBool = on_bool,
	.createDouble = on_double,
#endif
	.freeObject = on_free,
};

/*
 * A parser's buffer grows until it has been filled once: it throws away what it
 * has read only when that is more than 1024 bytes. A long answer makes it grow
 * now, so that no later one does.
 */
static bool read_long_answer(redisReader *reader)
{
	char text[2048];
	void *reply;

	memset(text, '+', sizeof(text));
	memcpy(text + sizeof(text) - 2, "\r\n", 2);
	return redisReaderFeed(reader, text, sizeof(text)) == REDIS_OK &&
	       redisReaderGetReply(reader, &reply) == REDIS_OK;
}

redisReader *rli_reader_new(struct rli_reply *reply)
{
	redisReader *reader = redisReaderCreateWithFunctions(&functions);

	if (!reader)
		return NULL;
	reader->privdata = reply;
	if (read_long_answer(reader))
		return reader;
	redisReaderFree(reader);
	return NULL;
}

bool rli_reply_is(const struct rli_reply *reply, const char *error_code)
{
	size_t len = strlen(error_code);

	return reply->type == REDIS_REPLY_ERROR &&
	       strncmp(reply->text, error_code, len) == 0 &&
	       (reply->text[len] == ' ' || reply->text[len] == '\0');
}

/* The first word of what a server says when it refuses. */
static const struct {
	const char *code;
	int err;
} codes[] = {
	{ "NOAUTH", EACCES },	{ "WRONGPASS", EACCES },
	{ "NOPERM", EACCES },	{ "DENIED", EACCES },
	{ "LOADING", ENOLCK },	{ "BUSY", ENOLCK },
	{ "READONLY", ENOLCK },	{ "MASTERDOWN", ENOLCK },
	{ "OOM", ENOLCK },	{ "MISCONF", ENOLCK },
	{ "NOREPLICAS", ENOLCK }, { "TRYAGAIN", ENOLCK },
	{ "CLUSTERDOWN", ENOLCK }, { "MOVED", ENOLCK },
	{ "ASK", ENOLCK },	{ "UNBLOCKED", ENOLCK },
	{ "NOSCRIPT", ENOLCK },
};

/* What servers say without a code of its own. */
static const struct {
	const char *text;
	int err;
} phrases[] = {
	{ "ERR invalid password", EACCES },
	{ "ERR AUTH ", EACCES },
	{ "ERR Client sent AUTH", EACCES },
	{ "ERR max number of clients", ENOLCK },
	{ "ERR operation not permitted", EACCES },
	/* Before AUTH: a command of more than ten arguments. */
	{ "ERR Protocol error: unauthenticated", EACCES },
	{ "The user executing the script can't", EACCES },
	{ "ERR ACL failure in script", EACCES },
	/* Taken away by rename-command. */
	{ "ERR unknown command", EACCES },
};

/* An error inside a script may come wrapped: "ERR Error running …: -OOM". */
static const char *code_inside(const char *text)
{
	const char *code = strstr(text, ": -");
	const char *refusal = strstr(text, "The user executing the script");

	if (code)
		return code + 3;
	return refusal ? refusal : text;
}

static int meaning(const char *text)
{
	size_t i;

	for (i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++)
		if (!strncmp(text, phrases[i].text, strlen(phrases[i].text)))
			return phrases[i].err;
	for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		size_t len = strlen(codes[i].code);

		if (!strncmp(text, codes[i].code, len) &&
		    strchr(" :\r", text[len]))
			return codes[i].err;
	}
	return EPROTO;
}

int rli_reply_error(const char *server, const struct rli_reply *reply)
{
	int err = meaning(reply->text);

	if (err == EPROTO)
		err = meaning(code_inside(reply->text));
	return rli_fail(err, "%s: the server said: %s", server, reply->text);
}

int rli_reply_nonsense(const char *server, const char *command,
		       const struct rli_reply *reply)
{
	return rli_fail(EPROTO,
			"%s: %s: unexpected answer (type %d, %d items, '%s')",
			server, command, reply->type, reply->items,
			reply->text);
}
