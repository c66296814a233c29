/*
 * Bare holds, of which a node hangs or goes, or that are renewed just as they are
 * unlocked: what they leave behind is nothing.
 */
#include <sched.h>

#include "bare.h"

TestSuite(quorum_thrifty_ends, .init = three, .fini = teardown);

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

Test(quorum_thrifty_ends, one_that_is_asked_may_hang)
{
	one_hangs(true, 0);
}

Test(quorum_thrifty_ends, the_other_may_hang)
{
	one_hangs(true, 1);
}

/* Without it there is a majority, and the one that was left out. */
Test(quorum_thrifty_ends, one_of_four_that_are_asked_may_hang)
{
	teardown();
	begin(5, &(struct want){ .robust = true, .lease_ms = 60000 });
	many = 4;
	one_hangs(true, 0);
}

Test(quorum_thrifty_ends, one_that_is_not_asked_may_hang)
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

Test(quorum_thrifty_ends, one_may_hang_when_it_is_to_be_unlocked)
{
	one_hangs_at_the_end(true, 0);
}

Test(quorum_thrifty_ends, or_the_other)
{
	one_hangs_at_the_end(true, 1);
}

Test(quorum_thrifty_ends, one_that_is_asked_may_go_down)
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

Test(quorum_thrifty_ends, unlocked_when_it_is_renewed_it_leaves_nothing)
{
	leave_nothing(&m, false);
}

Test(quorum_thrifty_ends, nor_if_it_was_extended)
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
Test(quorum_thrifty_ends, nor_if_another_thread_extends_it)
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

/* One that would have no lease, and cannot have it taken off. */
Test(quorum_thrifty_ends, an_attempt_is_undone_everywhere)
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
