#include "redis/recall.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"

/* A word that nobody hears goes; who still waits says it again each second. */
#define KEEP_MS "2000"
/* More of them say no more. */
#define WORDS "7"
/* An answer that has not come that long after its time will not come. */
#define GRACE RLI_S

/* ---------------------------------------------------------------- sending */

/* RPUSH, LTRIM, PEXPIRE, in one write; the last answer ends it. */
#define COMMANDS 3

struct sending {
	struct rli_request request[COMMANDS];
	struct rli_recall *recall;
	struct rli_conns *conns;
	int due;		/* answers to come */
};

_Static_assert(sizeof(struct sending) <=
	       sizeof(((struct rli_recall *)0)->backend),
	       "rli_recall.backend is too small");

static void said(struct rli_request *r, int err, bool unsent,
		 const struct rli_reply *reply, int i)
{
	struct sending *s = (struct sending *)(r - i);
	struct rli_recall *recall = s->recall;

	(void)unsent;
	if (!err && reply->type == REDIS_REPLY_ERROR)
		err = rli_reply_error(recall->servers->node[0]->url.label,
				      reply);
	if (err && !recall->err)
		recall->err = err;
	if (--s->due)
		return;
	recall->finished = true;
	s->conns->finished++;
	if (recall->done)
		recall->done(recall);
}

static void pushed(struct rli_request *r, int err, bool unsent,
		   const struct rli_reply *reply)
{
	said(r, err, unsent, reply, 0);
}

static void trimmed(struct rli_request *r, int err, bool unsent,
		    const struct rli_reply *reply)
{
	said(r, err, unsent, reply, 1);
}

static void expires(struct rli_request *r, int err, bool unsent,
		    const struct rli_reply *reply)
{
	said(r, err, unsent, reply, 2);
}

static int64_t patience(const struct rli_session *session)
{
	const struct rli_url *url = &session->node->url;

	return rli_after(rli_now(), rli_ms(url->command_timeout_ms +
					   url->connect_timeout_ms));
}

int rli_recall_send(struct rli_conns *conns, struct rli_recall *recall)
{
	static void (*const done[])(struct rli_request *, int, bool,
				    const struct rli_reply *) = {
		pushed, trimmed, expires };
	const struct rli_arg list = { recall->list, recall->list_len };
	const struct rli_arg token = { recall->token, recall->token_len };
	const struct rli_arg arg[COMMANDS][4] = {
		{ RLI_ARG("RPUSH"), list, token },
		{ RLI_ARG("LTRIM"), list, RLI_ARG("0"), RLI_ARG(WORDS) },
		{ RLI_ARG("PEXPIRE"), list, RLI_ARG(KEEP_MS) },
	};
	static const int args[COMMANDS] = { 3, 4, 3 };
	struct sending *s = (struct sending *)recall->backend.bytes;
	struct rli_session *session;
	int i, err = rli_conns_session(conns, recall->servers->node[0],
				       &session);

	memset(s, 0, sizeof(*s));
	s->recall = recall;
	s->conns = conns;
	recall->finished = false;
	recall->err = 0;
	for (i = 0; !err && i < COMMANDS; i++) {
		s->request[i].done = done[i];
		s->request[i].deadline = patience(session);
		err = rli_session_submit(session, &s->request[i], arg[i],
					 args[i]);
		s->due += !err;
	}
	/* What was submitted is answered; the rest is not needed. */
	return s->due ? 0 : err;
}

/* -------------------------------------------------------------- listening */

struct hearing {
	struct rli_request request;	/* BLPOP */
	struct rli_listen *listen;
	struct rli_conns *conns;
	struct rli_session *session;
};

_Static_assert(sizeof(struct hearing) <=
	       sizeof(((struct rli_listen *)0)->backend),
	       "rli_listen.backend is too small");

/* The list's name and the token; or nil if the time-out came first. */
static int heard(struct hearing *h, const struct rli_reply *reply)
{
	const char *label = h->session->node->url.label;

	if (reply->type == REDIS_REPLY_ERROR)
		return rli_reply_error(label, reply);
	if (reply->type == REDIS_REPLY_NIL)
		return ETIMEDOUT;
	if (reply->items != 2 || reply->text_len >= sizeof(reply->text))
		return rli_reply_nonsense(label, "BLPOP", reply);
	h->listen->token = reply->text;
	h->listen->token_len = reply->text_len;
	return 0;
}

static void answered(struct rli_request *r, int err, bool unsent,
		     const struct rli_reply *reply)
{
	struct hearing *h = (struct hearing *)r;
	struct rli_listen *listen = h->listen;

	(void)unsent;
	listen->err = err ? err : heard(h, reply);
	h->conns->finished++;
	listen->done(listen);
}

int rli_listen_begin(struct rli_conns *conns, struct rli_listen *listen)
{
	struct hearing *h = (struct hearing *)listen->backend.bytes;
	struct rli_arg arg[RLI_LISTS_MAX + 2] = { RLI_ARG("BLPOP") };
	int64_t left = listen->deadline - rli_now();
	char timeout[24];
	int i, err = rli_conns_listener(conns, listen->servers->node[0],
					&h->session);

	if (err)
		return err;
	h->listen = listen;
	h->conns = conns;
	memset(&h->request, 0, sizeof(h->request));
	h->request.done = answered;
	h->request.deadline = rli_after(listen->deadline, GRACE);
	for (i = 0; i < listen->n; i++)
		arg[i + 1] = (struct rli_arg){ listen->list[i].name,
					       listen->list[i].len };
	arg[i + 1] = (struct rli_arg){
		timeout, rli_decimal(timeout, left < RLI_S ? 1 :
						      left / RLI_S) };
	return rli_session_submit(h->session, &h->request, arg, i + 2);
}
