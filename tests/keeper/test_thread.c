/*
 * The keeper as a thread: when it is there, and what it is like.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <unistd.h>

#include "keeper/tasks.h"
#include "waiting/party.h"

static struct server *srv;
static struct plan plan;
static rl_mutex_t mutex;

static void setup(void)
{
	srv = server_start(NULL);
	plan = (struct plan){ .servers = srv->url, .lease = 300 };
}

static void teardown(void)
{
	drop_mutex(&mutex);
	parties_end();
	server_stop(srv);
}

TestSuite(keeper_thread, .init = setup, .fini = teardown);

Test(keeper_thread, starts_with_the_first_hold_and_is_alone)
{
	rl_mutex_t more[20];
	struct plan other = plan;
	char name[20];

	plan_mutex(&plan, &mutex);
	cr_expect_eq(keepers(), 0);
	cr_assert_eq(rl_mutex_lock(&mutex), 0);
	cr_expect(keepers_become(1, WAIT_MS));
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "more%d", i);
		other.name = name;
		plan_mutex(&other, &more[i]);
		cr_assert_eq(rl_mutex_lock(&more[i]), 0);
	}
	cr_expect_eq(keepers(), 1);
	cr_expect_eq(rl_mutex_unlock(&mutex), 0);
}

Test(keeper_thread, is_not_there_if_nothing_is_to_be_kept)
{
	plan.refresh = RL_REFRESH_OFF;
	plan_mutex(&plan, &mutex);
	cr_assert_eq(rl_mutex_lock(&mutex), 0);
	cr_assert_eq(rl_mutex_unlock(&mutex), 0);
	cr_assert_eq(rl_mutex_destroy(&mutex), 0);
	plan.refresh = RL_REFRESH_AUTO;
	plan.lease = NEVER;
	plan_mutex(&plan, &mutex);
	cr_assert_eq(rl_mutex_lock(&mutex), 0);
	cr_assert_eq(rl_mutex_unlock(&mutex), 0);
	cr_expect_eq(keepers(), 0);
}

static uint64_t blocked_signals(pid_t tid)
{
	char status[4096];
	const char *at;

	task_read(tid, "status", status, sizeof(status));
	at = strstr(status, "SigBlk:");
	TEST_MUST(at);
	return strtoull(at + 7, NULL, 16);
}

/* But for those that cannot be blocked, or that the C library keeps. */
Test(keeper_thread, blocks_all_signals)
{
	pid_t tid = 0;
	uint64_t blocked;

	plan_mutex(&plan, &mutex);
	cr_assert_eq(rl_mutex_lock(&mutex), 0);
	cr_assert(keepers_become(1, WAIT_MS));
	cr_assert_eq(tasks_named("rl-keeper", &tid), 1);
	blocked = blocked_signals(tid);
	for (int sig = 1; sig <= 64; sig++) {
		if (sig == SIGKILL || sig == SIGSTOP || sig == 32 || sig == 33)
			continue;
		cr_expect(blocked & 1ULL << (sig - 1), "signal %d", sig);
	}
	/* The caller's own mask is as it was. */
	cr_expect_eq(blocked_signals(getpid()) & 1ULL << (SIGUSR1 - 1), 0);
	cr_expect_eq(rl_mutex_unlock(&mutex), 0);
}

static int open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	TEST_MUST(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

Test(keeper_thread, goes_when_idle_and_comes_again)
{
	int files = 0;

	plan_mutex(&plan, &mutex);
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(rl_mutex_lock(&mutex), 0);
		cr_assert(keepers_become(1, WAIT_MS));
		cr_assert_eq(rl_mutex_unlock(&mutex), 0);
		cr_assert(keepers_become(0, 6000));
		if (i == 0)
			files = open_files();
	}
	cr_expect_eq(open_files(), files);
	cr_expect_eq(rl_mutex_destroy(&mutex), 0);
}

/* A long lease is no reason to stay when its mutex has gone. */
Test(keeper_thread, goes_when_the_last_mutex_has_gone)
{
	plan.lease = 3600000;
	plan_mutex(&plan, &mutex);
	cr_assert_eq(rl_mutex_lock(&mutex), 0);
	cr_assert(keepers_become(1, WAIT_MS));
	/* It sleeps until the renewal, not for want of work. */
	pass_ms(1300);
	cr_assert_eq(rl_mutex_unlock(&mutex), 0);
	cr_assert_eq(rl_mutex_destroy(&mutex), 0);
	cr_expect(keepers_become(0, 6000));
}

static int child(struct proc *self, void *arg)
{
	rl_mutex_t own;

	(void)self;
	PROC_CHECK(keepers() == 0);
	plan_mutex(arg, &own);
	PROC_CHECK(rl_mutex_trylock(&own) == 0);
	PROC_CHECK(keepers_become(1, WAIT_MS));
	pass_ms(2200);
	PROC_CHECK(rl_mutex_held(&own) == 0);
	PROC_CHECK(rl_mutex_unlock(&own) == 0);
	return 0;
}

Test(keeper_thread, a_forked_child_starts_its_own)
{
	struct plan other = plan;
	struct proc *p;

	plan.lease = other.lease = 2000;
	plan.interval = other.interval = 200;
	other.name = "other";
	plan_mutex(&plan, &mutex);
	cr_assert_eq(rl_mutex_lock(&mutex), 0);
	cr_assert(keepers_become(1, WAIT_MS));
	p = proc_start(PROC_PROCESS, child, &other);
	cr_expect_eq(proc_join(p), 0);
	cr_expect_eq(keepers(), 1);
	cr_expect_eq(rl_mutex_held(&mutex), 0);
	cr_expect_eq(rl_mutex_unlock(&mutex), 0);
}

static int exits_holding(struct proc *self, void *arg)
{
	rl_mutex_t own;

	(void)self;
	plan_mutex(arg, &own);
	PROC_CHECK(rl_mutex_lock(&own) == 0);
	exit(7);
}

Test(keeper_thread, does_not_hinder_the_end_of_the_process)
{
	int64_t begun = wait_now_ms();
	struct proc *p = proc_start(PROC_PROCESS, exits_holding, &plan);

	cr_expect_eq(proc_join(p), 7);
	cr_expect_lt(wait_now_ms() - begun, 3000);
}
