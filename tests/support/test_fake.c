#include <criterion/criterion.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <string.h>

#include "support/fake.h"
#include "support/wait.h"

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

static redisContext *connect_to(struct fake *f)
{
	struct timeval patience = { .tv_usec = 300000 };
	redisContext *c = f->addr.path[0]
				  ? redisConnectUnix(f->addr.path)
				  : redisConnect("127.0.0.1", f->addr.port);

	cr_assert(c && !c->err);
	redisSetTimeout(c, patience);
	return c;
}

/* hiredis writes to connections that are closed. */
static void ignore_sigpipe(void)
{
	signal(SIGPIPE, SIG_IGN);
}

TestSuite(support_fake, .init = ignore_sigpipe);

Test(support_fake, it_answers_what_the_script_says)
{
	static const struct fake_step script[] = {
		{ .kind = FAKE_ACCEPT },
		{ .kind = FAKE_COMMAND, .text = "EVALSHA" },
		{ .kind = FAKE_SEND, .text = ":42\r\n" },
		{ .kind = FAKE_CLOSE },
		{ .kind = FAKE_AGAIN },
	};
	struct fake *f = fake_start(script, COUNT(script), false);
	int round;

	for (round = 0; round < 2; round++) {
		redisContext *c = connect_to(f);
		redisReply *r = redisCommand(c, "AUTH x");

		cr_assert_str_eq(r->str, "OK");
		freeReplyObject(r);
		r = redisCommand(c, "EVALSHA x 0");
		cr_assert_eq(r->integer, 42);
		freeReplyObject(r);
		cr_expect_null(redisCommand(c, "PING"));
		redisFree(c);
	}
	fake_stop(f);
}

Test(support_fake, half_a_reply_and_a_reset)
{
	static const struct fake_step script[] = {
		{ .kind = FAKE_ACCEPT },
		{ .kind = FAKE_COMMAND },
		{ .kind = FAKE_SEND, .text = "$10\r\nabc\0d", .len = 10 },
		{ .kind = FAKE_PAUSE },
		{ .kind = FAKE_RST },
	};
	struct fake *f = fake_start(script, COUNT(script), true);
	redisContext *c = connect_to(f);

	redisAppendCommand(c, "GET k");
	redisBufferWrite(c, NULL);
	cr_expect(fake_reaches(f, 3));
	cr_expect_eq(fake_steps(f), 3);
	fake_go(f);
	cr_expect(fake_reaches(f, 5));
	cr_expect_null(redisCommand(c, "PING"));
	redisFree(c);
	fake_stop(f);
}

Test(support_fake, after_its_script_it_is_silent)
{
	static const struct fake_step script[] = {
		{ .kind = FAKE_ACCEPT },
		{ .kind = FAKE_BYTES, .len = 1 },
	};
	struct fake *f = fake_start(script, COUNT(script), false);
	redisContext *c = connect_to(f);

	cr_expect_null(redisCommand(c, "PING"));
	cr_expect_eq(c->err, REDIS_ERR_IO);
	cr_expect_eq(fake_steps(f), 2);
	redisFree(c);
	fake_stop(f);
}
