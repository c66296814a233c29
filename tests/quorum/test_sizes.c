/*
 * Lists of two to fifteen servers: more than half of them are needed, and no
 * more.
 */
#include "quorum.h"

static rl_mutex_t m;

TestSuite(quorum_sizes);

static void lock_and_unlock(void)
{
	OK(timedlock_ms(&m, 8000));
	OK(rl_mutex_held(&m));
	EXPECT(rl_mutex_locked(&m), EBUSY);
	OK(rl_mutex_unlock(&m));
}

static void needs_a_majority_of(int n)
{
	int down = (n - 1) / 2, i;

	nodes_begin(n, NULL);
	make(&m, &(struct want){ 0 });
	OK(rl_mutex_lock(&m));
	cr_expect(holding_becomes("n", n), "of %d", n);
	OK(rl_mutex_unlock(&m));
	for (i = 0; i < down; i++)
		server_kill(node[i]);
	lock_and_unlock();
	server_kill(node[i]);
	EXPECT(rl_mutex_trylock(&m), ENOLCK);
	server_restart(node[i], false);
	lock_and_unlock();
	rl_mutex_destroy(&m);
	nodes_end();
}

Test(quorum_sizes, two_need_both)
{
	needs_a_majority_of(2);
}

Test(quorum_sizes, four_need_three)
{
	needs_a_majority_of(4);
}

Test(quorum_sizes, seven_need_four)
{
	needs_a_majority_of(7);
}

Test(quorum_sizes, fifteen_need_eight)
{
	needs_a_majority_of(15);
}
