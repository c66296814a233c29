#include "support/proxy_flow.h"
#include "support/wait.h"

#include <stdlib.h>
#include <string.h>

void flow_add(struct flow *f, const char *data, size_t n, int delay_ms)
{
	struct chunk *c = malloc(sizeof(*c) + n);

	TEST_MUST(c);
	c->next = NULL;
	c->due_ns = wait_now_ns() + delay_ms * INT64_C(1000000);
	c->len = n;
	c->sent = 0;
	memcpy(c->data, data, n);
	if (f->first)
		f->last->next = c;
	else
		f->first = c;
	f->last = c;
}

void flow_drop_first(struct flow *f)
{
	struct chunk *c = f->first;

	f->first = c->next;
	free(c);
}

void flow_clear(struct flow *f)
{
	while (f->first)
		flow_drop_first(f);
}

bool flow_may_go(const struct flow *f)
{
	return f->first && !f->hold && f->first->due_ns <= wait_now_ns();
}
