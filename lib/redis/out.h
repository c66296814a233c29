/*
 * redis/out.h - commands on their way to a server.
 *
 * hiredis formats a command into fresh memory each time. A lock is taken
 * thousands of times a second, so ours go into one buffer per connection,
 * which grows to what is needed and then stays.
 */
#ifndef RLI_REDIS_OUT_H
#define RLI_REDIS_OUT_H

#include <stddef.h>
#include <stdint.h>

struct rli_out {
	char *buf;
	size_t cap;
	size_t len;	/* bytes written */
	size_t sent;	/* of which sent; when all are, both are 0 again */
};

struct rli_arg {
	const char *p;
	size_t len;
};

#define RLI_ARG(text) ((struct rli_arg){ (text), sizeof(text) - 1 })

/* Room for that many bytes more, so that a command cannot fail. ENOMEM. */
int rli_out_reserve(struct rli_out *out, size_t more);

/* One command of n arguments behind what is there; n 0: *arg is a whole one
 * already. ENOMEM: nothing added. */
int rli_out_command(struct rli_out *out, const struct rli_arg *arg, int n);

void rli_out_clear(struct rli_out *out);
void rli_out_free(struct rli_out *out);

/* A number as text in buf, which has room for 21; gives its length. */
size_t rli_decimal(char *buf, int64_t value);

#endif /* RLI_REDIS_OUT_H */
