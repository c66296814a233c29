/*
 * The memory of rounds: what is used once is used again, so that a thread which
 * is warm allocates nothing.
 */
#include "redis/round.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/place.h"

static struct rli_round *take_spare(struct rli_conns *c, size_t size)
{
	struct rli_round **link = &c->spare_rounds, *r;

	while ((r = *link) && r->cap < size)
		link = &r->next;
	if (r)
		*link = r->next;
	return r;
}

static struct rli_round *take(struct rli_conns *c, size_t size)
{
	struct rli_round *r = take_spare(c, size);

	if (!r) {
		/* With room for other locks, too. */
		size += size / 2;
		r = rli_malloc(sizeof(*r) + size);
		if (!r)
			return NULL;
		r->cap = size;
	}
	/* The votes are cleared one by one, and cap is behind them. */
	memset(r, 0, offsetof(struct rli_round, vote));
	return r;
}

/* What a node may answer with: only some questions have a text for answer. */
static size_t text_room(const struct rli_op *op, enum rli_verb verb)
{
	size_t most = RLI_REPLY_TEXT;

	if (verb != RLI_Q_INSPECT && verb != RLI_Q_ASK &&
	    !(verb == RLI_Q_ACQUIRE && op->flags & RLI_DO_SHARE))
		return 0;
	return op->text_size && op->text_size < most ? op->text_size : most;
}

static struct rli_round *make(struct rli_conns *c, struct rli_servers *servers,
			      const struct rli_place *place, const char *value,
			      size_t value_len, size_t text_size)
{
	size_t size = value_len + 1 + rli_place_room(place) +
		      text_size * (size_t)servers->n;
	struct rli_round *r = take(c, size);
	char *to;
	int i;

	if (!r)
		return NULL;
	/* It may have been that one. */
	c->same_of = NULL;
	r->conns = c;
	r->servers = servers;
	rli_servers_hold(servers);
	r->n = servers->n;
	r->majority = servers->n / 2 + 1;
	r->due = RLI_FOREVER;
	to = r->bytes;
	rli_place_copy(&r->place, place, &to);
	rli_notes_hold(r->place.notes);
	r->value_len = value_len;
	r->value = rli_text_copy(value, value_len, &to);
	r->text_size = text_size;
	for (i = 0; i < r->n; i++, to += text_size) {
		memset(&r->vote[i], 0, offsetof(struct rli_vote, why));
		r->vote[i].round = r;
		r->vote[i].text = text_size ? to : NULL;
	}
	return r;
}

void rli_round_recycle(struct rli_round *r)
{
	struct rli_conns *c = r->conns;

	rli_servers_put(r->servers);
	rli_notes_put(r->place.notes);
	r->next = c->spare_rounds;
	c->spare_rounds = r;
}

void rli_rounds_free(struct rli_conns *c)
{
	while (c->spare_rounds) {
		struct rli_round *r = c->spare_rounds;

		c->spare_rounds = r->next;
		rli_free(r);
	}
}

/* All sessions are made before anything is asked: answers may lead to more
 * questions, and then poll's list must not grow. */
static int find_sessions(struct rli_round *r)
{
	int i, err = 0;

	for (i = 0; i < r->n && !err; i++)
		err = rli_conns_session(r->conns, r->servers->node[i],
					&r->vote[i].session);
	return err;
}

int rli_round_new(struct rli_conns *conns, struct rli_op *op,
		  enum rli_verb verb, struct rli_round **round)
{
	struct rli_round *r = make(conns, op->servers, op->place,
				   op->value ? op->value : "",
				   op->value ? op->value_len : 0,
				   text_room(op, verb));
	int err;

	if (!r)
		return rli_fail_nomem();
	r->verb = verb;
	r->flags = op->flags & ~RLI_DO_TRY;
	r->lease_ms = op->lease_ms;
	r->number = op->hold_fence;
	if (verb == RLI_Q_RENEW)
		r->told = op->asked;
	else
		r->few = op->asked;
	r->thrifty = op->thrifty || r->few;
	err = find_sessions(r);
	if (err)
		rli_round_recycle(r);
	else
		*round = r;
	return err;
}

struct rli_round *rli_round_like(const struct rli_round *like,
				 enum rli_verb verb)
{
	struct rli_round *r = make(like->conns, like->servers, &like->place,
				   like->value, like->value_len,
				   like->text_size);

	if (!r)
		return NULL;
	r->verb = verb;
	r->flags = like->flags;
	r->lease_ms = like->lease_ms;
	r->number = like->number;
	r->tries = like->tries;
	r->told = like->told;
	/* They are there, for the other has them. */
	find_sessions(r);
	return r;
}
