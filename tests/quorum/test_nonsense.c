/*
 * A node that says anything at all, in the form of an answer of rl's scripts or
 * not: with two that are sound beside it, it costs nothing but itself.
 */
#include "quorum.h"

#include "support/fake.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
/* So many commands are answered on one connection; then it hangs. */
#define COMMANDS 400

#define MOST ":9223372036854775807\r\n"
#define LEAST ":-9223372036854775808\r\n"

static struct fake *fake;
static struct fake_step script[1 + 2 * COMMANDS];
static char list[1024];

static void liar_begins(const char *says)
{
	int i;

	script[0] = (struct fake_step){ .kind = FAKE_ACCEPT };
	for (i = 0; i < COMMANDS; i++) {
		script[1 + 2 * i] = (struct fake_step){ .kind = FAKE_COMMAND };
		script[2 + 2 * i] = (struct fake_step){ .kind = FAKE_SEND,
							.text = says };
	}
	fake = fake_start(script, COUNT(script), false);
	snprintf(list, sizeof(list), "%s %s %s", fake->url, node[0]->url,
		 node[1]->url);
}

/* Each list of servers has a lock of its own. */
static void every_call(int type)
{
	static int locks;
	struct timespec ten = { .tv_sec = 10 };
	struct want want = { .servers = list, .type = type };
	char owner[256], name[16];
	uint64_t fence;
	rl_mutex_t m;

	snprintf(name, sizeof(name), "n%d", locks++);
	want.name = name;
	if (type == RL_MUTEX_REFRESH)
		want.owner = "o";
	make(&m, &want);
	OK(rl_mutex_lock(&m));
	OK(rl_mutex_refresh(&m));
	OK(rl_mutex_extend(&m, &ten));
	OK(rl_mutex_held(&m));
	OK(rl_mutex_fence(&m, &fence));
	OK(rl_mutex_owner(&m, owner, sizeof(owner)));
	EXPECT(rl_mutex_locked(&m), EBUSY);
	OK(rl_mutex_unlock(&m));
	OK(rl_mutex_locked(&m));
	OK(rl_mutex_trylock(&m));
	OK(rl_mutex_reset(&m));
	EXPECT(rl_mutex_unlock(&m), ESTALE);
	OK(rl_mutex_trylock(&m));
	OK(rl_mutex_unlock(&m));
	OK(rl_mutex_destroy(&m));
}

static void setup(void)
{
	nodes_begin(2, NULL);
}

static void each_call_is_answered_so(const char *const *says, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		fprintf(stderr, "%s", says[i]);
		liar_begins(says[i]);
		every_call(RL_MUTEX_NORMAL);
		every_call(RL_MUTEX_REFRESH);
		fake_stop(fake);
	}
}

TestSuite(quorum_nonsense, .init = setup, .fini = nodes_end);

Test(quorum_nonsense, numbers_that_no_script_says_are_none)
{
	static const char *const says[] = {
		MOST, LEAST,
		"*2\r\n:3\r\n" MOST,
		"*3\r\n:6\r\n" MOST MOST,
		"*3\r\n:7\r\n" MOST MOST,
		"*3\r\n:7\r\n" LEAST LEAST,
		"*4\r\n:0\r\n" MOST ":0\r\n" MOST,
		"*4\r\n:0\r\n" LEAST ":0\r\n" LEAST,
		"*4\r\n:0\r\n:1\r\n" MOST LEAST,
		"*5\r\n:0\r\n" MOST ":0\r\n" MOST MOST,
		"*5\r\n:0\r\n" MOST ":0\r\n" MOST "$1\r\nx\r\n",
		"*6\r\n:0\r\n" LEAST ":0\r\n" LEAST "$0\r\n\r\n" LEAST,
		"*4\r\n" MOST LEAST ":1\r\n$1\r\nx\r\n",
		"*3\r\n:1\r\n" LEAST ":1\r\n",
		"*2\r\n:1\r\n" MOST,
	};

	each_call_is_answered_so(says, COUNT(says));
}

Test(quorum_nonsense, answers_to_another_question_are_none)
{
	static const char *const says[] = {
		":1\r\n",
		"*2\r\n:1\r\n:1\r\n",
		"*2\r\n:2\r\n:1\r\n",
		"*2\r\n:6\r\n:1\r\n",
		"*3\r\n:1\r\n:-1\r\n:1\r\n",
		"*3\r\n:2\r\n:5\r\n:0\r\n",
	};

	each_call_is_answered_so(says, COUNT(says));
}
