#include "redis/round.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "redis/quorum.h"
#include "redis/spare.h"

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

void rli_round_let_go(struct rli_round *r)
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
	rli_round_let_go(r);
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
	rli_round_let_go(r);
}

struct rli_round *rli_round_of(const struct rli_request *request)
{
	if (request->done != answered)
		return NULL;
	return ((const struct rli_vote *)request)->round;
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
	if (r->verb == RLI_Q_ACQUIRE && rli_spare_is_full(v->session))
		err = rli_fail(ENOLCK, "%s: no answer in time",
			       v->session->node->url.label);
	else
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
	r->few = r->thrifty && n == r->n ? rli_thrifty_nodes(r) : 0;
	r->thrifty = r->few;
	now = rli_now();
	if (r->op)
		rli_round_set_due(r, now);
	for (i = 0; i < r->n; i++)
		if (r->few ? r->few & 1u << i
			   : !spared[i] || n < r->majority ||
				     r->asked_before & 1u << i)
			ask_at(r, i, now);
	if (r->op && (r->few || (n < r->n && n >= r->majority)))
		rli_round_hedge(r);
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
	r->thrifty = false;
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
