/* The part of server.h that talks to the server. */

#include "support/server.h"
#include "support/wait.h"

#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RING	 256
#define NODES	 15
#define TEXT_MAX 16384

struct text {
	char *at;
	size_t left;
};

redisContext *server_connect(struct server *srv)
{
	struct timeval patience = { .tv_sec = WAIT_MS / 1000 };
	redisContext *c = redisConnectUnixWithTimeout(srv->addr.path, patience);
	redisReply *reply = NULL;

	if (c && !c->err && !redisSetTimeout(c, patience))
		reply = redisCommand(c, "AUTH tester tester");
	if (reply) {
		freeReplyObject(reply);
		return c;
	}
	if (c)
		redisFree(c);
	return NULL;
}

static void append(struct text *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void append(struct text *t, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(t->at, t->left, fmt, args);
	va_end(args);
	if (n < 0 || (size_t)n >= t->left)
		TEST_DIE("the reply is longer than %d", TEXT_MAX);
	t->at += n;
	t->left -= (size_t)n;
}

static void append_reply(struct text *t, const redisReply *r)
{
	size_t i;

	switch (r->type) {
	case REDIS_REPLY_NIL:
		append(t, "(nil)");
		break;
	case REDIS_REPLY_INTEGER:
		append(t, "%lld", r->integer);
		break;
	case REDIS_REPLY_ARRAY:
		for (i = 0; i < r->elements; i++) {
			if (i)
				append(t, "\n");
			append_reply(t, r->element[i]);
		}
		break;
	case REDIS_REPLY_ERROR:
		append(t, "-%s", r->str);
		break;
	default:
		append(t, "%s", r->str);
	}
}

static char *next_text(void)
{
	/* Of all threads together: what is thread-local is part of every
	 * thread's stack. */
	static char ring[RING][TEXT_MAX];
	static atomic_uint turn;

	return ring[atomic_fetch_add(&turn, 1) % RING];
}

/*
 * hiredis writes with write(2), which raises SIGPIPE when the server has just
 * gone; the test may be about who raises that.
 */
static void hold_sigpipe(sigset_t *sigpipe, sigset_t *before)
{
	sigemptyset(sigpipe);
	sigaddset(sigpipe, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, sigpipe, before);
}

static void drop_sigpipe(const sigset_t *sigpipe, const sigset_t *before)
{
	static const struct timespec at_once;

	if (sigismember(before, SIGPIPE))
		return;
	sigtimedwait(sigpipe, NULL, &at_once);
	pthread_sigmask(SIG_SETMASK, before, NULL);
}

static const char *vask(struct server *srv, const char *fmt, va_list args)
{
	sigset_t sigpipe, before;
	struct text text = { next_text(), TEXT_MAX };
	char *start = text.at;
	redisContext *c;
	redisReply *reply;

	*start = '\0';
	hold_sigpipe(&sigpipe, &before);
	c = server_connect(srv);
	reply = c ? redisvCommand(c, fmt, args) : NULL;
	drop_sigpipe(&sigpipe, &before);
	if (reply)
		append_reply(&text, reply);
	else
		append(&text, "(no answer)");
	if (reply)
		freeReplyObject(reply);
	if (c)
		redisFree(c);
	return start;
}

static int ask_each(struct server *srv, const char *fmt, va_list args,
		    const char **texts)
{
	va_list copy;
	int n = 0;

	for (; srv; srv = srv->next) {
		va_copy(copy, args);
		texts[n++] = vask(srv, fmt, copy);
		va_end(copy);
	}
	return n;
}

static int count(const char *const *texts, int n, const char *text)
{
	int i, times = 0;

	for (i = 0; i < n; i++)
		times += !strcmp(texts[i], text);
	return times;
}

const char *server_ask(struct server *srv, const char *fmt, ...)
{
	const char *texts[NODES];
	va_list args;
	int i, n, best = 0;

	va_start(args, fmt);
	n = ask_each(srv, fmt, args, texts);
	va_end(args);
	for (i = 1; i < n; i++)
		if (count(texts, n, texts[i]) > count(texts, n, texts[best]))
			best = i;
	return texts[best];
}

const char *server_ask_one(struct server *srv, const char *fmt, ...)
{
	const char *text;
	va_list args;

	va_start(args, fmt);
	text = vask(srv, fmt, args);
	va_end(args);
	return text;
}

static long long number(const char *fmt, const char *text)
{
	char *end;
	long long value = strtoll(text, &end, 10);

	if (end == text || *end)
		TEST_DIE("%s: not a number: %s", fmt, text);
	return value;
}

long long server_ask_int(struct server *srv, const char *fmt, ...)
{
	const char *texts[NODES];
	long long sorted[NODES], value;
	va_list args;
	int i, j, n;

	va_start(args, fmt);
	n = ask_each(srv, fmt, args, texts);
	va_end(args);
	for (i = 0; i < n; i++) {
		value = number(fmt, texts[i]);
		for (j = i; j > 0 && sorted[j - 1] > value; j--)
			sorted[j] = sorted[j - 1];
		sorted[j] = value;
	}
	return sorted[n / 2];
}

static long long info_of(const char *text, const char *field)
{
	size_t len = strlen(field);
	const char *p;

	for (p = text; (p = strstr(p, field)); p += len) {
		if (p > text && p[-1] == '\n' && p[len] == ':')
			return strtoll(p + len + 1, NULL, 10);
	}
	return 0;
}

long long server_info(struct server *srv, const char *field)
{
	long long largest = info_of(server_ask_one(srv, "INFO"), field), value;

	while ((srv = srv->next)) {
		value = info_of(server_ask_one(srv, "INFO"), field);
		if (value > largest)
			largest = value;
	}
	return largest;
}

struct info_wait {
	struct server *srv;
	const char *field;
	long long value;
};

static bool info_is(void *arg)
{
	struct info_wait *w = arg;

	return server_info(w->srv, w->field) == w->value;
}

bool server_info_becomes(struct server *srv, const char *field, long long value)
{
	struct info_wait w = { srv, field, value };

	return wait_until(info_is, &w, WAIT_MS);
}
