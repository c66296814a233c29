#ifndef TESTS_SUPPORT_PROXY_FLOW_H
#define TESTS_SUPPORT_PROXY_FLOW_H

/* What is on its way through the proxy in one direction of one link. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chunk {
	struct chunk *next;
	int64_t due_ns; /* it may go on from then */
	size_t len, sent;
	char data[];
};

struct flow {
	struct chunk *first, *last;
	bool hold;  /* nothing goes on */
	bool drop;  /* what comes is lost */
	bool eof;   /* the sender has ended; tell it after the queue */
	bool ended; /* nothing more may be written to the receiver */
};

void flow_add(struct flow *f, const char *data, size_t n, int delay_ms);
void flow_drop_first(struct flow *f);
void flow_clear(struct flow *f);

/* Whether the first chunk may go on now. */
bool flow_may_go(const struct flow *f);

#endif
