/*
 * How long a round waits for nodes that do not answer, and before it asks those
 * that it had left alone.
 */
#include "redis/round.h"

#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/error.h"
#include "redis/quorum.h"
#include "redis/spare.h"

/* How long a round waits for a node, as a part of the lease; and at least. */
#define PATIENCE_PART 10
#define PATIENCE_LEAST_MS 20
/* Who does not answer for so long is left alone. */
#define SLOW (20 * RLI_MS)
/* After that long without an outcome, nodes that were spared are asked. */
#define HEDGE (10 * RLI_MS)

/* How long this round waits for nodes before it makes do with the others. */
static int64_t patience_ms(const struct rli_round *r, int64_t command_timeout)
{
	int64_t ms = r->lease_ms / PATIENCE_PART;

	if (ms < PATIENCE_LEAST_MS)
		ms = PATIENCE_LEAST_MS;
	return r->lease_ms && ms < command_timeout ? ms : command_timeout;
}

void rli_round_set_due(struct rli_round *r, int64_t now)
{
	int64_t ms = 0, connect = 0;
	int i, ready = 0;

	for (i = 0; i < r->n; i++) {
		const struct rli_session *s = r->vote[i].session;
		const struct rli_url *url = &s->node->url;
		int64_t p = patience_ms(r, url->command_timeout_ms);

		ready += s->state == RLI_READY;
		if (p > ms)
			ms = p;
		if (url->connect_timeout_ms > connect)
			connect = url->connect_timeout_ms;
	}
	r->due = rli_after(now, rli_ms(ready < r->majority ? ms + connect
							   : ms));
	if (r->op && r->op->patience < r->due)
		r->due = r->op->patience;
	r->time_up = r->due;
}

/* Those that are asked may be too few, if one of them hangs: then the others
 * are asked as well, before time is up. */
void rli_round_hedge(struct rli_round *r)
{
	int64_t most = HEDGE, soon;

	if (r->thrifty)
		most = rli_thrifty_patience(r->place.notes);
	if (most > HEDGE)
		most = HEDGE;
	soon = rli_after(rli_now(), most);
	if (soon < r->due)
		r->due = soon;
}

int64_t rli_rounds_due(const struct rli_conns *c)
{
	const struct rli_round *r;
	int64_t due = RLI_FOREVER;

	for (r = c->rounds; r; r = r->next)
		if (r->due < due)
			due = r->due;
	return due;
}

void rli_round_hurry(struct rli_round *r, int64_t most)
{
	int64_t due = rli_after(rli_now(), most);

	if (due < r->time_up)
		r->time_up = due;
	if (due < r->due)
		r->due = due;
}

static void out_of_time(struct rli_round *r, int64_t now)
{
	int i;

	for (i = 0; i < r->n; i++) {
		struct rli_vote *v = &r->vote[i];

		if (v->state != RLI_ASKED)
			continue;
		rli_fail(ENOLCK, "%s: no answer in time",
			 v->session->node->url.label);
		snprintf(v->why, sizeof(v->why), "%s", rli_error_message());
		v->err = ENOLCK;
		/* A caller's time may be shorter than a node's. */
		if (now - v->request.since >= SLOW)
			rli_spare_failed(v->session->node);
	}
	r->out_of_time = true;
	r->due = RLI_FOREVER;
	r->visits++;
	rli_quorum_heard(r, NULL);
	r->visits--;
	rli_round_let_go(r);
}

void rli_rounds_check(struct rli_conns *c)
{
	struct rli_round *r = c->rounds, *next;
	int64_t now = r ? rli_now() : 0;

	for (; r; r = next) {
		next = r->next;
		if (r->due > now)
			continue;
		/* Who was spared may have been asked already. */
		if (r->due < r->time_up &&
		    (rli_round_ask_rest(r) || rli_quorum_pending(r)))
			r->due = r->time_up;
		else
			out_of_time(r, now);
	}
}
