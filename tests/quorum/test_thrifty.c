/*
 * A hold that but a bare majority of the nodes was asked for: others are kept
 * out as well, a node of it may fail, forget or hang, its holder may die, and
 * what it leaves behind is nothing.
 */
#include <sched.h>
#include <signal.h>

#include "quorum.h"

static rl_mutex_t m;

static void begin(int n, const struct want *want)
{
	nodes_begin(n, NULL);
	make(&m, want);
	become_known(&m, "n");
}

static void three(void)
{
	begin(3, &(struct want){ .robust = true, .lease_ms = 60000 });
}

static void teardown(void)
{
	rl_mutex_destroy(&m);
	nodes_end();
}

/* In place of the suite's three. */
static void five(void)
{
	teardown();
	begin(5, &(struct want){ .robust = true, .lease_ms = 60000 });
}

TestSuite(quorum_thrifty, .init = three, .fini = teardown);

static int majority(void)
{
	return nodes / 2 + 1;
}

/* A hold by which node i is not asked. */
static bool is_bare(int *had)
{
	int i, n = 0;

	for (i = 0; i < nodes; i++)
		n += had[i] = holds(i, "n");
	/* Or one that is behind: not for so long. */
	return n == majority() && holding("n") == n;
}

struct bare {
	rl_mutex_t *m;
	int had[NODES_MAX];
};

/* Locks are taken often, and here is one of many. */
static bool get_bare(void *arg)
{
	struct bare *b = arg;
	int i;

	for (i = 0; i < 5; i++) {
		if (rl_mutex_lock(b->m))
			return false;
		if (i == 4 && is_bare(b->had))
			return true;
		if (rl_mutex_unlock(b->m))
			return false;
	}
	return false;
}

/* Where cores are scarce, few holds are disturbed by nothing. */
#define LONG_MS (3 * WAIT_MS)

/* Holds m, barely, for some ms; had: which nodes have it. */
static bool hold_barely(struct bare *b)
{
	b->m = &m;
	return wait_until(get_bare, b, LONG_MS);
}

/* The first, or the second …, of those that have it, or that have not. */
static int nth_that(const struct bare *b, int had, int nth)
{
	int i = 0;

	while (b->had[i] != had || nth-- > 0)
		i++;
	return i;
}

static int one_that(const struct bare *b, int had)
{
	return nth_that(b, had, 0);
}

static void end_well(void)
{
	OK(rl_mutex_unlock(&m));
	cr_expect(holding_becomes("n", 0));
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
Test(quorum_thrifty, its_release_is_for_those_that_have_it)
{
	struct bare b = { .m = &m };

	cr_expect(wait_until(spares_one, &b, WAIT_MS));
	cr_expect(holding_becomes("n", 0));
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

/* --------------------------------------------------------- nodes that fail */

/* Where one is waited for, it is for a second. */
#define FAST 900

static void locks_on(void)
{
	int64_t began = wait_now_ms(), slowest = 0;
	int i;

	for (i = 0; i < 200; i++) {
		OK(rl_mutex_lock(&m));
		OK(rl_mutex_unlock(&m));
		if (wait_now_ms() - began > slowest)
			slowest = wait_now_ms() - began;
		began = wait_now_ms();
	}
	cr_expect_lt(slowest, FAST, "%lld ms", (long long)slowest);
}

/* What hangs may keep K for a lease: a server that cannot answer a request does
 * not read the next. */
static void one_hangs(int had, int nth)
{
	struct bare b;

	cr_assert(hold_barely(&b));
	OK(rl_mutex_unlock(&m));
	server_pause(node[nth_that(&b, had, nth)]);
	locks_on();
}

Test(quorum_thrifty, one_that_is_asked_may_hang)
{
	one_hangs(true, 0);
}

Test(quorum_thrifty, the_other_may_hang)
{
	one_hangs(true, 1);
}

Test(quorum_thrifty, one_that_is_not_asked_may_hang)
{
	one_hangs(false, 0);
}

static void one_hangs_at_the_end(int had, int nth)
{
	struct bare b;
	int64_t began;

	cr_assert(hold_barely(&b));
	server_pause(node[nth_that(&b, had, nth)]);
	began = wait_now_ms();
	OK(rl_mutex_unlock(&m));
	cr_expect_lt(wait_now_ms() - began, FAST);
	locks_on();
}

Test(quorum_thrifty, one_may_hang_when_it_is_to_be_unlocked)
{
	one_hangs_at_the_end(true, 0);
}

Test(quorum_thrifty, or_the_other)
{
	one_hangs_at_the_end(true, 1);
}

Test(quorum_thrifty, one_that_is_asked_may_go_down)
{
	struct bare b;
	int i;

	for (i = 0; i < 3; i++) {
		cr_assert(hold_barely(&b));
		OK(rl_mutex_unlock(&m));
		server_kill(node[i]);
		locks_on();
		server_resurrect(node[i], true);
		become_known(&m, "n");
	}
}

/* ------------------------------------------------------- release and renewal */

static const struct timespec lease = { .tv_sec = 20 };

/* Whether the keeper tells the others, or the release is for those that have it,
 * is decided at one moment: what is set again stays nowhere. */
static void leave_nothing(rl_mutex_t *mutex, bool extend)
{
	struct bare b = { .m = mutex };
	int i;

	for (i = 0; i < 30; i++) {
		cr_assert(wait_until(get_bare, &b, LONG_MS));
		usleep(3500 + i * 100);
		if (extend)
			OK(rl_mutex_extend(mutex, &lease));
		OK(rl_mutex_unlock(mutex));
		cr_assert(holding_becomes("n", 0), "%d", i);
	}
}

Test(quorum_thrifty, unlocked_when_it_is_renewed_it_leaves_nothing)
{
	leave_nothing(&m, false);
}

Test(quorum_thrifty, nor_if_it_was_extended)
{
	leave_nothing(&m, true);
}

struct pair {
	rl_mutex_t process;	/* one owner, two threads */
	atomic_int turn;	/* -1: it is over */
};

static int extend_it(struct proc *self, void *arg)
{
	struct pair *p = arg;
	int turn = 0, next, err;

	(void)self;
	while ((next = atomic_load(&p->turn)) >= 0) {
		if (next == turn) {
			sched_yield();
			continue;
		}
		turn = next;
		err = rl_mutex_extend(&p->process, &lease);
		PROC_CHECK(err == 0 || err == EPERM || err == ESTALE);
	}
	return 0;
}

/* One extends the hold, while the other unlocks it. */
Test(quorum_thrifty, nor_if_another_thread_extends_it)
{
	struct pair p = { .turn = 0 };
	struct bare b = { .m = &p.process };
	struct proc *t;
	int i;

	make(&p.process, &(struct want){
			.granularity = RL_GRANULARITY_PROCESS });
	t = proc_start(PROC_THREAD, extend_it, &p);
	for (i = 1; i <= 100; i++) {
		cr_assert(wait_until(get_bare, &b, LONG_MS));
		atomic_store(&p.turn, i);
		if (i % 2)
			sched_yield();
		OK(rl_mutex_unlock(&p.process));
		cr_assert(holding_becomes("n", 0), "%d", i);
	}
	atomic_store(&p.turn, -1);
	cr_expect_eq(proc_join(t), 0);
	rl_mutex_destroy(&p.process);
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

static bool is_everywhere(void *arg)
{
	return holding(arg) == nodes;
}

/* Who is not renewed is told to all from the beginning: but to a node that was
 * left alone for having been slow. */
static void is_not_bare(const struct want *want)
{
	char name[] = "o";
	rl_mutex_t other;
	int i, missed = 0;

	make(&other, want);
	become_known(&other, name);
	for (i = 0; i < 400 && missed < 20; i++) {
		OK(rl_mutex_lock(&other));
		missed += !wait_until(is_everywhere, name, 200);
		OK(rl_mutex_unlock(&other));
	}
	cr_expect_lt(missed, 20);
	rl_mutex_destroy(&other);
}

Test(quorum_thrifty, not_of_a_lock_that_is_not_renewed)
{
	is_not_bare(&(struct want){ .name = "o", .no_refresh = true });
}

/* One that would have no lease, and cannot have it taken off. */
Test(quorum_thrifty, an_attempt_is_undone_everywhere)
{
	rl_mutex_t other;
	rl_mutexattr_t a;
	int i, failed = 0;

	cr_assert_eq(rl_mutexattr_init(&a), 0);
	cr_assert_eq(rl_mutexattr_setservers(&a, all), 0);
	cr_assert_eq(rl_mutexattr_setlease(&a, 0), 0);
	cr_assert_eq(rl_mutex_init(&other, "o", &a), 0);
	rl_mutexattr_destroy(&a);
	become_known(&other, "o");
	for (i = 0; i < 2; i++)
		server_ask(node[i], "ACL SETUSER default -persist");
	for (i = 0; i < 10; i++) {
		/* A node that was left alone may be asked to set it anew. */
		if (rl_mutex_lock(&other))
			failed++;
		else
			OK(rl_mutex_unlock(&other));
		cr_assert(holding_becomes("o", 0), "%d", i);
	}
	cr_expect_gt(failed, 0);
	rl_mutex_destroy(&other);
}
