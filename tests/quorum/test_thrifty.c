/*
 * A hold that not all nodes were asked for: others are kept out as well, its death
 * is told, and it is not bare for long.
 */
#include <signal.h>

#include "bare.h"

TestSuite(quorum_thrifty, .init = three, .fini = teardown);

/* In place of the suite's three. */
static void five(void)
{
	teardown();
	begin(5, &(struct want){ .robust = true, .lease_ms = 60000 });
}

static void four_of_five(void)
{
	five();
	many = 4;
}

/* Long before the usual renewal, 20 s later. What is left alone for having been
 * slow is told no sooner than that. */
static bool is_told_to_all(void *arg)
{
	struct bare *b = arg;

	if (!get_bare(b))
		return false;
	if (wait_until(holding_is, &(struct state){ "n", nodes }, 500))
		return true;
	OK(rl_mutex_unlock(b->m));
	return false;
}

static void is_soon_everywhere(void)
{
	struct bare b = { .m = &m };

	cr_assert(wait_until(is_told_to_all, &b, LONG_MS));
	end_well();
}

Test(quorum_thrifty, a_hold_that_lasts_is_told_to_all)
{
	is_soon_everywhere();
}

Test(quorum_thrifty, and_so_of_five, .init = five)
{
	is_soon_everywhere();
}

Test(quorum_thrifty, and_if_it_was_one_more_than_a_majority,
     .init = four_of_five)
{
	is_soon_everywhere();
}

static bool spares_one(void *arg)
{
	struct bare *b = arg;
	long long before;
	int i;

	if (!get_bare(b))
		return false;
	i = one_that(b, false);
	before = scripts_run(i);
	if (rl_mutex_unlock(b->m))
		return false;
	return scripts_run(i) == before;
}

/* Unless it has lasted. */
static void is_released_where_it_is(void)
{
	struct bare b = { .m = &m };

	cr_expect(wait_until(spares_one, &b, WAIT_MS));
	cr_expect(holding_becomes("n", 0));
}

Test(quorum_thrifty, its_release_is_for_those_that_have_it)
{
	is_released_where_it_is();
}

Test(quorum_thrifty, and_so_of_four_that_have_it, .init = four_of_five)
{
	is_released_where_it_is();
}

/* ---------------------------------------------------------------- exclusion */

Test(quorum_thrifty, it_keeps_others_out)
{
	struct want want = { .owner = "other" };
	struct bare b;
	char owner[256];
	rl_mutex_t other;
	uint64_t fence = 0, next = 0;
	int i;

	make(&other, &want);
	for (i = 0; i < 20; i++) {
		cr_assert(hold_barely(&b));
		EXPECT(rl_mutex_trylock(&other), EBUSY);
		EXPECT(rl_mutex_locked(&other), EBUSY);
		OK(rl_mutex_owner(&other, owner, sizeof(owner)));
		OK(rl_mutex_held(&m));
		OK(rl_mutex_fence(&m, &fence));
		OK(rl_mutex_unlock(&m));
		MUST(rl_mutex_lock(&other));
		OK(rl_mutex_fence(&other, &next));
		cr_expect_gt(next, fence);
		OK(rl_mutex_unlock(&other));
	}
	rl_mutex_destroy(&other);
}

/* What nobody holds is in the way of a bare majority, not of all. */
Test(quorum_thrifty, a_node_that_is_taken_is_done_without)
{
	struct bare b;
	int i;

	for (i = 0; i < 10; i++) {
		int taken;

		cr_assert(hold_barely(&b));
		OK(rl_mutex_unlock(&m));
		taken = nth_that(&b, true, i % 2);
		server_ask(node[taken], "SET rl:n name:late#8000000000000000 "
			   "PX 60000");
		OK(rl_mutex_trylock(&m));
		OK(rl_mutex_unlock(&m));
		server_ask(node[taken], "DEL rl:n");
	}
	cr_expect(holding_becomes("n", 0));
}

/* And then there is one that has it, and may say so. */
static void keeps_others_out_forgotten(void)
{
	struct want want = { .owner = "other" };
	struct bare b;
	rl_mutex_t other;

	make(&other, &want);
	cr_assert(hold_barely(&b));
	server_ask(node[one_that(&b, true)], "FLUSHALL");
	EXPECT(rl_mutex_trylock(&other), EBUSY);
	EXPECT(timedlock_ms(&other, 100), ETIMEDOUT);
	end_well();
	MUST(rl_mutex_lock(&other));
	OK(rl_mutex_unlock(&other));
	rl_mutex_destroy(&other);
	/* What has forgotten the lock is to be old enough again. */
	become_known(&m, "n");
}

Test(quorum_thrifty, it_does_so_if_one_that_has_it_forgets)
{
	int i;

	for (i = 0; i < 3; i++)
		keeps_others_out_forgotten();
}

Test(quorum_thrifty, it_stands_if_one_that_has_it_goes_down)
{
	struct bare b;
	int i;

	cr_assert(hold_barely(&b));
	i = one_that(&b, true);
	server_kill(node[i]);
	cr_expect(holding_becomes("n", nodes - 1));
	OK(rl_mutex_held(&m));
	OK(rl_mutex_unlock(&m));
	cr_expect(holding_becomes("n", 0));
	for (i = 0; i < 50; i++) {
		OK(rl_mutex_lock(&m));
		OK(rl_mutex_unlock(&m));
	}
}

/* ------------------------------------------------------------------- deaths */

static int die_holding(struct proc *self, void *arg)
{
	struct bare b = { .m = &m };
	uint64_t fence = 0;

	(void)arg;
	rl_mutex_destroy(&m);
	make(&m, &(struct want){ .robust = true, .lease_ms = 500 });
	PROC_CHECK(wait_until(get_bare, &b, LONG_MS));
	PROC_CHECK(rl_mutex_fence(&m, &fence) == 0);
	proc_tell(self, (int64_t)fence);
	raise(SIGKILL);
	return 0;
}

Test(quorum_thrifty, the_next_is_told_of_a_death)
{
	uint64_t before, fence;
	struct proc *p;
	int i;

	for (i = 0; i < 5; i++) {
		p = proc_start(PROC_PROCESS, die_holding, NULL);
		before = (uint64_t)proc_hear(p);
		EXPECT(rl_mutex_lock(&m), EOWNERDEAD);
		OK(rl_mutex_fence(&m, &fence));
		cr_expect_gt(fence, before);
		OK(rl_mutex_consistent(&m));
		OK(rl_mutex_unlock(&m));
		proc_kill(p);
	}
}

/* -------------------------------------------------------------- who waits */

static int take_turns(struct proc *self, void *arg)
{
	atomic_int *stop = arg;
	long held = 0;
	rl_mutex_t mine;

	make(&mine, &(struct want){ 0 });
	while (!atomic_load(stop)) {
		PROC_CHECK(rl_mutex_lock(&mine) == 0);
		PROC_CHECK(rl_mutex_unlock(&mine) == 0);
		held++;
	}
	rl_mutex_destroy(&mine);
	proc_tell(self, held);
	return 0;
}

/* One holds it all the time, as good as; the other comes now and then, and is
 * not left to the question that is asked once a second. */
Test(quorum_thrifty, who_comes_now_and_then_is_woken)
{
	atomic_int stop = 0;
	struct proc *p = proc_start(PROC_THREAD, take_turns, &stop);
	int64_t began, took, slowest = 0;
	int i;

	for (i = 0; i < 40; i++) {
		usleep(20000);
		began = wait_now_ms();
		MUST(rl_mutex_lock(&m));
		took = wait_now_ms() - began;
		if (took > slowest)
			slowest = took;
		OK(rl_mutex_unlock(&m));
	}
	atomic_store(&stop, 1);
	cr_expect_gt(proc_hear(p), 40);
	cr_expect_eq(proc_join(p), 0);
	cr_expect_lt(slowest, 900, "%lld ms", (long long)slowest);
}

/* -------------------------------------------------- where it is not for them */

/* Who is not renewed is told to all from the beginning: but to a node that was
 * left alone for having been slow. */
static void is_not_bare(const struct want *want)
{
	struct state everywhere = { want->name, nodes };
	rl_mutex_t other;
	int i, missed = 0;

	make(&other, want);
	become_known(&other, want->name);
	for (i = 0; i < 400 && missed < 20; i++) {
		OK(rl_mutex_lock(&other));
		missed += !wait_until(holding_is, &everywhere, 200);
		OK(rl_mutex_unlock(&other));
	}
	cr_expect_lt(missed, 20);
	rl_mutex_destroy(&other);
}

Test(quorum_thrifty, not_of_a_lock_that_is_not_renewed)
{
	is_not_bare(&(struct want){ .name = "o", .no_refresh = true });
}
