#include "redis/connect.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "redis/link.h"
#include "redis/secret.h"

/* As long as any command about a lock, a whole script included: later ones
 * allocate nothing. */
#define OUT_MIN 16384

static const char *label(const struct rli_session *s)
{
	return s->node->url.label;
}

void rli_connect_forget(struct rli_session *s)
{
	if (s->lookup)
		rli_lookup_abandon(s->lookup);
	if (s->list)
		freeaddrinfo(s->list);
	s->lookup = NULL;
	s->list = s->addr = NULL;
}

/* --------------------------------------------------------------- greeting */

static int add_auth(struct rli_session *s)
{
	const struct rli_url *url = &s->node->url;
	struct rli_arg arg[3] = { RLI_ARG("AUTH") };
	char buf[RLI_SECRET_MAX];
	const char *password;
	int n = 1, err = rli_secret(url, buf, &password);

	if (err || !password)
		return err;
	if (url->user)
		arg[n++] = (struct rli_arg){ url->user, strlen(url->user) };
	arg[n++] = (struct rli_arg){ password, strlen(password) };
	err = rli_out_command(&s->greeting, arg, n);
	explicit_bzero(buf, sizeof(buf));
	s->greetings++;
	return err;
}

static int add_select(struct rli_session *s)
{
	struct rli_arg arg[2] = { RLI_ARG("SELECT") };
	char db[24];

	if (s->node->url.db == 0)
		return 0;
	arg[1] = (struct rli_arg){ db, rli_decimal(db, s->node->url.db) };
	s->greetings++;
	return rli_out_command(&s->greeting, arg, 2);
}

static int greet(struct rli_session *s)
{
	int err;

	rli_connect_forget(s);
	s->used = false;
	s->scripts = 0;
	s->greetings = 0;
	s->reader = rli_reader_new(&s->reply);
	if (!s->reader)
		return rli_fail_nomem();
	err = rli_out_reserve(&s->out, OUT_MIN);
	if (!err)
		err = add_auth(s);
	if (!err)
		err = add_select(s);
	if (err)
		return err;
	s->state = RLI_GREETING;
	if (!s->greetings)
		rli_session_is_ready(s);
	return 0;
}

/* A server that does not know AUTH tells with which arguments it was called,
 * and a peer that is no server may send back whatever it got. */
static bool repeats_secret(const struct rli_session *s)
{
	char buf[RLI_SECRET_MAX];
	const char *password;
	bool found = !rli_secret(&s->node->url, buf, &password) && password &&
		     *password && strstr(s->reply.text, password);

	explicit_bzero(buf, sizeof(buf));
	return found;
}

int rli_connect_greeted(struct rli_session *s)
{
	int err;

	if (s->reply.type == REDIS_REPLY_STATUS) {
		if (--s->greetings == 0)
			rli_session_is_ready(s);
		return 0;
	}
	if (s->reply.type == REDIS_REPLY_ERROR)
		err = rli_reply_error(label(s), &s->reply);
	else
		err = rli_reply_nonsense(label(s), "AUTH or SELECT", &s->reply);
	if (repeats_secret(s))
		rli_fail(err, "%s: AUTH was refused, in words that repeat the "
			 "password", label(s));
	return err;
}

/* ------------------------------------------------------------- connecting */

static int shake_hands(struct rli_session *s)
{
	int err = rli_wire_handshake(&s->wire);

	if (err == EAGAIN)
		return 0;
	return err ? err : greet(s);
}

/* The socket is connected. */
static int linked(struct rli_session *s)
{
	int err;

	if (s->node->url.scheme != RLI_REDISS)
		return greet(s);
	err = rli_wire_secure(&s->wire, s->node);
	if (err)
		return err;
	s->state = RLI_SECURING;
	return shake_hands(s);
}

static int cannot_connect(const struct rli_session *s, int err)
{
	return rli_fail(ENOLCK, "%s: cannot connect: %s", label(s),
			rli_system_error(err));
}

/* Tries the address s->addr, and those behind it if it fails at once. */
static int try_address(struct rli_session *s)
{
	const struct rli_url *url = &s->node->url;
	int err = rli_link_connect(url, s->addr, &s->wire.fd);

	while (err && err != EINPROGRESS && s->addr && s->addr->ai_next) {
		s->addr = s->addr->ai_next;
		err = rli_link_connect(url, s->addr, &s->wire.fd);
	}
	if (err && err != EINPROGRESS)
		return cannot_connect(s, err);
	s->state = RLI_CONNECTING;
	return err ? 0 : linked(s);
}

static int look_up(struct rli_session *s)
{
	const struct rli_url *url = &s->node->url;
	int err = rli_lookup_begin(url->host, url->port, &s->lookup, &s->list);

	s->addr = s->list;
	return err || s->lookup ? err : try_address(s);
}

int rli_connect_begin(struct rli_session *s)
{
	const struct rli_url *url = &s->node->url;

	s->state = RLI_RESOLVING;
	s->deadline = rli_after(rli_now(), rli_ms(url->connect_timeout_ms));
	return url->scheme == RLI_UNIX ? try_address(s) : look_up(s);
}

static int looked_up(struct rli_session *s)
{
	int err = rli_lookup_take(s->lookup, &s->list);

	s->lookup = NULL;
	s->addr = s->list;
	if (err)
		return rli_fail(ENOLCK, "%s: cannot look the host up: %s",
				label(s), gai_strerror(err));
	return try_address(s);
}

static int connected(struct rli_session *s)
{
	int err = rli_link_connected(s->wire.fd);

	if (!err)
		return linked(s);
	rli_wire_close(&s->wire);
	if (!s->addr || !s->addr->ai_next)
		return cannot_connect(s, err);
	s->addr = s->addr->ai_next;
	return try_address(s);
}

int rli_connect_advance(struct rli_session *s)
{
	switch (s->state) {
	case RLI_RESOLVING:
		return looked_up(s);
	case RLI_CONNECTING:
		return connected(s);
	default:
		return shake_hands(s);
	}
}

int rli_connect_late(const struct rli_session *s)
{
	int ms = s->node->url.connect_timeout_ms;

	if (s->state == RLI_SECURING)
		return rli_fail(ENOLCK, "%s: no answer to the TLS handshake "
				"within %d ms (a port that does not speak "
				"TLS?)", label(s), ms);
	return rli_fail(ENOLCK, "%s: no connection within %d ms", label(s), ms);
}

/* A server that expects TLS just hangs up on who does not speak it. */
int rli_connect_hint(const struct rli_session *s, int err)
{
	if (err != ENOLCK || s->used || s->state < RLI_GREETING ||
	    s->node->url.scheme != RLI_REDIS)
		return err;
	return rli_fail(err, "%s, before it answered anything (a port that "
			"speaks TLS needs rediss://)", rli_error_message());
}
