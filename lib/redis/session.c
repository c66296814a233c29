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
#include "redis/trace.h"

/* A connection unused for so long is looked at before any use. */
#define IDLE (10 * RLI_MS)

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
	s->full = false;
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
	rli_log(RL_LOG_INFO, "%s: connected", label(s));
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
	size_t len;
	int err;

	if (s->closing)
		return ENOLCK;
	look_before_sending(s, r);
	r->first = s->state == RLI_CLOSED && !s->failed;
	r->begin = s->flushed + s->out.len - s->out.sent;
	len = s->out.len;
	err = rli_out_command(&s->out, arg, n);
	if (err)
		return err;
	if (rli_log_enabled(RL_LOG_DEBUG))
		rli_trace_command(label(s), s->out.buf + len,
				  s->out.len - len);
	r->next = NULL;
	*s->tail = r;
	s->tail = &r->next;
	if (s->state == RLI_CLOSED && !s->failed)
		begin_connecting(s);
	return 0;
}

void rli_session_flush(struct rli_session *s)
{
	int err = s->failed || s->state == RLI_CLOSED ? 0 : rli_session_send(s);

	if (err)
		fail_later(s, err);
}

void rli_session_last_words(struct rli_session *s, int err,
			    const struct rli_arg *arg, int n)
{
	char why[RLI_ERROR_MAX];

	snprintf(why, sizeof(why), "%s", rli_error_message());
	if (s->state == RLI_READY && !rli_out_command(&s->out, arg, n))
		rli_session_send(s);
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
	if (revents & ~POLLIN)
		s->full = false;
	if (s->state < RLI_GREETING)
		err = rli_connect_advance(s);
	else if (revents & ~POLLOUT || rli_wire_wants(&s->wire))
		err = rli_session_receive(s);
	/* It may have come together with the end of the handshake. */
	if (!err && rli_session_has_more(s))
		err = rli_session_receive(s);
	if (!err)
		rli_session_flush(s);
	return err;
}

/* It has failed. What the server said before it closed tells more than that it
 * did, and may be the answer to a request. */
static int last_heard(struct rli_session *s)
{
	int err = s->reader ? rli_session_receive(s) : 0;

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
