/*
 * DESIGN
 *
 * The keeper sleeps until the earliest timer is due, or until something that
 * it asked the servers is answered. A timer belongs to a hold or to a record,
 * and is left in the heap when its hold is unlocked: locking again finds it
 * there, so that locking and unlocking do not touch the heap, and do not wake
 * the keeper but for a timer that is due before all others.
 *
 * What it looks at is pinned: the record is held from taking the timer out of
 * the heap until the answer has been dealt with. The hold may have become
 * another one meanwhile, which its epoch tells.
 *
 * LOCKING
 *
 * lock->guard > keeper.guard. Only the keeper touches a renewal or a question
 * in flight (renewal.c, question.c). onlost is called here, with nothing held.
 */
#include "lock/keeper.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/direct.h"
#include "base/error.h"
#include "base/futex.h"
#include "base/log.h"
#include "lock/delegation.h"

/* A keeper with nothing to do goes after this long. */
#define IDLE RLI_S
/* Timers that are taken out of the heap at a time. */
#define TOGETHER 16
/* How long the end of the process waits for it, should it be inside onlost. */
#define STOP_PATIENCE RLI_S

static struct {
	struct rli_guard guard;
	struct rli_heap heap;	/* under guard */
	size_t room;		/* timers there are; under guard */
	atomic_bool running;	/* written under guard */
	bool stop;		/* under guard */
	bool ended;		/* none is started any more; under guard */
	int64_t sleeps_until;	/* under guard */
	int wakefd;		/* -1 before the first start, which is under
				   guard; then read-only */
	_Atomic uint32_t runs;	/* running, for who waits for the end */
	pthread_t thread;	/* valid while running */
} keeper = { .wakefd = -1 };

static _Thread_local bool is_keeper
	__attribute__((tls_model("initial-exec")));

static int start(void);

bool rli_keeper_runs(void)
{
	/* Relaxed: if it is just going, rli_timer_plan() starts it again. */
	return atomic_load_explicit(&keeper.running, memory_order_relaxed);
}

bool rli_keeper_self(void)
{
	return is_keeper;
}

/* ---------------------------------------------------------------- timers */

int rli_timer_make_room(void)
{
	int err;

	rli_guard_lock(&keeper.guard);
	err = rli_heap_reserve(&keeper.heap, keeper.room + 1);
	if (!err)
		keeper.room++;
	rli_guard_unlock(&keeper.guard);
	return err;
}

/* wakefd is only closed in a forked child, which has none of our threads. */
void rli_keeper_wake(void)
{
	uint64_t one = 1;
	int saved = errno;
	ssize_t n = rli_write(keeper.wakefd, &one, sizeof(one));

	(void)n; /* full: it is awake anyway */
	errno = saved;
}

/* True: the keeper is to be woken for it. */
static bool push(struct rli_timer *timer, int64_t due)
{
	if (timer->place)
		rli_heap_remove(&keeper.heap, timer);
	timer->due = due;
	rli_heap_push(&keeper.heap, timer);
	if (!keeper.running || due >= keeper.sleeps_until)
		return false;
	keeper.sleeps_until = due;
	return true;
}

bool rli_timer_plan(struct rli_timer *timer, int64_t due)
{
	int saved = errno, err = 0;
	bool wake = false;

	rli_guard_lock(&keeper.guard);
	if (!timer->place || due < timer->due)
		wake = push(timer, due);
	/* It may have gone for want of work since it was last needed; but one
	 * that was stopped does not, at its end, start the next. */
	if (!keeper.running && !is_keeper)
		err = start();
	rli_guard_unlock(&keeper.guard);
	if (err)
		rli_log(RL_LOG_ERROR, "nobody renews leases: %s",
			rli_error_message());
	errno = saved;
	return wake;
}

void rli_timer_set(struct rli_timer *timer, int64_t due)
{
	if (rli_timer_plan(timer, due))
		rli_keeper_wake();
}

/* How many: out of the heap, their records pinned. */
static int take_due(int64_t now, struct rli_timer *due[])
{
	struct rli_timer *timer;
	int n = 0;

	rli_guard_lock(&keeper.guard);
	while (n < TOGETHER && (timer = rli_heap_first(&keeper.heap)) &&
	       timer->due <= now) {
		rli_heap_remove(&keeper.heap, timer);
		rli_heap_fetch(&keeper.heap);
		/* Not pinned: the record is going, and takes no timer along. */
		if (rli_lock_hold(timer->lock))
			due[n++] = timer;
	}
	rli_guard_unlock(&keeper.guard);
	return n;
}

static void forget_timer(struct rli_timer *timer)
{
	if (timer->place)
		rli_heap_remove(&keeper.heap, timer);
	keeper.room--;
}

void rli_keeper_forget(struct rli_lock *lock)
{
	struct rli_hold *hold = atomic_load_explicit(&lock->made,
						     memory_order_acquire);

	rli_guard_lock(&keeper.guard);
	for (; hold; hold = hold->made)
		forget_timer(&hold->timer);
	forget_timer(&lock->question);
	/* It sleeps until a moment that nothing is planned for any more. */
	if (keeper.running && !rli_heap_first(&keeper.heap))
		rli_keeper_wake();
	rli_guard_unlock(&keeper.guard);
}

/* ------------------------------------------------------------- the thread */

static void run_due(struct rli_conns *conns, struct rli_listeners *listeners)
{
	struct rli_timer *due[TOGETHER];
	int i, n;

	while ((n = take_due(rli_now(), due)) > 0) {
		rli_look_ahead(due, n);
		for (i = 0; i < n; i++)
			if (due[i]->hold)
				rli_look_after(due[i]->hold, conns, listeners);
			else
				rli_ask_question(due[i]->lock, conns);
	}
}

/* Until when to sleep, and whether to go on at all. */
static bool plan_sleep(int64_t idle_since, int64_t *until)
{
	struct rli_timer *first;
	bool go_on;

	rli_guard_lock(&keeper.guard);
	first = rli_heap_first(&keeper.heap);
	*until = first ? first->due : rli_after(idle_since, IDLE);
	go_on = !keeper.stop && (first || rli_now() < *until);
	keeper.sleeps_until = *until;
	if (!go_on) {
		keeper.running = false;
		keeper.stop = false;
	}
	rli_guard_unlock(&keeper.guard);
	return go_on;
}

static void drain(int fd)
{
	uint64_t n;
	ssize_t got = read(fd, &n, sizeof(n));

	(void)got;
}

static void keep(struct rli_conns *conns, struct rli_listeners *listeners)
{
	int64_t until, idle_since = rli_now();

	while (plan_sleep(idle_since, &until)) {
		rli_backend.pump(conns, until, keeper.wakefd);
		drain(keeper.wakefd);
		if (until <= rli_now())
			run_due(conns, listeners);
		rli_listeners_update(listeners, conns);
		if (until != rli_after(idle_since, IDLE))
			idle_since = rli_now();
	}
}

/* What one run of the thread has for itself. */
struct run {
	struct rli_conns *conns;
	struct rli_listeners *listeners;
};

static bool is_ended(void)
{
	bool ended;

	rli_guard_lock(&keeper.guard);
	ended = keeper.ended;
	rli_guard_unlock(&keeper.guard);
	return ended;
}

static void *keeper_main(void *arg)
{
	struct run run = *(struct run *)arg;
	int old;

	rli_free(arg);

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
	is_keeper = true;
	keep(run.conns, run.listeners);
	if (is_ended())
		rli_delegation_give_back(run.conns);
	rli_backend.close(run.conns);
	rli_listeners_free(run.listeners);
	/* Release: whoever sees it sees that we touch nothing any more. */
	atomic_fetch_sub_explicit(&keeper.runs, 1, memory_order_release);
	rli_futex_wake(&keeper.runs, 1);
	return NULL;
}

static int start_thread(struct run *run)
{
	sigset_t all, old;
	pthread_attr_t attr;
	int err = pthread_attr_init(&attr);

	if (err)
		return err;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&keeper.thread, &attr, keeper_main, run);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	if (!err)
		pthread_setname_np(keeper.thread, "rl-keeper");
	return err;
}

static int make_run(struct run **made)
{
	struct run *run = rli_calloc(1, sizeof(*run));
	int err = run ? rli_listeners_new(&run->listeners) : rli_fail_nomem();

	if (!err)
		err = rli_backend.open(&run->conns);
	if (!err) {
		*made = run;
		return 0;
	}
	if (run)
		rli_free(run->listeners);
	rli_free(run);
	return err;
}

/* Under the keeper's guard: a second start waits for the outcome of this. */
static int start(void)
{
	struct run *run;
	int err;

	/* What the last one had begun fails as its connections close, and would
	 * be tried again. */
	if (keeper.ended)
		return 0;
	if (keeper.wakefd < 0)
		keeper.wakefd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (keeper.wakefd < 0)
		return rli_fail(ENOMEM, "the keeper cannot be started: %s",
				rli_system_error(errno));
	err = make_run(&run);
	if (err)
		return err;
	atomic_fetch_add_explicit(&keeper.runs, 1, memory_order_relaxed);
	keeper.sleeps_until = 0;
	err = start_thread(run);
	if (!err) {
		keeper.running = true;
		return 0;
	}
	atomic_fetch_sub_explicit(&keeper.runs, 1, memory_order_relaxed);
	rli_backend.close(run->conns);
	rli_listeners_free(run->listeners);
	rli_free(run);
	return rli_fail(ENOMEM, "the keeper cannot be started: %s",
			rli_system_error(err));
}

int rli_keeper_start(void)
{
	int err = 0, saved = errno;

	if (rli_keeper_runs())
		return 0;
	rli_guard_lock(&keeper.guard);
	if (!keeper.running)
		err = start();
	rli_guard_unlock(&keeper.guard);
	errno = saved;
	return err;
}

void rli_keeper_stop(void)
{
	int64_t end = rli_after(rli_now(), STOP_PATIENCE);
	uint32_t runs;

	if (rli_keeper_self())
		return;
	rli_guard_lock(&keeper.guard);
	keeper.ended = true;
	if (keeper.running) {
		keeper.stop = true;
		rli_keeper_wake();
	}
	rli_guard_unlock(&keeper.guard);
	while ((runs = atomic_load_explicit(&keeper.runs,
					    memory_order_acquire)) &&
	       rli_now() < end)
		rli_futex_wait(&keeper.runs, runs, end);
}

/* ------------------------------------------------------------------ fork */

void rli_keeper_before_fork(void)
{
	rli_guard_lock(&keeper.guard);
}

void rli_keeper_after_fork_parent(void)
{
	rli_guard_unlock(&keeper.guard);
}

/* No timer is set in the child (rli_locks_after_fork_child), and no keeper
 * runs; the descriptor would be shared with the parent's. */
void rli_keeper_after_fork_child(void)
{
	rli_guard_reset(&keeper.guard);
	keeper.heap.n = 0;
	keeper.running = keeper.stop = keeper.ended = false;
	atomic_store_explicit(&keeper.runs, 0, memory_order_relaxed);
	is_keeper = false;
	if (keeper.wakefd >= 0)
		close(keeper.wakefd);
	keeper.wakefd = -1;
}
