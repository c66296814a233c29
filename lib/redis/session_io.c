/*
 * What a session sends and reads, and who gets the answers.
 */
#include <errno.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "redis/connect.h"
#include "redis/trace.h"

/* On the stack, of which a thread may have 16 KB in all. */
#define READ_MAX 2048
/* How TLS begins to complain; no part of an answer begins so. */
#define TLS_ALERT 0x15
/* No single value in an answer is that long, whatever its head says. */
#define ANSWER_MAX ((size_t)16 << 20)

static const char *label(const struct rli_session *s)
{
	return s->node->url.label;
}

static int flush(struct rli_session *s, struct rli_out *out, size_t *count)
{
	while (out->sent < out->len) {
		ssize_t n = rli_wire_send(&s->wire, s->node,
					  out->buf + out->sent,
					  out->len - out->sent);

		/* Through TLS it may be something to read that is wanted. */
		s->full = n == -EAGAIN && !s->wire.tls;
		if (n < 0)
			return n == -EAGAIN ? 0 : (int)-n;
		out->sent += (size_t)n;
		*count += (size_t)n;
	}
	rli_out_clear(out);
	return 0;
}

int rli_session_send(struct rli_session *s)
{
	size_t greeting = 0;
	int err = 0;

	if (s->full)
		return 0;
	if (s->state >= RLI_GREETING && s->greeting.len)
		err = flush(s, &s->greeting, &greeting);
	if (!err && s->state == RLI_READY && s->out.len)
		err = flush(s, &s->out, &s->flushed);
	return err;
}

static int deliver(struct rli_session *s)
{
	struct rli_request *r = s->head;

	if (s->state == RLI_GREETING)
		return rli_connect_greeted(s);
	if (!r && s->reply.type == REDIS_REPLY_ERROR)
		return rli_reply_error(label(s), &s->reply);
	if (!r)
		return rli_fail(EPROTO, "%s: an answer to no question",
				label(s));
	if (rli_log_enabled(RL_LOG_DEBUG))
		rli_trace_answer(label(s), &s->reply);
	s->used = true;
	/* It was not before that, which is near enough. */
	s->heard = r->since ? r->since : rli_now();
	s->head = r->next;
	if (!s->head)
		s->tail = &s->head;
	r->done(r, 0, false, &s->reply);
	return 0;
}

/* Gives every whole answer in the parser to whom it belongs. */
static int deliver_all(struct rli_session *s)
{
	void *reply;

	for (;;) {
		int err;

		/* What comes first may answer an older request. */
		s->reply.sink = s->state == RLI_READY && s->head
					? s->head->sink : NULL;
		if (redisReaderGetReply(s->reader, &reply) != REDIS_OK)
			return rli_fail(EPROTO, "%s: not the Redis protocol: "
					"%s", label(s), s->reader->errstr);
		if (!reply)
			return 0;
		err = deliver(s);
		if (err)
			return err;
		/* A done function may have ended the session. */
		if (!s->reader)
			return 0;
	}
}

static int receive_some(struct rli_session *s)
{
	char buf[READ_MAX];
	ssize_t n = rli_wire_receive(&s->wire, s->node, buf, sizeof(buf));

	if (n < 0)
		return n == -EAGAIN ? 0 : (int)-n;
	if (*buf == TLS_ALERT && s->reader->len == s->reader->pos)
		return rli_fail(EPROTO, "%s: the server speaks TLS; its URL "
				"begins with rediss://", label(s));
	if (redisReaderFeed(s->reader, buf, (size_t)n) != REDIS_OK)
		return rli_fail_nomem();
	n = deliver_all(s);
	if (!n && s->reader && s->reader->len - s->reader->pos > ANSWER_MAX)
		return rli_fail(EPROTO, "%s: an answer without end", label(s));
	return (int)n;
}

bool rli_session_has_more(const struct rli_session *s)
{
	return s->head && s->reader && rli_wire_pending(&s->wire);
}

int rli_session_receive(struct rli_session *s)
{
	int err;

	do
		err = receive_some(s);
	while (!err && rli_session_has_more(s));
	return err;
}
