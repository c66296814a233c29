/*
 * Cancellation: no call is a cancellation point, a request that is pending
 * stays pending, and a thread that is cancelled leaves the library as a thread
 * that ended.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "faults/faults.h"
#include "support/proc.h"

#ifdef __SANITIZE_ADDRESS__
/* A thread that is cancelled leaves frames which AddressSanitizer remembers: its
 * own signal stack is then in their way, and what runs at the end of the thread
 * in theirs. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "use_sigaltstack=0";
}

void __asan_unpoison_memory_region(const volatile void *begin, size_t size);

static void forget_frames(void *arg)
{
	enum { DEEPEST = 1 << 16 };
	const char *here = __builtin_frame_address(0);

	(void)arg;
	__asan_unpoison_memory_region(here - DEEPEST, DEEPEST);
}
#else
static void forget_frames(void *arg)
{
	(void)arg;
}
#endif

/* Made before rl's, so that its destructor runs first. */
static pthread_key_t frames;

static struct server *srv;
static rl_mutex_t m, rival;
static atomic_int came_through;

static void setup(void)
{
	cr_assert_eq(pthread_key_create(&frames, forget_frames), 0);
	srv = server_start(NULL);
	make(&m, &(struct want){ .url = srv->url, .robust = true });
	make(&rival, &(struct want){ .url = srv->url, .robust = true,
				     .owner = "rival" });
}

static void teardown(void)
{
	server_stop(srv);
}

TestSuite(faults_cancel, .init = setup, .fini = teardown);

static void *every_call(void *arg)
{
	struct timespec second = { .tv_sec = 1 }, left;
	struct want w = { .url = srv->url };
	rl_mutexattr_t attr;
	rl_mutex_t fresh;
	char owner[1200];
	uint64_t fence;
	size_t n;

	pthread_setspecific(frames, &frames);
	pthread_cancel(pthread_self());
	set_attr(&attr, &w);
	cr_expect_eq(rl_mutex_init(&fresh, "fresh", &attr), 0);
	cr_expect_eq(rl_mutex_lock(&fresh), 0);
	cr_expect_eq(rl_mutex_trylock(&fresh), EBUSY);
	cr_expect_eq(timedlock_ms(&fresh, 20), ETIMEDOUT);
	cr_expect_eq(rl_mutex_refresh(&fresh), 0);
	cr_expect_eq(rl_mutex_extend(&fresh, &second), 0);
	cr_expect_eq(rl_mutex_remaining(&fresh, &left), 0);
	cr_expect_eq(rl_mutex_fence(&fresh, &fence), 0);
	cr_expect_eq(rl_mutex_consistent(&fresh), EINVAL);
	cr_expect_eq(rl_mutex_held(&fresh), 0);
	cr_expect_eq(rl_mutex_locked(&fresh), EBUSY);
	cr_expect_eq(rl_mutex_owner(&fresh, owner, sizeof(owner)), 0);
	cr_expect_eq(rl_mutex_unlock(&fresh), 0);
	cr_expect_eq(rl_mutex_reset(&fresh), 0);
	cr_expect_eq(rl_reset_all(&attr, &n), 0);
	cr_expect_eq(rl_mutex_destroy(&fresh), 0);
	cr_expect_eq(rl_mutexattr_destroy(&attr), 0);
	atomic_fetch_add(&came_through, 1);
	pthread_testcancel();
	return arg;
}

Test(faults_cancel, a_pending_request_stays_pending_over_every_call)
{
	pthread_t t;
	void *result;

	cr_assert_eq(pthread_create(&t, NULL, every_call, NULL), 0);
	pthread_join(t, &result);
	cr_expect_eq(result, PTHREAD_CANCELED);
	cr_expect_eq(atomic_load(&came_through), 1);
}

Test(faults_cancel, a_request_pending_in_an_outage_stays_pending)
{
	static rl_mutex_t far;
	int old;

	make(&far, &(struct want){ .url = "unix:///nowhere/sock",
				   .options = "outage_timeout=60" });
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
	pthread_cancel(pthread_self());
	cr_expect_eq(rl_mutex_trylock(&far), ENOLCK);
	cr_expect_eq(rl_mutex_lock(&far), ENOLCK);
	cr_expect_eq(timedlock_ms(&far, 30), ETIMEDOUT);
	/* The state is as it was before: nothing happens. */
	pthread_testcancel();
	atomic_store(&came_through, 1);
	cr_expect_eq(atomic_load(&came_through), 1);
}

static bool has_waiter(void *arg)
{
	(void)arg;
	return server_info(srv, "blocked_clients") == 1;
}

static void *wait_for_it(void *arg)
{
	int err;

	pthread_setspecific(frames, &frames);
	err = rl_mutex_lock(&m);
	atomic_store(&came_through, err == 0 ? 1 : -err);
	pthread_testcancel();
	return arg;
}

Test(faults_cancel, a_thread_that_waits_is_not_cancelled_before_it_has_it)
{
	pthread_t t;
	void *result;

	cr_assert_eq(rl_mutex_lock(&rival), 0);
	cr_assert_eq(pthread_create(&t, NULL, wait_for_it, NULL), 0);
	cr_assert(wait_until(has_waiter, NULL, WAIT_MS));
	pthread_cancel(t);
	cr_expect(wait_until(has_waiter, NULL, 1));
	cr_expect_eq(rl_mutex_unlock(&rival), 0);
	pthread_join(t, &result);
	cr_expect_eq(result, PTHREAD_CANCELED);
	cr_expect_eq(atomic_load(&came_through), 1);
	/* It ended holding, which a robust locker learns at once. */
	cr_expect_eq(timedlock_ms(&rival, WAIT_MS / 2), EOWNERDEAD);
}

/* It returns before the cancellation acts, and what ends it then has cancellation
 * points enough. */
static void *cancelled_last(void *arg)
{
	cr_expect_eq(rl_mutex_lock(&m), 0);
	if (!arg)
		cr_expect_eq(rl_mutex_unlock(&m), 0);
	pthread_cancel(pthread_self());
	return arg;
}

static void end_cancelled(void *arg)
{
	pthread_t t;

	cr_assert_eq(pthread_create(&t, NULL, cancelled_last, arg), 0);
	cr_assert_eq(pthread_join(t, NULL), 0);
}

/* Ours, this thread's, and the keeper's if it has needed one. */
static bool has_few_connections(void *arg)
{
	(void)arg;
	return server_info(srv, "connected_clients") <= 3;
}

Test(faults_cancel, a_request_pending_at_the_end_of_a_thread_leaves_nothing)
{
	for (int i = 0; i < 10; i++)
		end_cancelled(NULL);
	cr_expect(wait_until(has_few_connections, NULL, WAIT_MS));
	end_cancelled(&m);
	cr_expect_eq(timedlock_ms(&rival, WAIT_MS / 2), EOWNERDEAD);
}

#ifdef __GLIBC__
static atomic_int waiter_tid;

static void *wait_with_type(void *arg)
{
	atomic_store(&waiter_tid, (int)syscall(SYS_gettid));
	pthread_setcanceltype(*(int *)arg, NULL);
	return wait_for_it(arg);
}

static void *sleep_for_ever(void *arg)
{
	for (;;)
		pause();
	return arg;
}

/* glibc does so in the first pthread_cancel of a thread that lives. */
static void have_the_handler_installed(void)
{
	pthread_t t;

	cr_assert_eq(pthread_create(&t, NULL, sleep_for_ever, NULL), 0);
	cr_assert_eq(pthread_cancel(t), 0);
	pthread_join(t, NULL);
}

/*
 * glibc's pthread_cancel looks at the state of a thread, and then sends its
 * signal: the call may have begun in between. The same signal, sent late.
 */
static void cancel_late(int type, int came)
{
	enum { GLIBC_SIGCANCEL = 32 };
	pthread_t t;
	void *result;

	have_the_handler_installed();
	cr_assert_eq(rl_mutex_lock(&rival), 0);
	cr_assert_eq(pthread_create(&t, NULL, wait_with_type, &type), 0);
	cr_assert(wait_until(has_waiter, NULL, WAIT_MS));
	cr_assert_eq(syscall(SYS_tgkill, getpid(), atomic_load(&waiter_tid),
			     GLIBC_SIGCANCEL),
		     0);
	cr_expect(wait_until(has_waiter, NULL, 1));
	cr_expect_eq(rl_mutex_unlock(&rival), 0);
	pthread_join(t, &result);
	cr_expect_eq(result, PTHREAD_CANCELED);
	cr_expect_eq(atomic_load(&came_through), came);
	cr_expect_eq(timedlock_ms(&rival, WAIT_MS / 2), EOWNERDEAD);
}

Test(faults_cancel, a_late_signal_waits_for_a_cancellation_point)
{
	cancel_late(PTHREAD_CANCEL_DEFERRED, 1);
}

Test(faults_cancel, a_late_signal_waits_for_the_end_of_the_call)
{
	cancel_late(PTHREAD_CANCEL_ASYNCHRONOUS, 0);
}
#endif

#ifndef __SANITIZE_ADDRESS__
static atomic_int failures;

static void *failed(const char *what, int err)
{
	fprintf(stderr, "%s: %d, %s\n", what, err, rl_last_error());
	atomic_store(&failures, 1);
	return NULL;
}

static void *lock_for_ever(void *arg)
{
	(void)arg;
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	for (;;) {
		int err = rl_mutex_lock(&m);

		if (err == EOWNERDEAD)
			rl_mutex_consistent(&m);
		else if (err)
			return failed("lock", err);
		atomic_fetch_add(&came_through, 1);
		err = rl_mutex_unlock(&m);
		if (err)
			return failed("unlock", err);
	}
}

static bool came_on(void *arg)
{
	return atomic_load(&came_through) > *(int *)arg;
}

/*
 * As often, and at as many places, as a few seconds allow. AddressSanitizer
 * does not learn that frames are gone which such a cancellation unwinds, and
 * takes their place for overrun by whoever is there next.
 */
Test(faults_cancel, asynchronous_cancellation_leaves_the_library_sound)
{
	int i, before, err;
	pthread_t t;

	for (i = 0; i < 150; i++) {
		before = atomic_load(&came_through) + i % 7;
		cr_assert_eq(pthread_create(&t, NULL, lock_for_ever, NULL), 0);
		cr_assert(wait_until(came_on, &before, WAIT_MS));
		pthread_cancel(t);
		pthread_join(t, NULL);
		cr_assert_eq(atomic_load(&failures), 0);
		err = timedlock_ms(&rival, WAIT_MS / 2);
		cr_assert(err == 0 || err == EOWNERDEAD, "%d", err);
		if (err)
			rl_mutex_consistent(&rival);
		cr_assert_eq(rl_mutex_unlock(&rival), 0);
	}
}
#endif
