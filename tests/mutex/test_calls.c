/* What holds for every call: errno, signals, cancellation. */
#include <signal.h>
#include <stdatomic.h>

#include "peer.h"

#include "support/small_stack.h"

TestSuite(mutex_calls, .init = lock_setup, .fini = lock_teardown);

static void init_fresh(struct spec *s, rl_mutex_t *m)
{
	spec_fresh(s);
	cr_assert_eq(spec_init(s, m), 0);
}

/* ------------------------------------------------------------------- errno */

static void expect_errno_kept(rl_mutex_t *m, const char *when)
{
	for (int act = TRYLOCK; act <= OWNER; act++) {
		errno = 4711;
		act_on(m, (enum act)act, 10);
		cr_expect_eq(errno, 4711, "%s: %s", when, act_names[act]);
	}
}

Test(mutex_calls, errno_is_preserved)
{
	struct spec s = { .type = RL_MUTEX_ERRORCHECK, LEASE_WATCHED };
	MUTEX m;
	size_t n;

	errno = 4711;
	init_fresh(&s, &m);
	cr_expect_eq(errno, 4711);
	expect_errno_kept(&m, "free");
	errno = 4711;
	rl_mutex_lock(&m);
	cr_expect_eq(errno, 4711);
	expect_errno_kept(&m, "held");
	rl_mutex_lock(&m);
	server_ask(srv, "FLUSHALL");
	expect_errno_kept(&m, "lost");
	errno = 4711;
	rl_mutex_reset(&m);
	rl_reset_all(NULL, &n);
	rl_strerror(EBUSY);
	rl_last_error();
	rl_mutex_destroy(NULL);
	cr_expect_eq(errno, 4711);
	server_kill(srv);
	expect_errno_kept(&m, "down");
}

/* ------------------------------------------------------------------ signals */

static atomic_int caught;

static void catch(int sig)
{
	(void)sig;
	caught++;
}

static void interrupt_waiter(int granularity, int act)
{
	/* No SA_RESTART. */
	const struct sigaction sa = { .sa_handler = catch };
	struct spec s = { .granularity = granularity };
	struct peer *p;
	MUTEX m;

	sigaction(SIGUSR1, &sa, NULL);
	init_fresh(&s, &m);
	p = peer_start(PEER_SAME_MUTEX, &s, &m);
	cr_assert_eq(rl_mutex_lock(&m), 0);
	peer_begin(p, act, 60000);
	for (int i = 0; i < 20; i++) {
		caught = 0;
		cr_assert_eq(pthread_kill(p->thread, SIGUSR1), 0);
		while (!caught)
			cr_assert_not(peer_answers(p, 1));
	}
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	cr_expect_eq(peer_answer(p).err, 0, "%s, %s",
		     granularity_names[granularity], act_names[act]);
	cr_expect_eq(peer_do(p, UNLOCK, 0), 0);
	peer_end(p);
}

Test(mutex_calls, a_signal_does_not_end_a_wait)
{
	for (int g = RL_GRANULARITY_THREAD; g <= BY_NAME; g++)
		for (int act = LOCK; act <= CLOCKLOCK_MONOTONIC; act++)
			if (act != TRYLOCK)
				interrupt_waiter(g, act);
}

/* ------------------------------------------------------------- cancellation */

struct cancelled {
	rl_mutex_t m;
	atomic_int done;
};

/* The cancellation is pending all the time, and comes true after the last. */
static int call_everything(struct proc *self, void *arg)
{
	struct cancelled *c = arg;

	pthread_cancel(pthread_self());
	for (int round = 0; round < 2; round++) {
		for (int act = LOCK; act <= RESET; act++)
			if (act != LOCK || round == 0)
				act_on(&c->m, (enum act)act, 20);
		c->done++;
	}
	PEER_UNWINDS();
	pthread_testcancel();
	proc_tell(self, 1);
	return 0;
}

Test(mutex_calls, none_is_a_cancellation_point)
{
	for (int g = RL_GRANULARITY_THREAD; g <= BY_NAME; g++) {
		struct spec s = { .granularity = g,
				  .type = RL_MUTEX_ERRORCHECK };
		struct cancelled c = { .done = 0 };
		struct proc *p;

		init_fresh(&s, &c.m);
		p = proc_start(PROC_THREAD, call_everything, &c);
		proc_join(p);
		cr_expect_eq(c.done, 2, "%s", granularity_names[g]);
		spec_end(&c.m);
	}
}

static atomic_bool waited;

static int wait_cancelled(struct proc *self, void *arg)
{
	int old, err;

	/* What tells the test is a cancellation point. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
	proc_tell(self, 0);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old);
	err = rl_mutex_lock(arg);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
	waited = !err && !rl_mutex_unlock(arg) && old == PTHREAD_CANCEL_ENABLE;
	pthread_setcancelstate(old, NULL);
	PEER_UNWINDS();
	pthread_testcancel();
	waited = false;	/* it was to end there */
	return 0;
}

Test(mutex_calls, a_cancellation_during_a_wait_stays_pending)
{
	for (int g = RL_GRANULARITY_THREAD; g <= BY_NAME; g++) {
		struct spec s = { .granularity = g };
		struct proc *p;
		MUTEX m;

		init_fresh(&s, &m);
		cr_assert_eq(rl_mutex_lock(&m), 0);
		waited = false;
		p = proc_start(PROC_THREAD, wait_cancelled, &m);
		proc_hear(p);
		if (g == RL_GRANULARITY_THREAD)
			server_info_becomes(srv, "blocked_clients", 1);
		pthread_cancel(p->thread);
		cr_expect_eq(rl_mutex_unlock(&m), 0);
		proc_join(p);
		cr_expect(waited, "%s", granularity_names[g]);
		cr_expect_eq(rl_mutex_trylock(&m), 0);
		cr_expect_eq(rl_mutex_unlock(&m), 0);
	}
}

/* ------------------------------------------------------------------ SIGPIPE */

/* The default action would end the test. */
Test(mutex_calls, none_raises_sigpipe)
{
	struct spec s = { .type = RL_MUTEX_NORMAL };
	MUTEX m;
	int err;

	signal(SIGPIPE, SIG_DFL);
	init_fresh(&s, &m);
	for (int i = 0; i < 5; i++) {
		cr_expect_eq(rl_mutex_lock(&m), 0);
		server_restart(srv, false);
		err = rl_mutex_unlock(&m);
		/* Of several that forgot, the first may note the unlock before
		 * the second can be reached: then it was one. */
		cr_expect(err == ESTALE || (srv->nodes > 1 && err == 0),
			  "%d: %s", err, rl_last_error());
		server_restart(srv, false);
	}
}

/* -------------------------------------------------------------------- guard */

static int add(rl_mutex_t *m, int *total)
{
	RL_MUTEX_GUARD(err, m);

	if (err)
		return err;
	cr_expect_eq(rl_mutex_held(m), 0);
	(*total)++;
	return 0;
}

Test(mutex_calls, the_guard_unlocks_at_the_end_of_the_scope)
{
	struct spec s = { .type = RL_MUTEX_ERRORCHECK };
	int total = 0;
	MUTEX m;

	init_fresh(&s, &m);
	for (int i = 0; i < 3; i++) {
		cr_expect_eq(add(&m, &total), 0);
		cr_expect_eq(rl_mutex_locked(&m), 0);
	}
	cr_expect_eq(rl_mutex_lock(&m), 0);
	cr_expect_eq(add(&m, &total), EDEADLK);
	cr_expect_eq(rl_mutex_held(&m), 0);
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	cr_expect_eq(total, 3);
}

/* ---------------------------------------------------------------- the stack */

static void *call_each(void *arg)
{
	struct timespec soon = { .tv_sec = 20 };
	rl_mutex_t *m = arg;
	intptr_t wrong = 0;
	uint64_t fence;
	char owner[200];

	wrong |= rl_mutex_lock(m);
	wrong |= rl_mutex_refresh(m);
	wrong |= rl_mutex_extend(m, &soon);
	wrong |= rl_mutex_remaining(m, &soon);
	wrong |= rl_mutex_fence(m, &fence);
	wrong |= rl_mutex_held(m);
	wrong |= rl_mutex_owner(m, owner, sizeof(owner));
	wrong |= rl_mutex_locked(m) ^ EBUSY;
	wrong |= rl_mutex_trylock(m) ^ EBUSY;
	wrong |= rl_mutex_consistent(m) ^ EINVAL;
	wrong |= rl_mutex_unlock(m);
	soon = (struct timespec){ 0 };
	wrong |= rl_mutex_timedlock(m, &soon);
	wrong |= rl_mutex_reset(m);
	wrong |= rl_mutex_unlock(m) ^ ESTALE;
	return (void *)(wrong | rl_reset_all(NULL, NULL));
}

Test(mutex_calls, the_smallest_stack_is_enough_for_each)
{
	setenv("RL_SERVERS", srv->urls, 1);
	for (int g = RL_GRANULARITY_THREAD; g <= BY_NAME; g++) {
		struct spec s = { .type = RL_MUTEX_ERRORCHECK,
				  .granularity = g };
		MUTEX m;

		init_fresh(&s, &m);
		cr_expect_null(on_small_stack(call_each, &m), "%s",
			       granularity_names[g]);
	}
}

/* ------------------------------------------------------------------ the end */

static int unlock_and_end(struct proc *self, void *arg)
{
	PROC_CHECK(rl_mutex_lock(arg) == 0);
	proc_tell(self, 0);
	proc_hear(self);
	PROC_CHECK(rl_mutex_unlock(arg) == 0);
	return 0;
}

/* How long a thread takes to end that is owed an answer, ms. */
static int64_t end_of_a_thread(rl_mutex_t *m)
{
	struct proc *p = proc_start(PROC_THREAD, unlock_and_end, m);
	int64_t began;

	proc_hear(p);
	server_pause(srv);
	began = wait_now_ms();
	proc_tell(p, 0);
	cr_expect_eq(proc_join(p), 0);
	began = wait_now_ms() - began;
	server_resume(srv);
	return began;
}

/* command_timeout is 1000 ms. */
Test(mutex_calls, a_thread_ends_soon_though_a_server_hangs)
{
	struct spec s = { .lease_ms = 500 };
	int64_t took = 0;
	MUTEX m;
	int i;

	setenv("RL_RELEASE", "async", 1);
	init_fresh(&s, &m);
	for (i = 0; i < 3; i++) {
		took = end_of_a_thread(&m);
		cr_expect_geq(took, 199, "%lld ms", (long long)took);
		if (took < 600)
			break;
	}
	cr_expect_lt(took, 600, "%lld ms", (long long)took);
}
