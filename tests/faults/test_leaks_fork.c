/*
 * Forks: a child has none of its parent's connections, and neither of them
 * gathers anything.
 */
#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faults/leaks.h"

TestSuite(faults_leaks_fork, .init = setup, .fini = teardown);

static rl_mutex_t shared;

/* How many sockets this process has. */
static int sockets(void)
{
	struct stat st;
	int fd, n = 0;

	for (fd = 0; fd < 200; fd++)
		n += !fstat(fd, &st) && S_ISSOCK(st.st_mode);
	return n;
}

static int child(int parents_sockets)
{
	int err;

	/* Those of the parent are closed before we come here. */
	if (sockets() >= parents_sockets)
		return 1;
	err = timedlock_ms(&shared, 5000);
	if (err)
		return 2;
	return rl_mutex_unlock(&shared) ? 3 : 0;
}

static void fork_once(void)
{
	int status, before = sockets();
	pid_t pid = fork();

	if (!pid)
		_exit(child(before));
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%d", status);
}

static void *forks(void *arg)
{
	int i;

	make(&shared, &(struct want){ .url = srv->url });
	for (i = 0; i < 20; i++) {
		cr_assert_eq(rl_mutex_lock(&shared), 0);
		cr_assert_eq(rl_mutex_unlock(&shared), 0);
		fork_once();
	}
	cr_assert_eq(rl_mutex_destroy(&shared), 0);
	return arg;
}

static void many_forks(void)
{
	pthread_t t;

	cr_assert_eq(pthread_create(&t, NULL, forks, NULL), 0);
	pthread_join(t, NULL);
}

Test(faults_leaks_fork, forks_leave_nothing_behind)
{
	struct left before = settle(many_forks);

	many_forks();
	many_forks();
	expect_same(before);
}

/* A child of a child of a child … keeps no more than its parent. */
Test(faults_leaks_fork, generations_of_forks_gather_nothing)
{
	int i, status, descriptors = 0;
	pid_t pid;

	make(&shared, &(struct want){ .url = srv->url });
	for (i = 0; i < 12; i++) {
		cr_assert_eq(rl_mutex_lock(&shared), 0);
		cr_assert_eq(rl_mutex_unlock(&shared), 0);
		if (i == 1)
			descriptors = entries("/proc/self/fd");
		if (i == 11 && entries("/proc/self/fd") > descriptors)
			_exit(9);
		pid = fork();
		if (pid && i == 0)
			break;
		if (pid)
			_exit(waitpid(pid, &status, 0) == pid ?
			      WEXITSTATUS(status) : 8);
	}
	if (i)
		_exit(0);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_expect_eq(WEXITSTATUS(status), 0, "%d", WEXITSTATUS(status));
}
