#ifndef TESTS_WAITING_REPLAY_H
#define TESTS_WAITING_REPLAY_H

/*
 * Whether the line is kept, judged from what the server did, command by
 * command (MONITOR), and not from what the waiters believe:
 *
 *  an overtaking	a lock was granted to a newcomer while somebody stood in
 *			the line
 *  a lost wake-up	a lock was freed, and nobody told, while somebody stood
 *			in the line
 *  a late claim	a token was popped, and worth nothing any more
 *
 * Who is woken of those in the line is the server's own first-come-first-served
 * order, and is not judged here. It watches one lock, over TCP, so that each
 * client has an address of its own.
 */

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis/scripts_lua.h"
#include "support/server.h"
#include "support/wait.h"

#define REPLAY_LINE_MAX 256
#define REPLAY_END	"replay-is-over"

enum replay_script {
	NO_SCRIPT,
	ACQUIRE_SCRIPT,
	CLAIM_SCRIPT,
	RELEASE_SCRIPT,
	ANY_SCRIPT
};

struct replay {
	struct server *srv;
	redisContext *link;
	int line[REPLAY_LINE_MAX]; /* ports of those who wait, in order */
	int waiting;
	bool token; /* a hand-off that nobody has popped */
	enum replay_script script;
	bool took, freed, pushed;
	/* The verdict: */
	long grants, hand_offs, overtakings, lost_wake_ups, late_claims;
};

/* The nth "argument" of a line of MONITOR (0: the command), NULL: none. */
static inline const char *replay_arg(const char *line, int n)
{
	const char *at = strchr(line, ']');

	at = at ? strchr(at, '"') : NULL;
	while (at && n--) {
		for (at++; *at && *at != '"'; at++)
			if (*at == '\\' && at[1])
				at++;
		at = *at ? strchr(at + 1, '"') : NULL;
	}
	return at ? at + 1 : NULL;
}

static inline bool replay_is(const char *arg, const char *text)
{
	size_t len = strlen(text);

	return arg && !strncasecmp(arg, text, len) && arg[len] == '"';
}

static inline void replay_script_ends(struct replay *r)
{
	if (r->script == ACQUIRE_SCRIPT && r->took && !r->freed && !r->pushed) {
		r->grants++;
		if (r->waiting)
			r->overtakings++;
	}
	if (r->script == RELEASE_SCRIPT && r->freed && !r->pushed && r->waiting)
		r->lost_wake_ups++;
	if (r->script == CLAIM_SCRIPT && !r->took)
		r->late_claims++;
	if (r->pushed && r->waiting) {
		r->waiting--;
		memmove(r->line, r->line + 1, (size_t)r->waiting * sizeof(int));
		r->hand_offs++;
		r->token = false;
	}
	r->script = NO_SCRIPT;
	r->took = r->freed = r->pushed = false;
}

/* What a script did. An acquire has taken K, for itself or to hand it off, if
 * it counts a hold; a claim, if it sets K. */
static inline void replay_in_script(struct replay *r, const char *line)
{
	const char *command = replay_arg(line, 0), *arg = replay_arg(line, 1);

	if (replay_is(command, "HINCRBY") && r->script == ACQUIRE_SCRIPT)
		r->took = true;
	if (replay_is(command, "SET") && r->script == CLAIM_SCRIPT)
		r->took = true;
	if (replay_is(command, "RPUSH"))
		r->pushed = r->token = true;
	if (!replay_is(command, "DEL") || !arg)
		return;
	if (strstr(arg, ":wake"))
		r->token = false;
	else if (!strstr(arg, ":meta"))
		r->freed = true;
}

static inline enum replay_script replay_kind(const char *line)
{
	const char *sha = replay_arg(line, 1);

	if (replay_is(sha, rli_script_acquire.sha1))
		return ACQUIRE_SCRIPT;
	if (replay_is(sha, rli_script_claim.sha1))
		return CLAIM_SCRIPT;
	if (replay_is(sha, rli_script_release.sha1))
		return RELEASE_SCRIPT;
	return ANY_SCRIPT;
}

static inline void replay_leaves(struct replay *r, int port)
{
	for (int i = 0; i < r->waiting; i++)
		if (r->line[i] == port) {
			r->waiting--;
			memmove(r->line + i, r->line + i + 1,
				(size_t)(r->waiting - i) * sizeof(int));
			return;
		}
}

/* One line of MONITOR; false: it is over. */
static inline bool replay_line(struct replay *r, const char *line)
{
	const char *from = strchr(line, '['), *command = replay_arg(line, 0);
	const char *colon;
	int port;

	if (!from || !command)
		return true;
	if (strncmp(from, "[0 lua]", 7) == 0) {
		replay_in_script(r, line);
		return true;
	}
	replay_script_ends(r);
	if (replay_is(command, "ECHO") &&
	    replay_is(replay_arg(line, 1), REPLAY_END))
		return false;
	colon = strchr(from, ':');
	port = colon ? atoi(colon + 1) : 0;
	replay_leaves(r, port);
	if (replay_is(command, "EVALSHA"))
		r->script = replay_kind(line);
	else if (replay_is(command, "EVAL"))
		r->script = ANY_SCRIPT;
	else if (replay_is(command, "BLPOP") && r->token)
		r->token = false;
	else if (replay_is(command, "BLPOP")) {
		TEST_MUST(r->waiting < REPLAY_LINE_MAX);
		r->line[r->waiting++] = port;
	}
	return true;
}

static inline void replay_watch(struct replay *r)
{
	redisReply *reply;
	bool more = true;

	while (more && redisGetReply(r->link, (void **)&reply) == REDIS_OK) {
		if (reply->type == REDIS_REPLY_STATUS)
			more = replay_line(r, reply->str);
		freeReplyObject(reply);
	}
	TEST_MUST(!more);
}

static inline void replay_begin(struct replay *r, struct server *srv)
{
	redisReply *reply;

	memset(r, 0, sizeof(*r));
	r->srv = srv;
	r->link = server_connect(srv);
	TEST_MUST(r->link);
	reply = redisCommand(r->link, "MONITOR");
	TEST_MUST(reply && reply->type == REDIS_REPLY_STATUS);
	freeReplyObject(reply);
}

/*
 * Judges all that was asked of the server until now; the server has kept it for
 * us. (Not read by a thread meanwhile: one that allocates while another forks
 * leaves AddressSanitizer's allocator locked in the child.)
 */
static inline void replay_finish(struct replay *r)
{
	server_ask(r->srv, "ECHO " REPLAY_END);
	replay_watch(r);
	redisFree(r->link);
}

#endif
