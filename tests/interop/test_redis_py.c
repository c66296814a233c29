/* redis-py's Lock and rl on one key. */
#include "recipe.h"

static void setup(void)
{
	const char *argv[] = { "/usr/bin/python3",
			       RL_INTEROP_DIR "/redis_py.py", NULL, NULL };

	recipe_setup();
	argv[2] = srv->addr.path;
	theirs = client_start(argv);
}

TestSuite(redis_py, .init = setup, .fini = recipe_teardown);

#define RECIPE(behaviour) Test(redis_py, behaviour) { behaviour(); }
#include "recipe_tests.h"

Test(redis_py, says_lock_not_owned_of_a_lock_that_is_ours)
{
	recipe_init();
	cr_assert(they_take(LEASE, 0));
	cr_assert_eq(rl_mutex_reset(&ours), 0);
	cr_assert_eq(rl_mutex_lock(&ours), 0);
	cr_expect_str_eq(client_ask(theirs, "owned %s", spec.name), "no");
	cr_expect_str_eq(client_ask(theirs, "extend %s 9000", spec.name),
			 "LockNotOwnedError");
	cr_expect_str_eq(client_ask(theirs, "reacquire %s", spec.name),
			 "LockNotOwnedError");
	cr_expect_str_eq(client_ask(theirs, "free %s", spec.name),
			 "LockNotOwnedError");
	cr_expect_eq(rl_mutex_held(&ours), 0);
	cr_expect_eq(rl_mutex_unlock(&ours), 0);
}

Test(redis_py, what_it_extends_keeps_us_waiting)
{
	recipe_init();
	cr_assert(they_take(SHORT, 0));
	cr_expect(they_extend(LEASE));
	cr_expect_str_eq(client_ask(theirs, "owned %s", spec.name), "yes");
	cr_expect_eq(act_on(&ours, TIMEDLOCK, 2 * SHORT), ETIMEDOUT);
	cr_expect_str_eq(client_ask(theirs, "reacquire %s", spec.name), "ok");
	cr_expect_eq(rl_mutex_lock(&ours), 0);
	cr_expect_eq(rl_mutex_unlock(&ours), 0);
}

Test(redis_py, a_lock_without_lease_is_waited_for)
{
	struct peer *p = peer_start(PEER_PROCESS, &spec, NULL);

	recipe_init();
	cr_assert(they_take(0, 0));
	cr_expect_eq(lease_of_k(), -1);
	peer_begin(p, LOCK, 0);
	cr_expect(!peer_answers(p, 200));
	cr_expect(they_free());
	cr_expect_eq(peer_answer(p).err, 0);
	peer_end(p);
}

/* The other way round: its lock has no lease, nor has ours. */
Test(redis_py, our_lock_without_lease_keeps_it_out)
{
	spec.lease_ms = LEASE_NEVER;
	recipe_init();
	cr_assert_eq(rl_mutex_lock(&ours), 0);
	cr_expect_eq(lease_of_k(), -1);
	cr_expect(!they_take(LEASE, 200));
	cr_expect_eq(rl_mutex_unlock(&ours), 0);
	cr_expect(they_take(LEASE, 0));
}
