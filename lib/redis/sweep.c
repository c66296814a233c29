/*
 * Every lock is found by its K, or by its meta alone if it is free or not
 * recoverable. First all names are collected, by SCAN, so that a name which
 * SCAN gives twice, or several servers give, is reset once; then each is reset
 * by the script.
 */
#include "redis/sweep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/place.h"
#include "redis/op.h"

struct names {
	char **name;
	size_t n, cap;
	bool scanning;		/* the first text of an answer is the cursor */
	char cursor[24];
	int err;
	bool done, again;	/* again: the connection was lost on the way */
	struct rli_conns *conns;
	struct rli_session *session;
};

struct scan {
	struct rli_request request;
	struct names *names;
};

static int grow(struct names *names)
{
	size_t cap = names->cap ? 2 * names->cap : 64;
	char **name;

	if (names->n < names->cap)
		return 0;
	name = rli_realloc(names->name, cap * sizeof(*name));
	if (!name)
		return rli_fail_nomem();
	names->name = name;
	names->cap = cap;
	return 0;
}

/* "{K}:rl:meta" → K, "K:rl.meta" → K; any other key is a K itself. */
static char *lock_name(const char *key, size_t len)
{
	size_t meta = sizeof(RLI_META_BRACED) - 1;

	if (len > meta + 2 && key[0] == '{' &&
	    !memcmp(key + len - meta, RLI_META_BRACED, meta))
		return rli_strndup(key + 1, len - meta - 1);
	meta = sizeof(RLI_META_TAGGED) - 1;
	if (len > meta && !memcmp(key + len - meta, RLI_META_TAGGED, meta))
		return rli_strndup(key, len - meta);
	return rli_strndup(key, len);
}

static void collect(void *arg, const char *text, size_t len)
{
	struct names *names = arg;

	if (names->scanning) {
		names->scanning = false;
		if (len < sizeof(names->cursor)) {
			memcpy(names->cursor, text, len);
			names->cursor[len] = '\0';
		}
		return;
	}
	if (names->err || (names->err = grow(names)))
		return;
	names->name[names->n] = lock_name(text, len);
	if (names->name[names->n])
		names->n++;
	else
		names->err = rli_fail_nomem();
}

static void scanned(struct rli_request *r, int err, bool unsent,
		    const struct rli_reply *reply)
{
	struct names *names = ((struct scan *)r)->names;

	const char *label = names->session->node->url.label;

	(void)unsent;
	names->again = err == ENOLCK;
	if (!err && reply->type == REDIS_REPLY_ERROR)
		err = rli_reply_error(label, reply);
	else if (!err && (reply->items != 2 || names->scanning))
		err = rli_reply_nonsense(label, "SCAN", reply);
	if (err)
		names->err = err;
	names->done = true;
	names->conns->finished++;
}

static int scan_once(struct names *names, const char *pattern,
		     const char *type)
{
	const struct rli_sink sink = { collect, names };
	struct scan scan = { .names = names };
	struct rli_session *s = names->session;
	const struct rli_arg arg[] = {
		RLI_ARG("SCAN"), { names->cursor, strlen(names->cursor) },
		RLI_ARG("MATCH"), { pattern, strlen(pattern) },
		RLI_ARG("COUNT"), RLI_ARG("1000"),
		RLI_ARG("TYPE"), { type, strlen(type) },
	};
	int err;

	scan.request.done = scanned;
	scan.request.sink = &sink;
	scan.request.deadline = rli_after(
		rli_now(), rli_ms(s->node->url.command_timeout_ms +
				  s->node->url.connect_timeout_ms));
	names->done = false;
	names->scanning = true;
	err = rli_session_submit(s, &scan.request, arg, 8);
	while (!err && !names->done)
		rli_conns_pump(names->conns, RLI_FOREVER, -1);
	return err ? err : names->err;
}

/* A connection that breaks is made anew, once. Names that came before it broke
 * come again. */
static int scan_twice(struct names *names, const char *pattern,
		      const char *type)
{
	int err;

	names->again = false;
	err = scan_once(names, pattern, type);
	if (!err || !names->again)
		return err;
	names->err = 0;
	return scan_once(names, pattern, type);
}

static int scan_all(struct names *names, const char *pattern, const char *type)
{
	int err;

	strcpy(names->cursor, "0");
	do
		err = scan_twice(names, pattern, type);
	while (!err && strcmp(names->cursor, "0") != 0);
	return err;
}

/* What stands for itself in a pattern, with what surrounds it. */
static char *make_pattern(const char *before, const char *prefix,
			  const char *after)
{
	char *pattern = rli_malloc(strlen(before) + 2 * strlen(prefix) +
				   strlen(after) + 1);
	char *to = pattern;

	if (!pattern)
		return NULL;
	to = stpcpy(to, before);
	for (; *prefix; prefix++) {
		if (strchr("*?[]\\^-", *prefix))
			*to++ = '\\';
		*to++ = *prefix;
	}
	stpcpy(to, after);
	return pattern;
}

static int scan_for(struct names *names, const char *before,
		    const char *prefix, const char *after, const char *type)
{
	char *pattern = make_pattern(before, prefix, after);
	int err;

	if (!pattern)
		return rli_fail_nomem();
	err = scan_all(names, pattern, type);
	rli_free(pattern);
	return err;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int reset(struct names *names, struct rli_servers *servers,
		 const char *k, bool only_ours, size_t *n)
{
	struct rli_op op = { .kind = RLI_OP_RESET, .servers = servers,
			     .flags = only_ours ? RLI_DO_FORM : 0,
			     .patience = RLI_FOREVER };
	struct rli_place place;
	int err = rli_place_make(&place, "", k);

	/* A key with braces that no lock of ours can have is none of ours. */
	if (err)
		return err == EINVAL ? 0 : err;
	op.place = &place;
	err = rli_op_run(names->conns, &op);
	rli_place_free(&place);
	if (!err && op.held)
		++*n;
	return err;
}

static int reset_each(struct names *names, struct rli_servers *servers,
		      bool only_ours, size_t *n)
{
	size_t i;
	int err = 0;

	if (names->n)
		qsort(names->name, names->n, sizeof(*names->name), by_name);
	for (i = 0; i < names->n && !err; i++)
		if (i == 0 || strcmp(names->name[i], names->name[i - 1]))
			err = reset(names, servers, names->name[i], only_ours,
				    n);
	return err;
}

static int scan_node(struct names *names, struct rli_node *node,
		     const char *prefix)
{
	int err = rli_conns_session(names->conns, node, &names->session);

	names->err = 0;
	if (!err)
		err = scan_for(names, "", prefix, "*", "string");
	if (!err)
		err = scan_for(names, "{", prefix, "*" RLI_META_BRACED,
			       "hash");
	if (!err)
		err = scan_for(names, "", prefix, "*" RLI_META_TAGGED, "hash");
	return err;
}

/* What a majority has scanned has no lock that a majority holds and that was
 * not seen. */
static int scan_nodes(struct names *names, const struct rli_servers *servers,
		      const char *prefix)
{
	int i, err, failed = 0, scanned = 0;

	for (i = 0; i < servers->n; i++) {
		err = scan_node(names, servers->node[i], prefix);
		scanned += !err;
		if (err == ENOMEM)
			return err;
		if (err)
			failed = err;
	}
	return scanned > servers->n / 2 ? 0 : failed;
}

int rli_sweep(struct rli_conns *conns, struct rli_servers *servers,
	      const char *prefix, size_t *n)
{
	struct names names = { .conns = conns };
	size_t i;
	int err = scan_nodes(&names, servers, prefix);

	*n = 0;
	if (!err)
		err = reset_each(&names, servers, !*prefix, n);
	for (i = 0; i < names.n; i++)
		rli_free(names.name[i]);
	rli_free(names.name);
	return err;
}
