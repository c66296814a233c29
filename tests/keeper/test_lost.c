/*
 * A hold that is lost: found out, told once, and over.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keeper/tasks.h"
#include "waiting/inside.h"
#include "waiting/party.h"

static struct server *srv;
static struct plan plan;
static rl_mutex_t mutex, aside;
static atomic_int told, wrong;
static int mark;
static int (*then)(rl_mutex_t *m); /* what onlost does besides */
static atomic_int then_gave;

static void tell(rl_mutex_t *m, int error, void *arg)
{
	if (m != &mutex || error != ESTALE || arg != &mark)
		atomic_fetch_add(&wrong, 1);
	if (then)
		atomic_store(&then_gave, then(m));
	atomic_fetch_add(&told, 1);
}

static void setup(void)
{
	srv = server_start(NULL);
	plan = (struct plan){ .servers = srv->url, .lease = 1000,
			      .interval = 100,
			      .onlost = tell, .onlost_arg = &mark };
}

static void teardown(void)
{
	drop_mutex(&mutex);
	parties_end();
	server_stop(srv);
}

TestSuite(keeper_lost, .init = setup, .fini = teardown);

static bool told_is(void *n)
{
	return atomic_load(&told) == *(int *)n;
}

static bool told_becomes(int n)
{
	return wait_until(told_is, &n, WAIT_MS);
}

static void hold(void)
{
	plan_mutex(&plan, &mutex);
	cr_assert_eq(rl_mutex_lock(&mutex), 0);
}

enum cause { DELETED, RESET_, FLUSHED, TAKEN, FREED_AND_TAKEN, EXPIRED };

static void take_away(enum cause cause)
{
	struct proc *other;

	switch (cause) {
	case DELETED:
		server_ask(srv, "DEL rl:lock");
		break;
	case RESET_:
		other = party_start(PROC_PROCESS, &plan);
		cr_assert_eq(party(other, RESET, 0), 0);
		break;
	case FLUSHED:
		server_ask(srv, "FLUSHALL");
		break;
	case TAKEN:
		server_ask(srv, "SET rl:lock stranger PX 60000");
		break;
	case FREED_AND_TAKEN:
		server_ask(srv, "DEL rl:lock");
		other = party_start(PROC_PROCESS, &plan);
		cr_assert_eq(party(other, LOCK, 0), 0);
		break;
	case EXPIRED:
		break;
	}
}

struct loss {
	enum cause cause;
	int granularity, refresh;
	long lease; /* 0: 1000 */
};

ParameterizedTestParameters(keeper_lost, is_told_once)
{
	static struct loss losses[] = {
		{ DELETED, RL_GRANULARITY_THREAD, RL_REFRESH_AUTO, 0 },
		{ RESET_, RL_GRANULARITY_THREAD, RL_REFRESH_AUTO, 0 },
		{ FLUSHED, RL_GRANULARITY_PROCESS, RL_REFRESH_AUTO, 0 },
		{ TAKEN, RL_GRANULARITY_HOST, RL_REFRESH_AUTO, 0 },
		{ FREED_AND_TAKEN, RL_GRANULARITY_THREAD, RL_REFRESH_AUTO, 0 },
		{ DELETED, RL_GRANULARITY_THREAD, RL_REFRESH_OFF, 0 },
		{ EXPIRED, RL_GRANULARITY_THREAD, RL_REFRESH_OFF, 0 },
		{ EXPIRED, RL_GRANULARITY_PROCESS, RL_REFRESH_OFF, 0 },
		{ RESET_, RL_GRANULARITY_THREAD, RL_REFRESH_AUTO, NEVER },
		{ TAKEN, RL_GRANULARITY_PROCESS, RL_REFRESH_OFF, NEVER },
	};

	return cr_make_param_array(struct loss, losses, 10);
}

ParameterizedTest(struct loss *loss, keeper_lost, is_told_once)
{
	struct timespec ts;
	uint64_t fence;

	plan.granularity = loss->granularity;
	plan.refresh = loss->refresh;
	if (loss->lease) {
		plan.lease = loss->lease;
		plan.interval = 0;
	}
	hold();
	take_away(loss->cause);
	cr_assert(told_becomes(1));
	cr_expect_eq(rl_mutex_remaining(&mutex, &ts), ESTALE);
	cr_expect_eq(rl_mutex_fence(&mutex, &fence), ESTALE);
	if (loss->lease != NEVER)
		cr_expect_eq(rl_mutex_refresh(&mutex), ESTALE);
	pass_ms(400);
	cr_expect_eq(rl_mutex_unlock(&mutex), ESTALE);
	cr_expect_eq(rl_mutex_unlock(&mutex), EPERM);
	cr_expect_eq(atomic_load(&told), 1);
	cr_expect_eq(atomic_load(&wrong), 0);
	cr_expect_eq(rl_mutex_destroy(&mutex), 0);
}

/* Whoever finds it first tells it: here a call, before any renewal. */
ParameterizedTestParameters(keeper_lost, is_told_once_by_a_call_that_finds_it)
{
	static enum deed deeds[] = { UNLOCK, REFRESH, CONSISTENT };

	return cr_make_param_array(enum deed, deeds, 3);
}

ParameterizedTest(enum deed *deed, keeper_lost,
		  is_told_once_by_a_call_that_finds_it)
{
	struct order order = { .deed = *deed };
	int64_t value;
	int err;

	plan.lease = 60000;
	hold();
	server_ask(srv, "DEL rl:lock");
	err = party_obey(&mutex, &order, &value);
	cr_expect_eq(err, *deed == CONSISTENT ? EINVAL : ESTALE);
	cr_expect_eq(atomic_load(&told), *deed == CONSISTENT ? 0 : 1);
	cr_expect_eq(rl_mutex_unlock(&mutex),
		     *deed == UNLOCK ? EPERM : ESTALE);
	cr_expect_eq(atomic_load(&told), 1);
}

static int count_mine(struct proc *self, void *arg)
{
	(void)arg;
	plan_mutex(&plan, &mutex);
	PROC_CHECK(rl_mutex_lock(&mutex) == 0);
	proc_tell(self, 0);
	proc_hear(self);
	PROC_CHECK(told_becomes(1));
	PROC_CHECK(rl_mutex_unlock(&mutex) == ESTALE);
	PROC_CHECK(rl_mutex_unlock(&mutex) == EPERM);
	return atomic_load(&told) != 1;
}

Test(keeper_lost, is_told_once_to_a_process_that_stood_still)
{
	struct proc *p = proc_start(PROC_PROCESS, count_mine, NULL), *other;

	proc_hear(p);
	proc_pause(p);
	other = party_start(PROC_PROCESS, &plan);
	cr_assert_eq(party(other, LOCK, 0), 0);
	cr_assert_eq(party(other, UNLOCK, 0), 0);
	proc_resume(p);
	proc_tell(p, 0);
	cr_expect_eq(proc_join(p), 0);
}

Test(keeper_lost, an_unlock_by_the_same_owner_is_no_loss)
{
	struct proc *other;

	plan.owner = "team";
	other = party_start(PROC_PROCESS, &plan);
	hold();
	cr_assert_eq(party(other, UNLOCK, 0), 0);
	pass_ms(400);
	cr_expect_eq(rl_mutex_unlock(&mutex), EPERM);
	cr_expect_eq(atomic_load(&told), 0);
	cr_expect_eq(rl_mutex_lock(&mutex), 0);
	cr_expect_eq(rl_mutex_unlock(&mutex), 0);
}

/* The unlock, and the keeper, find the loss at about the same time. */
Test(keeper_lost, is_told_once_if_an_unlock_comes_between)
{
	plan.lease = 3000;
	plan.interval = 5;
	plan_mutex(&plan, &mutex);
	for (int i = 0; i < 300; i++) {
		int64_t end;

		cr_assert_eq(rl_mutex_lock(&mutex), 0);
		server_ask(srv, "DEL rl:lock");
		end = wait_now_ns() + i % 60 * 100000;
		while (wait_now_ns() < end)
			;
		cr_assert_eq(rl_mutex_unlock(&mutex), ESTALE);
		cr_assert(told_becomes(i + 1), "hold %d told %d times", i,
			  atomic_load(&told) - i);
	}
	cr_expect_eq(rl_mutex_destroy(&mutex), 0);
	cr_expect_eq(atomic_load(&told), 300);
}

/* The same, step by step. */
Test(keeper_lost, is_told_although_an_unlock_has_ended_the_hold)
{
	struct rli_hold *lost;
	struct rli_lock *lock;

	plan.lease = 60000;
	hold();
	lock = record_of(&mutex);
	rli_guard_lock(&lock->guard);
	lost = lock->holds;
	cr_assert(rli_hold_lose(lost));
	cr_expect_not(rli_hold_lose(lost));
	rli_guard_unlock(&lock->guard);
	cr_expect_eq(rl_mutex_unlock(&mutex), ESTALE);
	cr_expect_eq(atomic_load(&told), 0);
	rli_lost_tell(lost);
	cr_expect_eq(atomic_load(&told), 1);
	cr_expect_eq(atomic_load(&wrong), 0);
	cr_expect_eq(rl_mutex_destroy(&mutex), 0);
}

Test(keeper_lost, a_hold_of_many_levels_is_told_once)
{
	plan.type = RL_MUTEX_RECURSIVE;
	hold();
	cr_assert_eq(rl_mutex_lock(&mutex), 0);
	cr_assert_eq(rl_mutex_lock(&mutex), 0);
	server_ask(srv, "DEL rl:lock");
	cr_assert(told_becomes(1));
	for (int i = 0; i < 3; i++)
		cr_expect_eq(rl_mutex_unlock(&mutex), ESTALE);
	cr_expect_eq(rl_mutex_unlock(&mutex), EPERM);
	cr_expect_eq(atomic_load(&told), 1);
}

/* ------------------------------------------------ what onlost may call */

static void lose_and_see(int gave)
{
	hold();
	server_ask(srv, "DEL rl:lock");
	cr_assert(told_becomes(1));
	cr_expect_eq(atomic_load(&then_gave), gave);
	cr_expect_eq(atomic_load(&wrong), 0);
}

Test(keeper_lost, onlost_of_a_process_may_unlock)
{
	then = rl_mutex_unlock;
	plan.granularity = RL_GRANULARITY_PROCESS;
	lose_and_see(ESTALE);
	cr_expect_eq(rl_mutex_unlock(&mutex), EPERM);
	cr_expect_eq(rl_mutex_destroy(&mutex), 0);
}

Test(keeper_lost, onlost_is_not_the_thread_that_locked)
{
	then = rl_mutex_unlock;
	lose_and_see(EPERM);
	cr_expect_eq(rl_mutex_unlock(&mutex), ESTALE);
	cr_expect_eq(rl_mutex_destroy(&mutex), 0);
}

/* The keeper keeps what its own onlost has locked. */
Test(keeper_lost, onlost_may_lock_again)
{
	then = rl_mutex_lock;
	plan.lease = 1000;
	plan.granularity = RL_GRANULARITY_PROCESS;
	lose_and_see(0);
	pass_ms(1500);
	cr_expect_eq(rl_mutex_held(&mutex), 0);
	cr_expect_eq(atomic_load(&told), 1);
	/* The lock that was lost, and the new one. */
	cr_expect_eq(rl_mutex_unlock(&mutex), ESTALE);
	cr_expect_eq(rl_mutex_unlock(&mutex), 0);
	cr_expect_eq(rl_mutex_unlock(&mutex), EPERM);
}

Test(keeper_lost, onlost_may_not_destroy_its_mutex)
{
	then = rl_mutex_destroy;
	lose_and_see(EBUSY);
	cr_expect_eq(rl_mutex_unlock(&mutex), ESTALE);
	cr_expect_eq(rl_mutex_destroy(&mutex), 0);
}

static int lock_aside(rl_mutex_t *m)
{
	int err = rl_mutex_lock(&aside);

	(void)m;
	return err ? err : rl_mutex_unlock(&aside);
}

Test(keeper_lost, onlost_may_use_other_mutexes)
{
	struct plan other = plan;

	then = lock_aside;
	other.name = "aside";
	plan_mutex(&other, &aside);
	lose_and_see(0);
	cr_expect_eq(rl_mutex_unlock(&mutex), ESTALE);
	cr_expect_eq(rl_mutex_destroy(&aside), 0);
}

/* Nobody asks for it while the keeper itself waits, but it asks itself. */
Test(keeper_lost, onlost_may_wait_for_a_holder_that_dies)
{
	struct plan other = plan;
	struct proc *p;

	then = lock_aside;
	other.name = "aside";
	other.onlost = NULL;
	other.lease = 500;
	plan_mutex(&other, &aside);
	p = party_start(PROC_PROCESS, &other);
	cr_assert_eq(party(p, LOCK, 0), 0);
	hold();
	server_ask(srv, "DEL rl:lock");
	cr_assert(line_has(srv, 1));
	party_kill(p);
	cr_assert(told_becomes(1));
	cr_expect_eq(atomic_load(&then_gave), 0);
	cr_expect_eq(rl_mutex_unlock(&mutex), ESTALE);
}

static int fork_and_lock(rl_mutex_t *m)
{
	pid_t pid = fork();
	int status = -1;

	(void)m;
	if (pid == 0)
		_exit(lock_aside(m));
	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return status;
}

Test(keeper_lost, onlost_may_fork)
{
	struct plan other = plan;

	then = fork_and_lock;
	plan.lease = 1000;
	other.name = "aside";
	plan_mutex(&other, &aside);
	lose_and_see(0);
	cr_expect_eq(rl_mutex_unlock(&mutex), ESTALE);
	/* The keeper goes on in the parent. */
	cr_assert_eq(rl_mutex_lock(&mutex), 0);
	pass_ms(1500);
	cr_expect_eq(rl_mutex_unlock(&mutex), 0);
}

/* Processes that share one REFRESH hold are each told of its loss. */
Test(keeper_lost, all_who_share_a_hold_are_told)
{
	struct proc *p[2];

	plan.type = RL_MUTEX_REFRESH;
	plan.owner = "team";
	for (int i = 0; i < 2; i++) {
		p[i] = proc_start(PROC_PROCESS, count_mine, NULL);
		proc_hear(p[i]);
	}
	server_ask(srv, "DEL rl:lock");
	for (int i = 0; i < 2; i++)
		proc_tell(p[i], 0);
	for (int i = 0; i < 2; i++)
		cr_expect_eq(proc_join(p[i]), 0);
}
