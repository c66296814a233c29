/*
 * A call that has timed out, and a node that hears of it later: it keeps nothing
 * for that, though the thread asks for nothing more.
 */
#include "quorum.h"

static rl_mutex_t m, other;

static void setup(void)
{
	const struct want lasting = { .lease_ms = 60000, .no_refresh = true };

	nodes_proxied(3, NULL);
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

/* One that was paused is left alone for a while. */
static bool other_has_all(void *arg)
{
	(void)arg;
	MUST(rl_mutex_lock(&other));
	if (wait_until(holding_is, &(struct state){ "n", nodes }, 100))
		return true;
	MUST(rl_mutex_unlock(&other));
	return false;
}

struct ran {
	int i;
	long long before;
};

static bool has_run_more(void *arg)
{
	struct ran *r = arg;

	return scripts_run(r->i) > r->before;
}

/* The others' answers take longer than the call has, but not longer than servers
 * have in any case. */
#define SLOW_MS 25
#define SHORT_MS 8

static void slow_down(int but, int ms)
{
	int i;

	for (i = 0; i < nodes; i++)
		proxy_delay(proxy[i], TO_CLIENT, i == but ? 0 : ms);
}

/* Node i has not what the others have, and would grant it. */
static void it_is_late(int i)
{
	struct ran ran = { .i = i };

	cr_assert(wait_until(other_has_all, NULL, WAIT_MS));
	server_ask(node[i], "DEL rl:n");
	ran.before = scripts_run(i);
	server_pause(node[i]);
	slow_down(i, SLOW_MS);
	EXPECT(timedlock_ms(&m, SHORT_MS), ETIMEDOUT);
	server_resume(node[i]);
	cr_expect(wait_until(has_run_more, &ran, WAIT_MS));
	cr_expect(wait_until(is_free_there, node[i], WAIT_MS), "%d", i);
	slow_down(i, 0);
	OK(rl_mutex_unlock(&other));
	become_known(&m, "n");
}

Test(quorum_given_up, what_comes_late_is_undone)
{
	int i;

	for (i = 0; i < 3; i++)
		it_is_late(i);
}
