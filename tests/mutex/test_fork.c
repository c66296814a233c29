/* fork() in every state: the child holds nothing, and disturbs nobody. */
#include <dirent.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "peer.h"

#include "support/proxy.h"

TestSuite(mutex_fork, .init = lock_setup, .fini = lock_teardown);

static rl_mutex_t m;
static struct spec spec;

static void setup_lock(int granularity, int type)
{
	spec = (struct spec){ .granularity = granularity, .type = type,
			      LEASE_WATCHED };
	spec_fresh(&spec);
	spec_end(&m);
	cr_assert_eq(spec_init(&spec, &m), 0);
}

/* In a forked child, with the mutex of the parent, which holds it. */
static int holds_nothing(struct proc *self, void *arg)
{
	(void)self;
	(void)arg;
	PROC_CHECK(act_on(&m, REMAINING, 0) == EPERM);
	PROC_CHECK(act_on(&m, FENCE, 0) == EPERM);
	PROC_CHECK(rl_mutex_held(&m) == EPERM);
	PROC_CHECK(rl_mutex_refresh(&m) == EPERM);
	PROC_CHECK(act_on(&m, EXTEND, 5000) == EPERM);
	PROC_CHECK(rl_mutex_unlock(&m) == EPERM);
	PROC_CHECK(rl_mutex_locked(&m) == EBUSY);
	PROC_CHECK(rl_mutex_trylock(&m) == EBUSY);
	PROC_CHECK(act_on(&m, TIMEDLOCK, 10) == ETIMEDOUT);
	return 0;
}

Test(mutex_fork, the_child_holds_nothing)
{
	for (int g = RL_GRANULARITY_THREAD; g <= RL_GRANULARITY_PROCESS; g++)
		for (int t = RL_MUTEX_NORMAL; t <= RL_MUTEX_REFRESH; t++) {
			setup_lock(g, t);
			cr_assert_eq(rl_mutex_lock(&m), 0);
			cr_expect_eq(proc_join(proc_start(PROC_PROCESS,
					       holds_nothing, NULL)), 0);
			cr_expect_eq(rl_mutex_held(&m), 0);
			cr_expect_eq(rl_mutex_unlock(&m), 0);
		}
}

static int is_the_owner(struct proc *self, void *arg)
{
	int *type = arg;

	(void)self;
	PROC_CHECK(act_on(&m, REMAINING, 0) == EPERM);
	PROC_CHECK(rl_mutex_held(&m) == 0);
	PROC_CHECK(act_on(&m, FENCE, 0) == 0);
	PROC_CHECK(rl_mutex_refresh(&m) == 0);
	if (*type != RL_MUTEX_REFRESH)
		PROC_CHECK(rl_mutex_trylock(&m) == EBUSY);
	if (*type == RL_MUTEX_ERRORCHECK || *type == RL_MUTEX_RECURSIVE) {
		PROC_CHECK(rl_mutex_unlock(&m) == EPERM);
	} else {
		PROC_CHECK(rl_mutex_unlock(&m) == 0);
		PROC_CHECK(rl_mutex_locked(&m) == 0);
	}
	return 0;
}

Test(mutex_fork, by_host_or_name_the_child_is_the_same_owner)
{
	for (int g = RL_GRANULARITY_HOST; g <= BY_NAME; g++)
		for (int t = RL_MUTEX_NORMAL; t <= RL_MUTEX_REFRESH; t++) {
			int unlocked = t == RL_MUTEX_NORMAL ||
				       t == RL_MUTEX_REFRESH ? EPERM : 0;

			setup_lock(g, t);
			cr_assert_eq(rl_mutex_lock(&m), 0);
			cr_expect_eq(proc_join(proc_start(PROC_PROCESS,
					       is_the_owner, &t)), 0);
			cr_expect_eq(rl_mutex_unlock(&m), unlocked);
			cr_expect_eq(rl_mutex_locked(&m), 0);
		}
}

/* Its own holds live on its own keeper. */
static int lock_and_wait(struct proc *self, void *arg)
{
	(void)arg;
	PROC_CHECK(rl_mutex_lock(&m) == 0);
	proc_tell(self, 0);
	proc_hear(self);
	PROC_CHECK(rl_mutex_held(&m) == 0);
	PROC_CHECK(rl_mutex_unlock(&m) == 0);
	return 0;
}

Test(mutex_fork, the_child_has_a_keeper_of_its_own)
{
	for (int g = RL_GRANULARITY_THREAD; g <= BY_NAME; g++) {
		struct proc *child;

		setup_lock(g, RL_MUTEX_NORMAL);
		cr_assert_eq(rl_mutex_lock(&m), 0);
		cr_expect(spec_is_renewed(&spec));
		cr_assert_eq(rl_mutex_unlock(&m), 0);
		child = proc_start(PROC_PROCESS, lock_and_wait, NULL);
		proc_hear(child);
		for (int i = 0; i < 2; i++)
			cr_expect(spec_is_renewed(&spec));
		cr_expect_eq(rl_mutex_trylock(&m), EBUSY);
		proc_tell(child, 0);
		cr_expect_eq(proc_join(child), 0);
		cr_expect_eq(rl_mutex_trylock(&m), 0);
		cr_expect_eq(rl_mutex_unlock(&m), 0);
	}
}

/* ------------------------------------------------------------- on the wire */

static struct proxy *proxy;

static void lock_through_proxy(void)
{
	rl_mutexattr_t attr;

	spec = (struct spec){ .refresh = RL_REFRESH_OFF };
	spec_fresh(&spec);
	proxy = proxy_start(&srv->addr, false);
	cr_assert_eq(spec_attr(&spec, &attr), 0);
	cr_assert_eq(rl_mutexattr_setservers(&attr, proxy->url), 0);
	cr_assert_eq(rl_mutex_init(&m, spec.name, &attr), 0);
	rl_mutexattr_destroy(&attr);
	cr_assert_eq(rl_mutex_lock(&m), 0);
}

/* To go as any program goes: with destructors and exit handlers of rl. */
static void fork_and(void (*child)(void))
{
	int status = -1;
	pid_t pid = fork();

	cr_assert_geq(pid, 0);
	if (!pid) {
		child();
		_exit(0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_expect_eq(status, 0);
}

static void exec_something(void)
{
	execl("/bin/true", "true", (char *)NULL);
	_exit(1);
}

static void *end_at_once(void *arg)
{
	return arg;
}

/* The destructor of the thread's record runs too. */
static void exit_thread(void)
{
	pthread_t other;

	if (pthread_create(&other, NULL, end_at_once, NULL) ||
	    pthread_join(other, NULL))
		_exit(1);
}

static void destroy_mutex(void)
{
	if (rl_mutex_destroy(&m))
		_exit(1);
}

static void (*const quiet_children[])(void) = { exec_something, exit_thread,
						destroy_mutex };

Test(mutex_fork, a_child_that_does_nothing_sends_no_byte)
{
	struct proxy_stats before, after;

	lock_through_proxy();
	before = proxy_stats(proxy);
	for (size_t i = 0; i < 3; i++)
		fork_and(quiet_children[i]);
	after = proxy_stats(proxy);
	cr_expect_eq(after.bytes[TO_SERVER], before.bytes[TO_SERVER]);
	cr_expect_eq(after.accepted, before.accepted);
	cr_expect_eq(after.open, before.open);
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	cr_expect_eq(proxy_stats(proxy).accepted, before.accepted);
	proxy_stop(proxy);
}

static void use_mutex(void)
{
	if (rl_mutex_trylock(&m) != EBUSY || rl_mutex_unlock(&m) != EPERM)
		_exit(1);
}

Test(mutex_fork, a_child_that_locks_makes_a_connection_of_its_own)
{
	struct proxy_stats before;

	lock_through_proxy();
	before = proxy_stats(proxy);
	fork_and(use_mutex);
	cr_expect_eq(proxy_stats(proxy).accepted, before.accepted + 1);
	cr_expect_eq(rl_mutex_held(&m), 0);
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	cr_expect_eq(proxy_stats(proxy).accepted, before.accepted + 1);
	proxy_stop(proxy);
}

static int count_sockets(void)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	char text[300];
	int n = 0;

	TEST_MUST(dir);
	while ((entry = readdir(dir))) {
		ssize_t len = readlinkat(dirfd(dir), entry->d_name, text,
					 sizeof(text) - 1);

		if (len > 0)
			n += !strncmp(text, "socket:", 7) ||
			     !strncmp(text, "anon_inode:[eventfd]", 20);
	}
	closedir(dir);
	return n;
}

static int sockets_before_rl;

static void expect_no_inherited_socket(void)
{
	if (rl_mutex_locked(&m) != EBUSY)
		_exit(1);
	/* Its own connection, and no keeper. */
	if (count_sockets() != sockets_before_rl + srv->nodes)
		_exit(2);
}

Test(mutex_fork, the_child_closes_what_it_inherited)
{
	sockets_before_rl = count_sockets();
	setup_lock(RL_GRANULARITY_THREAD, RL_MUTEX_NORMAL);
	cr_assert_eq(rl_mutex_lock(&m), 0);
	cr_expect(spec_is_renewed(&spec));
	cr_expect_eq(count_sockets(), sockets_before_rl + 2 * srv->nodes + 1);
	fork_and(expect_no_inherited_socket);
	cr_expect_eq(rl_mutex_unlock(&m), 0);
}

static int unlock_and_end(struct proc *self, void *arg)
{
	(void)arg;
	proc_hear(self);
	PROC_CHECK(rl_mutex_lock(&m) == 0);
	proc_tell(self, 0);
	proc_hear(self);
	PROC_CHECK(rl_mutex_unlock(&m) == 0);
	return 0;
}

static void expect_no_socket(void)
{
	if (count_sockets() != sockets_before_rl)
		_exit(1);
}

/* A thread that ends waits for answers that it is owed; meanwhile its
 * connections are still a parent's. */
Test(mutex_fork, the_child_closes_those_of_a_thread_that_ends)
{
	struct proc *p = proc_start(PROC_THREAD, unlock_and_end, NULL);
	int i;

	setenv("RL_RELEASE", "async", 1);
	sockets_before_rl = count_sockets();
	setup_lock(RL_GRANULARITY_THREAD, RL_MUTEX_NORMAL);
	proc_tell(p, 0);
	proc_hear(p);
	server_pause(srv);
	proc_tell(p, 0);
	for (i = 0; i < 30; i++) {
		fork_and(expect_no_socket);
		usleep(5000);
	}
	server_resume(srv);
	cr_expect_eq(proc_join(p), 0);
}
