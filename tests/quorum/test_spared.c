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

/* ------------------------------------------------------------ it owes too much */

static atomic_int stop;

static int hammers(struct proc *self, void *arg)
{
	rl_mutex_t mine;

	(void)self, (void)arg;
	make(&mine, &(struct want){ .name = "s", .lease_ms = 60000 });
	become_known(&mine, "s");
	proc_tell(self, 0);
	while (!atomic_load(&stop)) {
		PROC_CHECK(rl_mutex_lock(&mine) == 0);
		PROC_CHECK(rl_mutex_unlock(&mine) == 0);
	}
	/* What is owed to it is not lost with its connections. */
	proc_tell(self, 0);
	proc_hear(self);
	PROC_CHECK(rl_mutex_destroy(&mine) == 0);
	return 0;
}

/* Node 0 hangs, and is asked only when another one is slow: what it runs when it
 * is back ends where it began. */
Test(quorum_spared, what_was_asked_of_one_that_hangs_is_undone)
{
	struct proc *p = proc_start(PROC_THREAD, hammers, NULL);
	int i;

	proc_hear(p);
	server_pause(node[0]);
	for (i = 0; i < 18; i++) {
		usleep(30000);
		server_pause(node[1]);
		usleep(14000);
		server_resume(node[1]);
	}
	atomic_store(&stop, 1);
	proc_hear(p);
	server_resume(node[0]);
	cr_expect(holding_becomes("s", 0));
	proc_tell(p, 0);
	cr_expect_eq(proc_join(p), 0);
}
