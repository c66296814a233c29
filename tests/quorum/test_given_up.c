/*
 * A call that has timed out, and a node that hears of it later: it keeps nothing
 * for that, though the thread asks for nothing more.
 */
#include "quorum.h"

static rl_mutex_t m, other;

static void setup(void)
{
	const struct want lasting = { .lease_ms = 60000, .no_refresh = true };

	nodes_begin(3, NULL);
	make(&m, &lasting);
	make(&other, &(struct want){ .owner = "other", .no_refresh = true });
	become_known(&m, "n");
}

static void teardown(void)
{
	rl_mutex_destroy(&m);
	rl_mutex_destroy(&other);
	nodes_end();
}

TestSuite(quorum_given_up, .init = setup, .fini = teardown);

static bool is_free_there(void *srv)
{
	return server_ask_int(srv, "EXISTS rl:n") == 0;
}

/* Node i has not what the others have, and would grant it. */
static void it_is_late(int i, int ms)
{
	OK(rl_mutex_lock(&other));
	cr_assert(holding_becomes("n", nodes));
	server_ask(node[i], "DEL rl:n");
	server_pause(node[i]);
	EXPECT(timedlock_ms(&m, ms), ETIMEDOUT);
	server_resume(node[i]);
	cr_expect(wait_until(is_free_there, node[i], WAIT_MS), "%d, %d ms", i,
		  ms);
	OK(rl_mutex_unlock(&other));
	become_known(&m, "n");
}

/* Too short for a second look, and long enough for several. */
Test(quorum_given_up, what_comes_late_is_undone)
{
	int i, ms;

	for (i = 0; i < 3; i++)
		for (ms = 1; ms < 300; ms *= 4)
			it_is_late(i, ms);
}
