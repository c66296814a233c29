/*
 * A lock that rests with the process that has unlocked it: what its own
 * threads, other processes and the servers see of it, and how it ends.
 */
#include "delegation/delegation.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

TestSuite(delegation_resting, .init = setup, .fini = teardown);

Test(delegation_resting, locking_again_asks_nobody_and_keeps_the_fence)
{
	uint64_t fence, again;
	long long asked;

	plan_mutex(&plan, &mutex);
	cr_assert_eq(rl_mutex_lock(&mutex), 0);
	cr_assert_eq(rl_mutex_fence(&mutex, &fence), 0);
	cr_assert_eq(rl_mutex_unlock(&mutex), 0);
	asked = calls_of(srv, "evalsha") + calls_of(srv, "eval");
	for (int i = 0; i < 1000; i++) {
		cr_assert_eq(rl_mutex_lock(&mutex), 0);
		cr_assert_eq(rl_mutex_fence(&mutex, &again), 0);
		cr_assert_eq(again, fence);
		cr_assert_eq(rl_mutex_unlock(&mutex), 0);
	}
	cr_expect_leq(calls_of(srv, "evalsha") + calls_of(srv, "eval"),
		      asked + 1);
	cr_expect_eq(rl_mutex_unlock(&mutex), EPERM);
	cr_expect_eq(rl_mutex_fence(&mutex, &again), EPERM);
}

Test(delegation_resting, every_way_to_lock_takes_it)
{
	let_it_rest();
	cr_expect_eq(rl_mutex_trylock(&mutex), 0);
	cr_expect_eq(rl_mutex_trylock(&mutex), EBUSY);
	cr_expect_eq(rl_mutex_unlock(&mutex), 0);
	cr_expect_eq(timedlock_ms(&mutex, 0), 0);
	cr_expect_eq(timedlock_ms(&mutex, 0), ETIMEDOUT);
	cr_expect_eq(rl_mutex_unlock(&mutex), 0);
	cr_expect_eq(rl_mutex_clocklock(&mutex, CLOCK_MONOTONIC, NULL), 0);
	cr_expect_eq(rl_mutex_unlock(&mutex), 0);
}

Test(delegation_resting, one_that_nobody_wants_is_given_back)
{
	int64_t began;

	let_it_rest();
	began = wait_now_ms();
	cr_assert(wait_until(is_free, NULL, WAIT_MS));
	cr_expect_geq(wait_now_ms() - began, IDLE_MS - 20);
	cr_expect_eq(server_ask_int(srv, "HGET {rl:lock}:rl:meta f") % 4, 0);
}

Test(delegation_resting, a_client_of_the_common_recipe_gets_in)
{
	let_it_rest();
	cr_assert(wait_until(is_free, NULL, WAIT_MS));
	cr_assert_str_eq(server_ask(srv, "SET rl:lock theirs NX PX 60000"),
			 "OK");
	cr_expect_eq(rl_mutex_trylock(&mutex), EBUSY);
}

Test(delegation_resting, in_this_process_it_is_free)
{
	char owner[100];
	struct timespec left;

	let_it_rest();
	cr_expect_eq(rl_mutex_held(&mutex), EPERM);
	cr_expect_eq(rl_mutex_locked(&mutex), 0);
	cr_expect_eq(rl_mutex_owner(&mutex, owner, sizeof(owner)), ENOENT);
	cr_expect_eq(rl_mutex_remaining(&mutex, &left), EPERM);
	cr_expect_eq(rl_mutex_refresh(&mutex), EPERM);
}

Test(delegation_resting, for_others_it_is_held_until_they_ask)
{
	struct proc *other = party_start(PROC_PROCESS, &plan);
	int err = EBUSY;

	let_it_rest();
	cr_expect_eq(party(other, HELD, 0), EPERM);
	for (int i = 0; i < 1000 && err == EBUSY; i++)
		err = party(other, TRYLOCK, 0);
	cr_expect_eq(err, 0);
	cr_expect_eq(party(other, UNLOCK, 0), 0);
}

Test(delegation_resting, destroying_the_mutex_gives_it_back)
{
	let_it_rest();
	cr_expect_eq(rl_mutex_destroy(&mutex), 0);
	cr_expect_eq(server_ask_int(srv, "EXISTS rl:lock"), 0);
}

Test(delegation_resting, it_can_be_destroyed_while_another_mutex_keeps_it)
{
	rl_mutex_t same;

	let_it_rest();
	plan_mutex(&plan, &same);
	cr_assert_eq(rl_mutex_lock(&same), 0);
	cr_expect_eq(rl_mutex_destroy(&mutex), 0);
	cr_expect_eq(rl_mutex_destroy(&same), EBUSY);
	cr_assert_eq(rl_mutex_unlock(&same), 0);
	cr_expect_eq(rl_mutex_destroy(&same), 0);
	cr_expect_eq(server_ask_int(srv, "EXISTS rl:lock"), 0);
}

/* Who has not asked for delegation does not delegate. */
Test(delegation_resting, a_mutex_without_it_releases)
{
	struct plan plain = plan;
	rl_mutex_t same;

	plain.delegation = RL_DELEGATION_OFF;
	plan_mutex(&plain, &same);
	let_it_rest();
	cr_assert_eq(rl_mutex_lock(&same), 0);
	cr_expect_eq(rl_mutex_unlock(&same), 0);
	cr_expect_eq(server_ask_int(srv, "EXISTS rl:lock"), 0);
	cr_expect_eq(rl_mutex_destroy(&same), 0);
}

Test(delegation_resting, types_are_as_ever)
{
	plan.type = RL_MUTEX_ERRORCHECK;
	let_it_rest();
	cr_expect_eq(rl_mutex_unlock(&mutex), EPERM);
	cr_assert_eq(rl_mutex_lock(&mutex), 0);
	cr_expect_eq(rl_mutex_lock(&mutex), EDEADLK);
	cr_expect_eq(rl_mutex_unlock(&mutex), 0);
	cr_expect_eq(rl_mutex_destroy(&mutex), 0);
	plan.type = RL_MUTEX_RECURSIVE;
	let_it_rest();
	cr_assert_eq(rl_mutex_lock(&mutex), 0);
	cr_assert_eq(rl_mutex_lock(&mutex), 0);
	cr_expect_eq(rl_mutex_unlock(&mutex), 0);
	cr_expect_eq(rl_mutex_held(&mutex), 0);
	cr_expect_eq(rl_mutex_unlock(&mutex), 0);
	cr_expect_eq(rl_mutex_unlock(&mutex), EPERM);
}

/* The first unlock behind the keeper's having begun to listen plans when the
 * lock is given back, and wakes the keeper for it. */
static void *lock_while_cancelled(void *locked)
{
	int err = rl_mutex_lock(&mutex);

	TEST_MUST(!err && line_has(srv, 1));
	pthread_cancel(pthread_self());
	for (int i = 0; i < 3; i++)
		if (!rl_mutex_unlock(&mutex) && !rl_mutex_lock(&mutex))
			atomic_fetch_add((atomic_int *)locked, 1);
	pthread_testcancel();
	return NULL;
}

Test(delegation_resting, no_call_is_a_cancellation_point)
{
	static atomic_int locked;
	pthread_t thread;
	void *end;

	plan_mutex(&plan, &mutex);
	cr_assert(!pthread_create(&thread, NULL, lock_while_cancelled,
				  &locked));
	cr_assert(!pthread_join(thread, &end));
	cr_expect_eq(end, PTHREAD_CANCELED);
	cr_expect_eq(locked, 3);
}

/* ------------------------------------------------------------------ ends */

static int lock_and_exit(struct proc *self, void *arg)
{
	(void)self;
	plan_mutex(arg, &mutex);
	PROC_CHECK(rl_mutex_lock(&mutex) == 0);
	PROC_CHECK(rl_mutex_unlock(&mutex) == 0);
	exit(0);
}

Test(delegation_resting, the_end_of_the_process_gives_it_back)
{
	plan.lease = 60000;
	cr_assert_eq(proc_join(proc_start(PROC_PROCESS, lock_and_exit, &plan)),
		     0);
	cr_expect_eq(server_ask_int(srv, "EXISTS rl:lock"), 0);
}

/* It rests for 100 ms only; on a busy machine it may have been given back. */
static bool stops_while_it_rests(struct proc *p)
{
	cr_assert_eq(party(p, LOCK, 0), 0);
	cr_assert_eq(party(p, UNLOCK, 0), 0);
	proc_pause(p);
	/* What it had sent has been run behind the second. */
	server_ask(srv, "PING");
	server_ask(srv, "PING");
	return !is_free(NULL);
}

/* The servers cannot know that it was unlocked: it is told as a death. */
Test(delegation_resting, one_whose_process_is_killed_ends_with_its_lease)
{
	struct proc *other;

	plan.lease = 1500;
	plan.robust = RL_MUTEX_ROBUST;
	other = party_start(PROC_PROCESS, &plan);
	while (!stops_while_it_rests(other))
		proc_resume(other);
	party_kill(other);
	plan_mutex(&plan, &mutex);
	cr_expect_eq(timedlock_ms(&mutex, PATIENCE), EOWNERDEAD);
	cr_expect_eq(rl_mutex_consistent(&mutex), 0);
	cr_expect_eq(rl_mutex_unlock(&mutex), 0);
}

static atomic_int lost;

static void count_losses(rl_mutex_t *m, int error, void *arg)
{
	(void)m;
	(void)error;
	(void)arg;
	atomic_fetch_add(&lost, 1);
}

static bool rests_no_more(void *arg)
{
	(void)arg;
	return !record_of(&mutex)->resting;
}

Test(delegation_resting, a_loss_is_told_to_nobody_and_the_next_lock_is_new)
{
	uint64_t before, after;

	plan.onlost = count_losses;
	plan.lease = 60000;
	plan.interval = 10;
	plan_mutex(&plan, &mutex);
	cr_assert_eq(rl_mutex_lock(&mutex), 0);
	cr_assert_eq(rl_mutex_fence(&mutex, &before), 0);
	cr_assert_eq(rl_mutex_unlock(&mutex), 0);
	server_ask(srv, "SET rl:lock theirs");
	/* Found by a renewal, or when it is given back. */
	cr_assert(wait_until(rests_no_more, NULL, WAIT_MS));
	cr_expect_eq(rl_mutex_trylock(&mutex), EBUSY);
	server_ask(srv, "DEL rl:lock");
	cr_assert_eq(timedlock_ms(&mutex, PATIENCE), 0);
	cr_assert_eq(rl_mutex_fence(&mutex, &after), 0);
	cr_expect_gt(after, before);
	cr_expect_eq(rl_mutex_unlock(&mutex), 0);
	cr_expect_eq(lost, 0);
}

static bool is_told(void *arg)
{
	(void)arg;
	return atomic_load(&lost);
}

Test(delegation_resting, a_lost_hold_is_told_as_ever)
{
	let_it_rest();
	cr_expect_eq(rl_mutex_destroy(&mutex), 0);
	plan.onlost = count_losses;
	plan.interval = 10;
	let_it_rest();
	cr_assert_eq(rl_mutex_lock(&mutex), 0);
	server_ask(srv, "SET rl:lock theirs");
	cr_assert(wait_until(is_told, NULL, WAIT_MS));
	cr_expect_eq(rl_mutex_unlock(&mutex), ESTALE);
	cr_expect_eq(lost, 1);
}

/* What the child gets is a hold of its own, which the servers gave it. */
static int fork_child(struct proc *self, void *arg)
{
	uint64_t fence = 0, before = *(uint64_t *)arg;

	(void)self;
	PROC_CHECK(timedlock_ms(&mutex, PATIENCE) == 0);
	PROC_CHECK(rl_mutex_fence(&mutex, &fence) == 0);
	PROC_CHECK(fence > before);
	PROC_CHECK(rl_mutex_unlock(&mutex) == 0);
	PROC_CHECK(rl_mutex_destroy(&mutex) == 0);
	return 0;
}

Test(delegation_resting, a_forked_child_has_none_of_it)
{
	uint64_t fence;

	plan_mutex(&plan, &mutex);
	cr_assert_eq(rl_mutex_lock(&mutex), 0);
	cr_assert_eq(rl_mutex_fence(&mutex, &fence), 0);
	cr_assert_eq(rl_mutex_unlock(&mutex), 0);
	cr_expect_eq(proc_join(proc_start(PROC_PROCESS, fork_child, &fence)),
		     0);
	cr_expect_eq(timedlock_ms(&mutex, PATIENCE), 0);
	cr_expect_eq(rl_mutex_unlock(&mutex), 0);
}
