/*
 * tools/ask.h - one command to one server, and its whole answer as text.
 */
#ifndef RLOCK_ASK_H
#define RLOCK_ASK_H

#include <stddef.h>

#include "redis/conns.h"

#define ASK_WORDS 4

/* An answer, and when it came. */
struct answer {
	char *text;	/* every text of the answer, one in a line; free it */
	size_t len;
	int err;	/* 0, or why there is none: rl_last_error() */
	int64_t sent;	/* moments of rli_now() */
	int64_t heard;
};

/*
 * Sends the words (NULL behind the last) to a server and waits for the answer.
 * An error that the server answers is one of ours (EACCES, EPROTO, …) as well.
 * answer->text is never NULL if this gives 0; free it then.
 */
int ask(struct rli_conns *conns, struct rli_node *node,
	const char *const words[], struct answer *answer);

#endif
