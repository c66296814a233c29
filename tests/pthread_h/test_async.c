/*
 * Cancellation at moments that no plain program can choose. The rest of it is
 * compared with pthreads in programs/cancel.c.
 */
#define RL_PTHREAD_NO_NAMES_
#include <rl/pthread.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <rl/rl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "posix/object.h"
#include "support/server.h"
#include "support/wait.h"

static struct server *srv;

static void setup(void)
{
	srv = server_start(NULL);
	setenv("RL_SERVERS", srv->url, 1);
}

static void teardown(void)
{
	server_stop(srv);
}

TestSuite(pthread_h_async, .init = setup, .fini = teardown);

static rl_pthread_mutex_t m = {
	{ RL_PTHREAD_STATIC_, "cancel.c:1", PTHREAD_MUTEX_ERRORCHECK_NP, 0 }
};
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static bool waiting;	/* under m */
static int cleaned = EINVAL;

static void clean(void *arg)
{
	cleaned = rl_pthread_mutex_unlock(arg);
}

static void *wait_async(void *arg)
{
	int old;

	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old);
	rl_pthread_mutex_lock(&m);
	waiting = true;
	pthread_cleanup_push(clean, &m);
	while (waiting)
		rl_pthread_cond_wait(&cond, &m);
	pthread_cleanup_pop(1);
	return arg;
}

static bool it_waits(void *arg)
{
	bool is;

	(void)arg;
	cr_assert_eq(rl_pthread_mutex_lock(&m), 0);
	is = waiting;
	cr_assert_eq(rl_pthread_mutex_unlock(&m), 0);
	return is;
}

/* The C library's own sign that somebody waits for the gate. */
static bool is_contended(void *arg)
{
	(void)arg;
	return __atomic_load_n(&rli_px_of(&m)->gate.__data.__lock,
			       __ATOMIC_RELAXED) == 2;
}

/* Woken, it waits for the gate. Were it cancelled there, its clean-up would run
 * without it. */
Test(pthread_h_async, not_on_the_way_back_from_a_wait)
{
	pthread_t t;
	void *result;

	cr_assert_eq(pthread_create(&t, NULL, wait_async, NULL), 0);
	cr_assert(wait_until(it_waits, NULL, WAIT_MS));
	cr_assert_eq(rl_pthread_mutex_lock(&m), 0);
	waiting = false;
	cr_assert_eq(pthread_cond_signal(&cond), 0);
	cr_assert(wait_until(is_contended, NULL, WAIT_MS));
	cr_assert_eq(pthread_cancel(t), 0);
	cr_assert_eq(rl_pthread_mutex_unlock(&m), 0);
	cr_assert_eq(pthread_join(t, &result), 0);
	cr_expect_eq(result, PTHREAD_CANCELED);
	cr_expect_eq(cleaned, 0);
	cr_expect_eq(rl_pthread_mutex_trylock(&m), 0);
	cr_expect_eq(rl_pthread_mutex_unlock(&m), 0);
}

static atomic_bool made;

static void *make_shared(void *arg)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_cancel(pthread_self());
	errno = 77;
	made = rl_pthread_mutex_init(arg, &attr) == 0 && errno == 77;
	pthread_testcancel();
	return arg;
}

/* One that may be shared looks at whose memory it is in. */
Test(pthread_h_async, init_is_no_cancellation_point)
{
	rl_pthread_mutex_t *shared = mmap(NULL, sizeof(*shared),
					  PROT_READ | PROT_WRITE,
					  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_t t;
	void *result;

	cr_assert_neq(shared, MAP_FAILED);
	cr_assert_eq(pthread_create(&t, NULL, make_shared, shared), 0);
	cr_assert_eq(pthread_join(t, &result), 0);
	cr_expect_eq(result, PTHREAD_CANCELED);
	cr_expect(made);
	cr_expect_eq(rl_pthread_mutex_destroy(shared), 0);
}
