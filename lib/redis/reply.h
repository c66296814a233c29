/*
 * redis/reply.h - what a server said, and what it means.
 *
 * hiredis parses; its replies are built here into one flat record per
 * connection, so that reading an answer allocates nothing. That is enough for
 * every answer that rl's scripts give: a status, an error, or a few numbers
 * and one text. An answer with many texts (SCAN) gives them to a sink.
 */
#ifndef RLI_REDIS_REPLY_H
#define RLI_REDIS_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hiredis/read.h>

#define RLI_REPLY_NUMBERS 5
#define RLI_REPLY_TEXT 3072

/* Who gets each text of an answer as it is read, however many there are. */
struct rli_sink {
	void (*take)(void *arg, const char *text, size_t len);
	void *arg;
};

struct rli_reply {
	int type;		/* REDIS_REPLY_…, of the whole */
	int items;		/* of the outermost array */
	int numbers;		/* how many numbers came, in order */
	int64_t number[RLI_REPLY_NUMBERS];
	size_t text_len;	/* of the last text, before it was cut to fit */
	char text[RLI_REPLY_TEXT];	/* ends in 0 */
	const struct rli_sink *sink;	/* of the request that it answers, or
					   NULL */
};

/* A parser that builds into reply. NULL if out of memory. */
redisReader *rli_reader_new(struct rli_reply *reply);

bool rli_reply_is(const struct rli_reply *reply, const char *error_code);

/*
 * The errno of an error reply, with a message that names the server: EACCES
 * for a refused password, user or command; ENOLCK for a server that cannot
 * serve now (loading, read-only, out of memory, …); EPROTO for the rest.
 */
int rli_reply_error(const char *server, const struct rli_reply *reply);

/* EPROTO: an answer that is no error, and not what was asked for either. */
int rli_reply_nonsense(const char *server, const char *command,
		       const struct rli_reply *reply);

#endif /* RLI_REDIS_REPLY_H */
