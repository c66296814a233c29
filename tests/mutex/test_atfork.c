/*
 * Programs that keep their locks whole over fork lock them in a handler
 * before it and unlock them in one after it.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <rl/rl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/server.h"

static struct server *srv;
static rl_mutex_t held;
static int results[3];

static void setup(void)
{
	srv = server_start(NULL);
}

static void teardown(void)
{
	server_stop(srv);
}

TestSuite(mutex_atfork, .init = setup, .fini = teardown);

static void before(void)
{
	results[0] = rl_mutex_lock(&held);
}

static void after_in_parent(void)
{
	results[1] = rl_mutex_unlock(&held);
}

/* The child holds nothing. */
static void after_in_child(void)
{
	results[2] = rl_mutex_unlock(&held);
}

static int child(void)
{
	if (results[0] || results[2] != EPERM)
		return 1;
	if (rl_mutex_lock(&held))
		return 2;
	return rl_mutex_unlock(&held) ? 3 : 0;
}

/* Registered before rl is used for the first time, as in most programs. */
Test(mutex_atfork, a_handler_of_the_program_may_lock)
{
	rl_mutexattr_t attr;
	int status = -1;
	pid_t pid;

	cr_assert_eq(pthread_atfork(before, after_in_parent, after_in_child),
		     0);
	cr_assert_eq(rl_mutexattr_init(&attr), 0);
	cr_assert_eq(rl_mutexattr_setservers(&attr, srv->url), 0);
	cr_assert_eq(rl_mutex_init(&held, "held", &attr), 0);
	rl_mutexattr_destroy(&attr);
	for (int i = 0; i < 3; i++) {
		pid = fork();
		if (pid == 0)
			_exit(child());
		cr_assert_eq(waitpid(pid, &status, 0), pid);
		cr_expect_eq(status, 0);
		cr_expect_eq(results[0], 0);
		cr_expect_eq(results[1], 0);
	}
}
