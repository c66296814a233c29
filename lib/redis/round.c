#include "redis/round.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

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

/* ----------------------------------------------------------- its life */

void rli_round_await(struct rli_round *r, struct rli_op *op)
{
	struct rli_conns *c = r->conns;

	r->op = op;
	r->next = c->rounds;
	r->link = &c->rounds;
	if (r->next)
		r->next->link = &r->next;
	c->rounds = r;
}

static void let_go(struct rli_round *r)
{
	if (!r->op && !r->under_way && !r->visits)
		rli_round_recycle(r);
}

void rli_round_leave(struct rli_round *r)
{
	if (r->op) {
		*r->link = r->next;
		if (r->next)
			r->next->link = r->link;
	}
	r->op = NULL;
	let_go(r);
}

void rli_round_finish(struct rli_round *r, int err)
{
	struct rli_op *op = r->op;

	op->err = err;
	op->finished = true;
	r->conns->finished++;
	rli_round_leave(r);
	if (op->done)
		op->done(op);
}

/* --------------------------------------------------------------- asking */

bool rli_vote_pending(const struct rli_vote *v)
{
	return v->state == RLI_ASKED && !v->round->out_of_time;
}

static void failed(struct rli_vote *v, int err)
{
	v->state = RLI_FAILED;
	v->err = err;
	snprintf(v->why, sizeof(v->why), "%s", rli_error_message());
	if (err != ENOMEM && !v->round->conns->closing)
		rli_spare_failed(v->session->node);
}

/* A server may close a connection that was idle: that is no outage. And what
 * may have been run already must be asked once more, to learn if it was;
 * unless nobody wants to know. */
static bool send_again(struct rli_vote *v, int err, bool unsent)
{
	bool wanted = v->round->op || v->round->verb == RLI_Q_RELEASE;

	if (err != ENOLCK || v->again || !wanted ||
	    (unsent && v->request.first && !v->session->used) ||
	    v->request.deadline <= rli_now())
		return false;
	v->again = true;
	return rli_quorum_send(v) == 0;
}

static void take_answer(struct rli_vote *v, const struct rli_reply *reply)
{
	v->state = RLI_ANSWERED;
	v->plain = reply->type == REDIS_REPLY_INTEGER;
	v->items = reply->items;
	v->numbers = reply->numbers;
	memcpy(v->number, reply->number, sizeof(v->number));
	v->text_len = reply->text_len;
	if (v->text && v->round->text_size) {
		size_t fits = reply->text_len;

		if (fits >= v->round->text_size)
			fits = v->round->text_size - 1;
		memcpy(v->text, reply->text, fits);
		v->text[fits] = '\0';
	}
	rli_spare_answered(v->session->node);
}

static void note_script(struct rli_vote *v, bool known)
{
	unsigned bit = rli_quorum_script_bit(v->round->verb);

	if (known)
		v->session->scripts |= bit;
	else
		v->session->scripts &= ~bit;
}

/* Whether the request is on its way once more. */
static bool take_reply(struct rli_vote *v, int err, bool unsent,
		       const struct rli_reply *reply)
{
	const char *label = v->session->node->url.label;

	if (err) {
		v->maybe |= !unsent;
		v->session->owed |= !unsent && v->round->verb == RLI_Q_ACQUIRE;
		if (send_again(v, err, unsent))
			return true;
		failed(v, err);
		return false;
	}
	note_script(v, reply->type != REDIS_REPLY_ERROR);
	if (reply->type != REDIS_REPLY_ERROR) {
		take_answer(v, reply);
		return false;
	}
	if (!v->whole && rli_reply_is(reply, "NOSCRIPT")) {
		v->whole = true;
		if (!rli_quorum_send(v))
			return true;
		failed(v, ENOMEM);
		return false;
	}
	failed(v, rli_reply_error(label, reply));
	return false;
}

static void answered(struct rli_request *request, int err, bool unsent,
		     const struct rli_reply *reply)
{
	struct rli_vote *v = (struct rli_vote *)request;
	struct rli_round *r = v->round;

	if (take_reply(v, err, unsent, reply))
		return;
	r->under_way--;
	r->visits++;
	rli_quorum_heard(r, v);
	r->visits--;
	let_go(r);
}

struct rli_round *rli_round_of(const struct rli_request *request)
{
	if (request->done != answered)
		return NULL;
	return ((const struct rli_vote *)request)->round;
}

/* How long this round waits for nodes before it makes do with the others. */
static int64_t patience_ms(const struct rli_round *r, int64_t command_timeout)
{
	int64_t ms = r->lease_ms / PATIENCE_PART;

	if (ms < PATIENCE_LEAST_MS)
		ms = PATIENCE_LEAST_MS;
	return r->lease_ms && ms < command_timeout ? ms : command_timeout;
}

static int64_t session_patience(const struct rli_session *s)
{
	const struct rli_url *url = &s->node->url;
	int64_t ms = url->command_timeout_ms;

	return s->state == RLI_READY ? ms : ms + url->connect_timeout_ms;
}

static void ask_at(struct rli_round *r, int i, int64_t now)
{
	struct rli_vote *v = &r->vote[i];
	int err;

	v->state = RLI_ASKED;
	v->flags = r->flags & ~RLI_Q_HERE;
	if (r->home == v->session->node)
		v->flags |= RLI_Q_HERE;
	v->request.done = answered;
	v->request.expired = r->verb == RLI_Q_ACQUIRE ? rli_quorum_expired
						     : NULL;
	v->request.since = now;
	v->request.repeatable = r->verb != RLI_Q_RESET &&
				r->verb != RLI_Q_RELEASE &&
				r->verb != RLI_Q_MEND;
	v->request.deadline = rli_after(now, rli_ms(
					session_patience(v->session)));
	v->request.patience = rli_ms(v->session->node->url.command_timeout_ms);
	/* If the node asked for the script, nobody might be there to send it;
	 * or the next acquire would overtake it. */
	v->whole = (!r->op || r->verb == RLI_Q_RELEASE) &&
		   !(v->session->scripts & rli_quorum_script_bit(r->verb));
	if (r->verb == RLI_Q_RELEASE)
		v->session->owed = false;
	err = rli_quorum_send(v);
	if (err)
		failed(v, err);
	else
		r->under_way++;
}

void rli_round_ask(struct rli_round *r, int i)
{
	ask_at(r, i, rli_now());
}

static bool is_spared(const struct rli_round *r, struct rli_session *s)
{
	if (r->verb == RLI_Q_RELEASE)
		return rli_spare_release(s);
	/* In a done function, sessions are not to be looked after. */
	return rli_spare_request(s, !r->tries);
}

static void set_due(struct rli_round *r, int64_t now)
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
static void hedge(struct rli_round *r)
{
	int64_t soon = rli_after(rli_now(), HEDGE);

	if (soon < r->due)
		r->due = soon;
}

/* What an earlier try may have taken is this one's, or it undoes it: so it asks
 * there again, whether or not that node is to be spared. */
void rli_round_ask_all(struct rli_round *r)
{
	bool spared[RLI_NODES_MAX];
	int64_t now;
	int i, n = 0;

	for (i = 0; i < r->n; i++) {
		spared[i] = is_spared(r, r->vote[i].session);
		n += !spared[i];
	}
	r->home = r->flags & RLI_Q_HERE ? rli_quorum_home(r, spared) : NULL;
	now = rli_now();
	if (r->op)
		set_due(r, now);
	for (i = 0; i < r->n; i++)
		if (!spared[i] || n < r->majority ||
		    r->asked_before & 1u << i)
			ask_at(r, i, now);
	if (r->op && n < r->n && n >= r->majority)
		hedge(r);
}

unsigned rli_round_asked(const struct rli_round *r)
{
	unsigned asked = 0;
	int i;

	for (i = 0; i < r->n; i++)
		if (r->vote[i].state != RLI_UNASKED)
			asked |= 1u << i;
	return asked;
}

bool rli_round_ask_rest(struct rli_round *r)
{
	bool any = false;
	int i;

	if (r->out_of_time || r->conns->closing)
		return false;
	for (i = 0; i < r->n; i++)
		if (r->vote[i].state == RLI_UNASKED) {
			rli_round_ask(r, i);
			any |= r->vote[i].state == RLI_ASKED;
		}
	return any;
}

void rli_round_flush(struct rli_round *r)
{
	int i;

	for (i = 0; i < r->n; i++)
		if (r->vote[i].state == RLI_ASKED)
			rli_session_flush(r->vote[i].session);
}

/* ----------------------------------------------------------------- time */

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
	let_go(r);
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
