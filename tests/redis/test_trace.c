/*
 * RL_LOG=info and debug: which lines a lock and an unlock make.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rl/rl.h>

#include "support/server.h"

#define PASSWORD "sesame"

static struct server *srv;
static char heard[8192];

static void hear(int level, const char *text, void *arg)
{
	size_t len = strlen(heard);

	(void)arg;
	snprintf(heard + len, sizeof(heard) - len, "%d %s\n", level, text);
}

static void setup(void)
{
	unsetenv("RL_LOG");
	srv = server_start(&(struct server_options){ .password = PASSWORD });
	setenv("RL_SERVERS", srv->url, 1);
}

static void teardown(void)
{
	server_stop(srv);
}

TestSuite(trace, .init = setup, .fini = teardown);

static void lock_and_unlock(int level)
{
	rl_mutex_t m;

	heard[0] = '\0';
	cr_assert_eq(rl_set_log(hear, NULL, level), 0);
	cr_assert_eq(rl_mutex_init(&m, "n", NULL), 0);
	cr_assert_eq(rl_mutex_lock(&m), 0, "%s", rl_last_error());
	cr_assert_eq(rl_mutex_unlock(&m), 0);
	cr_assert_eq(rl_mutex_destroy(&m), 0);
	cr_expect_not(strstr(heard, PASSWORD));
}

/* The next line that has this, behind the ones before. */
static void expect_next(const char **at, const char *what)
{
	const char *found = strstr(*at, what);

	cr_assert(found, "no '%s' in\n%s", what, *at);
	*at = found + strlen(what);
}

Test(trace, a_connection_is_told_and_nothing_else)
{
	const char *at = heard;

	lock_and_unlock(RL_LOG_INFO);
	expect_next(&at, "2 unix://");
	expect_next(&at, ": connected\n");
	cr_expect_str_eq(at, "");
}

Test(trace, each_request_is_told_and_what_was_answered)
{
	const char *at = heard;
	uint64_t fence;

	lock_and_unlock(RL_LOG_DEBUG);
	expect_next(&at, ": connected\n");
	expect_next(&at, " acquire 3 rl:n {rl:n}:rl:meta {rl:n}:rl:wake thrd:");
	expect_next(&at, ": answer ");
	fence = strtoull(at, NULL, 10);
	cr_expect_gt(fence, 0);
	expect_next(&at, " release 3 rl:n {rl:n}:rl:meta {rl:n}:rl:wake thrd:");
	expect_next(&at, ": answer 1\n");
}

Test(trace, an_error_is_told_too)
{
	const char *at = heard;

	server_ask(srv, "SCRIPT FLUSH");
	lock_and_unlock(RL_LOG_DEBUG);
	expect_next(&at, " EVALSHA acquire ");
	expect_next(&at, ": answer NOSCRIPT ");
	expect_next(&at, " EVAL acquire ");
	expect_next(&at, ": answer ");
}
