#include "redis/session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "redis/connect.h"

/* On the stack, of which a thread may have 16 KB in all. */
#define READ_MAX 2048
/* How TLS begins to complain; no part of an answer begins so. */
#define TLS_ALERT 0x15
/* A connection unused for so long is looked at before any use. */
#define IDLE (10 * RLI_MS)
/* No single value in an answer is that long, whatever its head says. */
#define ANSWER_MAX ((size_t)16 << 20)

static const char *label(const struct rli_session *s)
{
	return s->node->url.label;
}

int rli_session_open(struct rli_node *node, struct rli_session **session)
{
	struct rli_session *s = rli_calloc(1, sizeof(*s));

	if (!s)
		return rli_fail_nomem();
	s->node = node;
	s->wire.fd = -1;
	s->tail = &s->head;
	rli_node_hold(node);
	*session = s;
	return 0;
}

static void close_socket(struct rli_session *s)
{
	rli_wire_close(&s->wire);
	if (s->reader)
		redisReaderFree(s->reader);
	s->reader = NULL;
	rli_out_clear(&s->greeting);
}

void rli_session_forget(struct rli_session *s)
{
	rli_wire_forget(&s->wire);
	if (s->lookup)
		close(rli_lookup_fd(s->lookup));
}

/* ------------------------------------------------------------- breaking */

void rli_session_break(struct rli_session *s, int err)
{
	struct rli_request *r = s->head, *next;
	size_t flushed = s->flushed;

	snprintf(s->why, sizeof(s->why), "%s", rli_error_message());
	if (s->state != RLI_CLOSED && !s->closing)
		rli_log(RL_LOG_INFO, "connection ended: %s", s->why);
	close_socket(s);
	rli_connect_forget(s);
	rli_out_clear(&s->out);
	s->state = RLI_CLOSED;
	s->failed = 0;
	s->flushed = 0;
	s->head = NULL;
	s->tail = &s->head;
	/* They may submit again, which is why the list was taken off first. */
	for (; r; r = next) {
		next = r->next;
		rli_fail(err, "%s", s->why);
		r->done(r, err, flushed <= r->begin, NULL);
	}
}

void rli_session_close(struct rli_session *s)
{
	s->closing = true;
	rli_fail(ENOLCK, "%s: connection closed", label(s));
	rli_session_break(s, ENOLCK);
	rli_out_free(&s->greeting);
	rli_out_free(&s->out);
	rli_node_put(s->node);
	rli_free(s);
}

static void fail_later(struct rli_session *s, int err)
{
	snprintf(s->why, sizeof(s->why), "%s", rli_error_message());
	s->failed = err;
}

/* ------------------------------------------------------ sending, reading */

static int flush(struct rli_session *s, struct rli_out *out, size_t *count)
{
	while (out->sent < out->len) {
		ssize_t n = rli_wire_send(&s->wire, s->node,
					  out->buf + out->sent,
					  out->len - out->sent);

		if (n < 0)
			return n == -EAGAIN ? 0 : (int)-n;
		out->sent += (size_t)n;
		*count += (size_t)n;
	}
	rli_out_clear(out);
	return 0;
}

static int flush_all(struct rli_session *s)
{
	size_t greeting = 0;
	int err = 0;

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

/* What poll(2) cannot know of must be read while somebody waits for it; the
 * rest, like a parting word behind the last answer, until the next request. */
static bool more_has_come(const struct rli_session *s)
{
	return s->head && s->reader && rli_wire_pending(&s->wire);
}

static int receive(struct rli_session *s)
{
	int err;

	do
		err = receive_some(s);
	while (!err && more_has_come(s));
	return err;
}

/* -------------------------------------------------------------- the owner */

/* A unix socket whose other end is closed takes not a byte, and says so. */
static bool tells_by_itself(const struct rli_session *s,
			    const struct rli_request *r)
{
	return r->awaited && s->node->url.scheme == RLI_UNIX;
}

static bool was_used_just_now(const struct rli_session *s,
			      const struct rli_request *r)
{
	return (r->since ? r->since : rli_now()) - s->heard < IDLE;
}

/* A server may have closed a connection that was idle: known before a request
 * is sent, it leaves no doubt whether that request was run. Where doubt does no
 * harm the look is saved on a connection in use. */
static void look_before_sending(struct rli_session *s,
				const struct rli_request *r)
{
	if (s->state != RLI_READY || s->head || s->failed ||
	    tells_by_itself(s, r) ||
	    (r->repeatable && was_used_just_now(s, r)) ||
	    rli_wire_quiet(&s->wire))
		return;
	rli_fail(ENOLCK, "%s: the server closed the connection", label(s));
	rli_session_break(s, ENOLCK);
}

void rli_session_is_ready(struct rli_session *s)
{
	int64_t now = rli_now();
	struct rli_request *r;

	s->state = RLI_READY;
	for (r = s->head; r; r = r->next)
		if (r->patience && rli_after(now, r->patience) < r->deadline)
			r->deadline = rli_after(now, r->patience);
}

static void begin_connecting(struct rli_session *s)
{
	int err = rli_connect_begin(s);

	if (err)
		fail_later(s, err);
}

int rli_session_submit(struct rli_session *s, struct rli_request *r,
		       const struct rli_arg *arg, int n)
{
	int err;

	if (s->closing)
		return ENOLCK;
	look_before_sending(s, r);
	r->first = s->state == RLI_CLOSED && !s->failed;
	r->begin = s->flushed + s->out.len - s->out.sent;
	err = rli_out_command(&s->out, arg, n);
	if (err)
		return err;
	r->next = NULL;
	*s->tail = r;
	s->tail = &r->next;
	if (s->state == RLI_CLOSED && !s->failed)
		begin_connecting(s);
	return 0;
}

void rli_session_flush(struct rli_session *s)
{
	int err = s->failed || s->state == RLI_CLOSED ? 0 : flush_all(s);

	if (err)
		fail_later(s, err);
}

void rli_session_last_words(struct rli_session *s, int err,
			    const struct rli_arg *arg, int n)
{
	char why[RLI_ERROR_MAX];

	snprintf(why, sizeof(why), "%s", rli_error_message());
	if (s->state == RLI_READY && !rli_out_command(&s->out, arg, n))
		flush_all(s);
	rli_fail(err, "%s", why);
	rli_session_break(s, err);
}

bool rli_session_poll(const struct rli_session *s, struct pollfd *fd)
{
	if (s->state == RLI_CLOSED || s->failed)
		return false;
	fd->revents = 0;
	fd->events = POLLIN;
	fd->fd = s->lookup ? rli_lookup_fd(s->lookup) : s->wire.fd;
	if (s->state == RLI_SECURING)
		fd->events = rli_wire_wants(&s->wire);
	else
		fd->events |= rli_wire_wants(&s->wire);
	if (s->state == RLI_CONNECTING || s->greeting.len ||
	    (s->state == RLI_READY && s->out.len))
		fd->events |= POLLOUT;
	return true;
}

/* A request that may take long, as BLPOP, has no patience of its own. */
bool rli_session_answers_soon(const struct rli_session *s)
{
	return s->state == RLI_READY && !s->failed && s->head &&
	       s->head->patience;
}

int64_t rli_session_due(const struct rli_session *s)
{
	int64_t due = RLI_FOREVER;
	const struct rli_request *r;

	if (s->failed)
		return 0;
	if (s->state != RLI_CLOSED && s->state != RLI_READY)
		due = s->deadline;
	for (r = s->head; r; r = r->next)
		if (r->deadline < due)
			due = r->deadline;
	return due;
}

static int progress(struct rli_session *s, short revents)
{
	int err = 0;

	if (!revents)
		return 0;
	if (s->state < RLI_GREETING)
		err = rli_connect_advance(s);
	else if (revents & ~POLLOUT || rli_wire_wants(&s->wire))
		err = receive(s);
	/* It may have come together with the end of the handshake. */
	if (!err && more_has_come(s))
		err = receive(s);
	if (!err)
		rli_session_flush(s);
	return err;
}

/* It has failed. What the server said before it closed tells more than that it
 * did, and may be the answer to a request. */
static int last_heard(struct rli_session *s)
{
	int err = s->reader ? receive(s) : 0;

	if (err)
		return err;
	/* If it was the answer to all there was, its message stays. */
	return s->head ? rli_fail(s->failed, "%s", s->why) : s->failed;
}

/* The first request whose time is up; NULL if none. */
static struct rli_request *expired(const struct rli_session *s, int64_t now)
{
	struct rli_request *r = s->head;

	while (r && r->deadline > now)
		r = r->next;
	return r;
}

static void check_time(struct rli_session *s)
{
	struct rli_request *r;
	int64_t now;

	if (s->state == RLI_READY && !s->head)
		return;
	now = rli_now();
	if (s->state != RLI_CLOSED && s->state != RLI_READY &&
	    s->deadline <= now) {
		rli_session_break(s, rli_connect_late(s));
		return;
	}
	r = expired(s, now);
	if (!r)
		return;
	rli_fail(ENOLCK, "%s: no answer in time", label(s));
	if (r->expired)
		r->expired(r, s);
	else
		rli_session_break(s, ENOLCK);
}

void rli_session_advance(struct rli_session *s, short revents)
{
	int err = s->failed ? 0 : progress(s, revents);

	if (!err && s->failed)
		err = last_heard(s);
	if (err)
		rli_session_break(s, rli_connect_hint(s, err));
	else
		check_time(s);
}
