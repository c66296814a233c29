/* fork() while other threads lock, wait and unlock. */
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "peer.h"

TestSuite(mutex_fork_threads, .init = lock_setup, .fini = lock_teardown);

enum { THREADS = 3, CHILDREN = 20 };

static rl_mutex_t m;
static struct spec spec;

static void setup_lock(int granularity)
{
	spec = (struct spec){ .granularity = granularity };
	spec_fresh(&spec);
	spec_end(&m);
	cr_assert_eq(spec_init(&spec, &m), 0);
}

/* Of threads that never cease to allocate AddressSanitizer hardly ever lets a
 * whole child fork. */
#ifndef __SANITIZE_ADDRESS__

static atomic_bool stop;

/* Shared with the children. */
static volatile long *sum;

/* A read and a write that only the lock keeps apart. */
static int add_under_lock(void)
{
	int err = rl_mutex_lock(&m);
	long before;

	if (err)
		return err;
	before = *sum;
	sched_yield();
	*sum = before + 1;
	return rl_mutex_unlock(&m);
}

/* Gives how often it added, or -1. */
static int adder(struct proc *self, void *arg)
{
	int n = 0;

	(void)arg;
	proc_tell(self, 0);
	for (; !stop; n++)
		if (add_under_lock())
			return -1;
	return n;
}

static int add_some(struct proc *self, void *arg)
{
	(void)self;
	(void)arg;
	for (int i = 0; i < 3; i++)
		PROC_CHECK(add_under_lock() == 0);
	return 0;
}

static void fork_among_threads(int granularity)
{
	struct proc *threads[THREADS], *child;
	long added = 3 * CHILDREN;

	setup_lock(granularity);
	*sum = 0;
	stop = false;
	for (int i = 0; i < THREADS; i++) {
		threads[i] = proc_start(PROC_THREAD, adder, NULL);
		proc_hear(threads[i]);
	}
	for (int i = 0; i < CHILDREN; i++) {
		child = proc_start(PROC_PROCESS, add_some, NULL);
		cr_expect_eq(proc_join(child), 0, "%s",
			     granularity_names[granularity]);
	}
	stop = true;
	for (int i = 0; i < THREADS; i++) {
		int n = proc_join(threads[i]);

		cr_expect_geq(n, 0);
		added += n;
	}
	cr_expect_eq(*sum, added, "%s", granularity_names[granularity]);
}

Test(mutex_fork_threads, children_lock_at_once_and_the_sum_is_exact)
{
	sum = mmap(NULL, sizeof(*sum), PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq((void *)sum, MAP_FAILED);
	for (int g = RL_GRANULARITY_THREAD; g <= BY_NAME; g++)
		fork_among_threads(g);
}

#endif /* __SANITIZE_ADDRESS__ */

/* ------------------------------------------------------ threads that wait */

static int waiter(struct proc *self, void *arg)
{
	proc_tell(self, 0);
	(void)arg;
	PROC_CHECK(rl_mutex_lock(&m) == 0);
	PROC_CHECK(rl_mutex_unlock(&m) == 0);
	return 0;
}

static int stands_in_no_line(struct proc *self, void *arg)
{
	(void)self;
	(void)arg;
	PROC_CHECK(rl_mutex_trylock(&m) == EBUSY);
	PROC_CHECK(act_on(&m, TIMEDLOCK, 20) == ETIMEDOUT);
	PROC_CHECK(rl_mutex_destroy(&m) == 0);
	return 0;
}

static void fork_beside_waiters(int granularity)
{
	const char *owner = granularity_names[granularity];
	struct proc *threads[THREADS];

	setup_lock(granularity);
	cr_assert_eq(rl_mutex_lock(&m), 0);
	for (int i = 0; i < THREADS; i++) {
		threads[i] = proc_start(PROC_THREAD, waiter, NULL);
		proc_hear(threads[i]);
	}
	if (granularity == RL_GRANULARITY_THREAD)
		cr_expect(server_info_becomes(srv, "blocked_clients", THREADS));
	cr_expect_eq(proc_join(proc_start(PROC_PROCESS, stands_in_no_line,
					  NULL)), 0, "%s", owner);
	cr_expect_eq(rl_mutex_destroy(&m), EBUSY, "%s", owner);
	cr_expect_eq(rl_mutex_unlock(&m), 0, "%s", owner);
	for (int i = 0; i < THREADS; i++)
		cr_expect_eq(proc_join(threads[i]), 0, "%s", owner);
	cr_expect_eq(rl_mutex_lock(&m), 0, "%s", owner);
	cr_expect_eq(rl_mutex_unlock(&m), 0, "%s", owner);
}

Test(mutex_fork_threads, waiters_of_the_parent_go_on_and_the_child_is_none)
{
	for (int g = RL_GRANULARITY_THREAD; g <= BY_NAME; g++)
		fork_beside_waiters(g);
}

/* ------------------------------------------------ a thread that holds forks */

static int child_of_a_thread(struct proc *self, void *arg)
{
	int *granularity = arg;

	(void)self;
	PROC_CHECK(act_on(&m, REMAINING, 0) == EPERM);
	PROC_CHECK(rl_mutex_trylock(&m) == EBUSY);
	if (*granularity < RL_GRANULARITY_HOST)
		PROC_CHECK(rl_mutex_unlock(&m) == EPERM);
	return 0;
}

static int fork_holding(struct proc *self, void *arg)
{
	struct proc *child;

	(void)self;
	PROC_CHECK(rl_mutex_lock(&m) == 0);
	child = proc_start(PROC_PROCESS, child_of_a_thread, arg);
	PROC_CHECK(proc_join(child) == 0);
	PROC_CHECK(rl_mutex_held(&m) == 0);
	PROC_CHECK(rl_mutex_unlock(&m) == 0);
	PROC_CHECK(rl_mutex_lock(&m) == 0);
	PROC_CHECK(rl_mutex_unlock(&m) == 0);
	return 0;
}

Test(mutex_fork_threads, a_thread_that_holds_may_fork)
{
	for (int g = RL_GRANULARITY_THREAD; g <= BY_NAME; g++) {
		setup_lock(g);
		cr_expect_eq(proc_join(proc_start(PROC_THREAD, fork_holding,
						  &g)), 0, "%s",
			     granularity_names[g]);
	}
}

/* Children of children, each at once. */
static int generation(struct proc *self, void *arg)
{
	int left = *(int *)arg - 1;

	(void)self;
	PROC_CHECK(rl_mutex_lock(&m) == 0);
	if (left)
		PROC_CHECK(proc_join(proc_start(PROC_PROCESS, child_of_a_thread,
						&spec.granularity)) == 0);
	PROC_CHECK(rl_mutex_unlock(&m) == 0);
	if (left)
		PROC_CHECK(proc_join(proc_start(PROC_PROCESS, generation,
						&left)) == 0);
	return 0;
}

Test(mutex_fork_threads, a_child_may_fork_too)
{
	for (int g = RL_GRANULARITY_THREAD; g <= BY_NAME; g++) {
		int generations = 4;

		setup_lock(g);
		cr_expect_eq(proc_join(proc_start(PROC_PROCESS, generation,
						  &generations)), 0, "%s",
			     granularity_names[g]);
	}
}
