#include "redis/op.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/place.h"
#include "redis/answer.h"
#include "redis/quorum.h"
#include "redis/script.h"
#include "redis/scripts_lua.h"

/* How long meta stays: a week and a day behind the lease it belongs to. The
 * scripts that get a lease know it themselves. */
#define META_KEEP_MS (8LL * 24 * 3600 * 1000)
#define META_KEEP_FOREVER_MS (366LL * 24 * 3600 * 1000)

#define ARGS_MAX 16

/* What is kept in op->backend. */
struct pending {
	struct rli_request request;
	struct rli_op *op;
	struct rli_conns *conns;
	struct rli_session *session;
	bool whole;	/* the script goes along: the server did not know it */
	bool again;	/* sent again after a connection that had been idle */
};

_Static_assert(sizeof(struct pending) <= sizeof(((struct rli_op *)0)->backend),
	       "rli_op.backend is too small");

static struct pending *pending_of(struct rli_op *op)
{
	return (struct pending *)op->backend.bytes;
}

/*
 * The scripts and their arguments, one letter each: v value, l lease, t token,
 * k how long to keep meta; f flags, and F the same, left out where there are
 * none. Each argument costs a script as much as a fifth of a command.
 */
static const struct {
	const struct rli_script *script;
	int keys;
	const char *args;
} calls[] = {
	[RLI_OP_ACQUIRE] = { &rli_script_acquire, 3, "vlF" },
	[RLI_OP_CLAIM] = { &rli_script_claim, 2, "vltF" },
	[RLI_OP_RENEW] = { &rli_script_renew, 2, "vlF" },
	[RLI_OP_RELEASE] = { &rli_script_release, 3, "vF" },
	[RLI_OP_ASK] = { &rli_script_ask, 3, "k" },
	[RLI_OP_INSPECT] = { &rli_script_inspect, 2, "" },
	[RLI_OP_MEND] = { &rli_script_mend, 2, "vk" },
	[RLI_OP_RESET] = { &rli_script_reset, 3, "fk" },
};

/* Room for arguments that are made from numbers. */
struct scratch {
	char keys[24], lease[24], keep[24], flags[12];
};

static size_t put_flags(char *buf, unsigned flags)
{
	static const char letter[] = "trskaxloep";	/* by their bits */
	size_t n = 0, bit;

	for (bit = 0; bit < sizeof(letter) - 1; bit++)
		if (flags & 1u << bit)
			buf[n++] = letter[bit];
	return n;
}

static int64_t meta_keep(const struct rli_op *op)
{
	return op->lease_ms ? op->lease_ms + META_KEEP_MS
			    : META_KEEP_FOREVER_MS;
}

static struct rli_arg argument(const struct rli_op *op, char letter,
			       struct scratch *s)
{
	switch (letter) {
	case 'v':
		return (struct rli_arg){ op->value, op->value_len };
	case 'l':
		return (struct rli_arg){
			s->lease, rli_decimal(s->lease, op->lease_ms) };
	case 'f':
	case 'F':
		return (struct rli_arg){ s->flags,
					 put_flags(s->flags, op->flags) };
	case 'k':
		return (struct rli_arg){
			s->keep, rli_decimal(s->keep, meta_keep(op)) };
	default:
		return (struct rli_arg){ op->token, op->token_len };
	}
}

static int arguments(const struct rli_op *op, bool whole, struct rli_arg *arg,
		     struct scratch *scratch)
{
	const struct rli_script *script = calls[op->kind].script;
	const struct rli_place *place = op->place;
	const struct rli_arg keys[3] = { { place->k, place->k_len },
					 { place->meta, place->meta_len },
					 { place->wake, place->wake_len } };
	const char *letter = calls[op->kind].args;
	int n = 0, i;

	arg[n++] = whole ? RLI_ARG("EVAL") : RLI_ARG("EVALSHA");
	arg[n++] = whole ? (struct rli_arg){ script->body, script->len }
			 : (struct rli_arg){ script->sha1, 40 };
	arg[n++] = (struct rli_arg){
		scratch->keys, rli_decimal(scratch->keys,
					   calls[op->kind].keys) };
	for (i = 0; i < calls[op->kind].keys; i++)
		arg[n++] = keys[i];
	for (; *letter; letter++)
		if (*letter != 'F' || op->flags & ~RLI_DO_UNDO)
			arg[n++] = argument(op, *letter, scratch);
	return n;
}

static void finish(struct pending *p)
{
	struct rli_op *op = p->op;

	op->finished = true;
	p->conns->finished++;
	if (op->done)
		op->done(op);
}

static int send_it(struct pending *p)
{
	struct rli_arg arg[ARGS_MAX];
	struct scratch scratch;
	int n = arguments(p->op, p->whole, arg, &scratch);

	return rli_session_submit(p->session, &p->request, arg, n);
}

/* A server may close a connection that was idle: that is no outage. And what
 * may have been run already must be asked once more, to learn if it was. */
static bool send_again(struct pending *p, int err, bool unsent)
{
	if (err != ENOLCK || p->again || p->request.deadline <= rli_now() ||
	    (unsent && p->request.first && !p->session->used))
		return false;
	p->again = true;
	return send_it(p) == 0;
}

static unsigned script_bit(const struct rli_op *op)
{
	return 1u << op->kind;
}

static void note_script(const struct pending *p, const struct rli_reply *reply)
{
	if (reply->type == REDIS_REPLY_ERROR)
		p->session->scripts &= ~script_bit(p->op);
	else
		p->session->scripts |= script_bit(p->op);
}

static void answered(struct rli_request *r, int err, bool unsent,
		     const struct rli_reply *reply)
{
	struct pending *p = (struct pending *)r;
	struct rli_op *op = p->op;

	if (err) {
		op->resent |= !unsent;
		if (send_again(p, err, unsent))
			return;
		op->err = err;
		finish(p);
		return;
	}
	note_script(p, reply);
	if (!p->whole && rli_reply_is(reply, "NOSCRIPT")) {
		p->whole = true;
		err = send_it(p);
		if (!err)
			return;
		op->err = err;
	} else {
		rli_op_answer(op, reply);
	}
	finish(p);
}

/* What this request takes must not stay with nobody: its release follows it on
 * the same connection, so that the server runs them in order. */
static void expired(struct rli_request *r, struct rli_session *session)
{
	struct pending *p = (struct pending *)r;
	struct rli_op release = *p->op;
	struct rli_arg arg[ARGS_MAX];
	struct scratch scratch;
	int n;

	p->again = true;
	p->op->unanswered = true;
	release.kind = RLI_OP_RELEASE;
	release.flags = 0;
	n = arguments(&release, true, arg, &scratch);
	rli_session_last_words(session, ENOLCK, arg, n);
}

static int64_t patience(const struct rli_op *op, const struct rli_session *s,
			int64_t now)
{
	const struct rli_url *url = &s->node->url;
	int64_t ms = url->command_timeout_ms;
	int64_t until;

	if (s->state != RLI_READY)
		ms += url->connect_timeout_ms;
	until = rli_after(now, rli_ms(ms));
	return until < op->patience ? until : op->patience;
}

static void cannot_start(struct rli_op *op, int err)
{
	struct pending *p = pending_of(op);

	op->err = err;
	finish(p);
}

/* These end something, and the second time find it ended by whomever. */
static bool is_repeatable(enum rli_op_kind kind)
{
	return kind != RLI_OP_RELEASE && kind != RLI_OP_MEND &&
	       kind != RLI_OP_RESET;
}

static int prepare(struct rli_conns *conns, struct rli_op *op)
{
	struct pending *p = pending_of(op);
	int err;

	op->finished = op->unanswered = op->resent = op->contended = false;
	op->err = 0;
	op->sent = rli_now();
	memset(p, 0, sizeof(*p));
	p->op = op;
	p->conns = conns;
	err = rli_conns_session(conns, op->servers->node[0], &p->session);
	if (err)
		return err;
	p->request.done = answered;
	p->request.deadline = patience(op, p->session, op->sent);
	p->request.patience = rli_ms(p->session->node->url.command_timeout_ms);
	p->request.repeatable = is_repeatable(op->kind);
	if (op->kind == RLI_OP_ACQUIRE || op->kind == RLI_OP_CLAIM)
		p->request.expired = expired;
	return 0;
}

/* certain: nobody will be there to send the script if the server asks for it,
 * so it goes along unless this connection has seen it run. */
static void start(struct rli_conns *conns, struct rli_op *op, bool certain)
{
	struct pending *p = pending_of(op);
	int err = prepare(conns, op);

	if (!err) {
		p->request.awaited = !certain;
		p->whole = certain && !(p->session->scripts & script_bit(op));
		err = send_it(p);
	}
	if (err)
		cannot_start(op, err);
}

void rli_op_start(struct rli_conns *conns, struct rli_op *op)
{
	if (op->servers->n > 1)
		rli_quorum_start(conns, op);
	else
		start(conns, op, false);
}

int rli_op_run(struct rli_conns *conns, struct rli_op *op)
{
	rli_op_start(conns, op);
	while (!op->finished)
		rli_conns_pump(conns, RLI_FOREVER, -1);
	return op->err;
}

/* ------------------------------------------------------ sent, not awaited */

/* A copy of an operation, which outlives the call that posted it. */
struct rli_post {
	struct rli_post *next;	/* of conns->posts, while not in use */
	struct rli_op op;
	struct rli_place place;
	size_t cap;
	char bytes[];		/* value, K, meta, wake, each with a 0 behind */
};

void rli_posts_free(struct rli_post *post)
{
	while (post) {
		struct rli_post *next = post->next;

		rli_free(post);
		post = next;
	}
}

static void posted(struct rli_op *op)
{
	struct pending *p = pending_of(op);
	struct rli_post *post =
		(struct rli_post *)((char *)op - offsetof(struct rli_post, op));

	if (op->err && op->err != ESTALE)
		rli_log(RL_LOG_ERROR, "a release was not confirmed; the lease "
			"ends by itself: %s", rli_error_message());
	/* Nobody waits for it, so it does not count as finished. */
	p->conns->finished--;
	rli_servers_put(op->servers);
	post->next = p->conns->posts;
	p->conns->posts = post;
}

static struct rli_post *new_post(struct rli_conns *conns, size_t size)
{
	struct rli_post *post = conns->posts;

	if (post && post->cap >= size) {
		conns->posts = post->next;
		return post;
	}
	post = rli_malloc(sizeof(*post) + size);
	if (post)
		post->cap = size;
	return post;
}

static struct rli_post *copy(struct rli_conns *conns, const struct rli_op *op)
{
	struct rli_post *post = new_post(conns, op->value_len + 1 +
					 rli_place_room(op->place));
	char *to;

	if (!post)
		return NULL;
	to = post->bytes;
	post->op = *op;
	post->op.done = posted;
	post->op.text = NULL;
	post->op.patience = RLI_FOREVER;
	rli_servers_hold(op->servers);
	post->op.place = &post->place;
	post->op.value = rli_text_copy(op->value, op->value_len, &to);
	rli_place_copy(&post->place, op->place, &to);
	return post;
}

int rli_op_post(struct rli_conns *conns, struct rli_op *op)
{
	struct rli_session *session;
	struct rli_post *post;
	int err;

	if (op->servers->n > 1)
		return rli_quorum_post(conns, op);
	err = rli_conns_session(conns, op->servers->node[0], &session);
	if (err)
		return err;
	if (session->state != RLI_READY)
		return rli_fail_const(ENOLCK, "not connected");
	post = copy(conns, op);
	if (!post)
		return rli_fail_nomem();
	start(conns, &post->op, true);
	rli_session_flush(session);
	return session->failed;
}
