/*
 * A node that is down is spared, and asked only where the others do not
 * suffice: these have the time that they always have.
 */
#include "quorum.h"

#define SLOW_MS 60

static rl_mutex_t m;

static void setup(void)
{
	nodes_begin(3, NULL);
	proxy[2] = proxy_start(&node[2]->addr, false);
	list_nodes(all, sizeof(all), 0, nodes);
	make(&m, &(struct want){ .no_refresh = true });
}

static void teardown(void)
{
	rl_mutex_destroy(&m);
	nodes_end();
}

TestSuite(quorum_spared, .init = setup, .fini = teardown);

/* Node 1 goes, and fails once and again: after 50 ms, after 100 more and after
 * 200 more. Then it is spared for 400. */
static void one_is_spared(void)
{
	int64_t end = wait_now_ms() + 400;

	server_kill(node[1]);
	while (wait_now_ms() < end)
		cr_assert_eq(rl_mutex_locked(&m), EBUSY);
}

/* The fast node says no; only then is the one asked that is down. */
Test(quorum_spared, the_slow_one_is_waited_for_though_the_other_is_down)
{
	OK(rl_mutex_lock(&m));
	one_is_spared();
	OK(rl_mutex_reset(&m));
	proxy_delay(proxy[2], TO_CLIENT, SLOW_MS);
	EXPECT(rl_mutex_unlock(&m), ESTALE);
	EXPECT(rl_mutex_unlock(&m), EPERM);
}
