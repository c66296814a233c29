#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "support/proxy.h"
#include "support/server.h"
#include "support/wait.h"

static struct server *srv;
static struct proxy *proxy;

static void setup(void)
{
	/* hiredis writes to connections that are closed. */
	signal(SIGPIPE, SIG_IGN);
	srv = server_start(NULL);
	proxy = proxy_start(&srv->addr, true);
}

static void teardown(void)
{
	proxy_stop(proxy);
	server_stop(srv);
}

TestSuite(support_proxy, .init = setup, .fini = teardown);

static redisContext *through(void)
{
	struct timeval patience = { .tv_usec = 300000 };
	redisContext *c = redisConnect("127.0.0.1", proxy->addr.port);

	cr_assert(c && !c->err);
	redisSetTimeout(c, patience);
	return c;
}

/* 0 and the reply's integer or first character, else the errno of c. */
static int ask(redisContext *c, const char *command, long long *value)
{
	redisReply *r = redisCommand(c, command);

	if (!r)
		return c->err == REDIS_ERR_EOF ? ECONNRESET : c->err;
	*value = r->type == REDIS_REPLY_INTEGER ? r->integer : *r->str;
	freeReplyObject(r);
	return 0;
}

static int arm_and_incr(struct proxy_rule rule)
{
	redisContext *c = through();
	long long value;
	int err;

	cr_assert_eq(ask(c, "PING", &value), 0);
	proxy_arm(proxy, &rule);
	err = ask(c, "INCR n", &value);
	cr_expect(proxy_fires(proxy));
	redisFree(c);
	return err;
}

Test(support_proxy, it_passes_on_and_counts)
{
	redisContext *c = through();
	struct proxy_stats s;
	long long value;

	cr_expect_eq(ask(c, "INCR n", &value), 0);
	cr_expect_eq(ask(c, "INCR n", &value), 0);
	cr_expect_eq(value, 2);
	s = proxy_stats(proxy);
	cr_expect_eq(s.accepted, 1);
	cr_expect_eq(s.open, 1);
	cr_expect_eq(s.commands, 2);
	cr_expect_eq(s.bytes[TO_SERVER], 2 * 21);
	cr_expect_eq(s.bytes[TO_CLIENT], 2 * 4);
	redisFree(c);
}

Test(support_proxy, a_cut_answer_leaves_the_command_done)
{
	cr_expect_neq(arm_and_incr((struct proxy_rule){ .dir = TO_CLIENT,
							.action = PROXY_CUT }),
		      0);
	cr_expect_str_eq(server_ask(srv, "GET n"), "1");
}

Test(support_proxy, a_cut_command_is_never_done)
{
	cr_expect_neq(arm_and_incr((struct proxy_rule){ .dir = TO_SERVER,
							.action = PROXY_CUT,
							.bytes = 20 }),
		      0);
	cr_expect_str_eq(server_ask(srv, "GET n"), "(nil)");
}

Test(support_proxy, a_whole_answer_can_pass_before_the_cut)
{
	cr_expect_eq(arm_and_incr((struct proxy_rule){ .dir = TO_CLIENT,
						       .action = PROXY_CUT,
						       .bytes = 4 }),
		     0);
}

Test(support_proxy, a_reset_is_one)
{
	redisContext *c = through();
	long long value;

	proxy_arm(proxy, &(struct proxy_rule){ .dir = TO_CLIENT,
					       .action = PROXY_RST });
	cr_expect_eq(ask(c, "INCR n", &value), REDIS_ERR_IO);
	cr_expect(strstr(c->errstr, "reset"));
	redisFree(c);
}

Test(support_proxy, a_rule_can_wait_for_the_nth_of_a_command)
{
	redisContext *c = through();
	long long value;

	proxy_arm(proxy, &(struct proxy_rule){ .dir = TO_CLIENT,
					       .action = PROXY_HALF,
					       .command = "incr n",
					       .nth = 2 });
	cr_expect_eq(ask(c, "INCR m", &value), 0);
	cr_expect_eq(ask(c, "INCR n", &value), 0);
	cr_expect_eq(ask(c, "GET n", &value), 0);
	cr_expect_not(proxy_fired(proxy));
	cr_expect_eq(ask(c, "INCR n", &value), ECONNRESET);
	cr_expect(proxy_fired(proxy));
	cr_expect_str_eq(server_ask(srv, "GET n"), "2");
	redisFree(c);
}

Test(support_proxy, what_is_held_comes_after_the_release)
{
	redisContext *c = through();
	redisReply *r = NULL;

	proxy_arm(proxy, &(struct proxy_rule){ .dir = TO_CLIENT,
					       .action = PROXY_HOLD });
	redisAppendCommand(c, "INCR n");
	redisBufferWrite(c, NULL);
	cr_expect(proxy_fires(proxy));
	cr_expect_str_eq(server_ask(srv, "GET n"), "1");
	proxy_release(proxy);
	cr_assert_eq(redisGetReply(c, (void **)&r), REDIS_OK);
	cr_expect_eq(r->integer, 1);
	freeReplyObject(r);
	redisFree(c);
}

Test(support_proxy, what_is_dropped_never_comes)
{
	cr_expect_eq(arm_and_incr((struct proxy_rule){ .dir = TO_CLIENT,
						       .action = PROXY_DROP }),
		     REDIS_ERR_IO);
	cr_expect_str_eq(server_ask(srv, "GET n"), "1");
}

Test(support_proxy, a_delay_is_not_less_than_it_says)
{
	redisContext *c = through();
	long long value;
	int64_t start = wait_now_ms();

	proxy_delay(proxy, TO_SERVER, 30);
	proxy_delay(proxy, TO_CLIENT, 20);
	cr_expect_eq(ask(c, "INCR n", &value), 0);
	cr_expect_geq(wait_now_ms() - start, 50);
	redisFree(c);
}

Test(support_proxy, it_refuses_while_told_to_and_acts_at_once)
{
	redisContext *c = through();
	long long value;

	cr_expect_eq(ask(c, "INCR n", &value), 0);
	proxy_act(proxy, TO_CLIENT, PROXY_CUT);
	cr_expect_eq(ask(c, "INCR n", &value), ECONNRESET);
	redisFree(c);
	proxy_refuse(proxy, true);
	c = through();
	cr_expect_neq(ask(c, "INCR n", &value), 0);
	redisFree(c);
	proxy_refuse(proxy, false);
	c = through();
	cr_expect_eq(ask(c, "INCR n", &value), 0);
	cr_expect_eq(value, 2);
	redisFree(c);
}
