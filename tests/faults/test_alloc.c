/*
 * The n-th allocation fails, n = 1, 2, 3, …, that one or all from it on: the
 * call says ENOMEM, nothing leaks, and afterwards all works.
 */
#include <pthread.h>

#include "faults/faults.h"
#include "faults/heap.h"

static struct server *srv;
static rl_mutex_t m;

static void setup(void)
{
	srv = server_start(NULL);
	use_counted_heap();
}

static void teardown(void)
{
	server_stop(srv);
}

TestSuite(faults_alloc, .init = setup, .fini = teardown);

/* -------------------------------------------------------- the n-th failure */

static rl_mutexattr_t attr;

static void make_attr(void)
{
	set_attr(&attr, &(struct want){ .url = srv->url, .owner = "me" });
}

static int init_it(void)
{
	return rl_mutex_init(&m, "n", &attr);
}

static int destroy_it(void)
{
	return rl_mutex_destroy(&m);
}

static int lock_it(void)
{
	return rl_mutex_lock(&m);
}

static int unlock_it(void)
{
	return rl_mutex_unlock(&m);
}

static int reset_them(void)
{
	size_t n;

	return rl_reset_all(&attr, &n);
}

static int set_texts(void)
{
	static rl_mutexattr_t other;
	int err = rl_mutexattr_init(&other);

	if (!err)
		err = rl_mutexattr_setservers(&other, srv->url);
	if (!err)
		err = rl_mutexattr_setprefix(&other, "some prefix");
	if (!err)
		err = rl_mutexattr_setowner(&other, "some owner");
	rl_mutexattr_destroy(&other);
	return err;
}

static int nothing(void)
{
	return 0;
}

/* What is done before, without failures; the call; what ends it if it was 0. */
struct scene {
	const char *name;
	int (*before)(void), (*call)(void), (*undo)(void), (*after)(void);
};

static int result_of(const struct scene *s, long n, bool good)
{
	int err;

	cr_assert_eq(s->before(), 0);
	failures = 0;
	until_failure = n;
	for_good = good;
	errno = 4711;
	err = s->call();
	cr_assert_eq(errno, 4711, "%s: errno changed", s->name);
	until_failure = 0;
	if (!err)
		cr_assert_eq(s->undo(), 0, "%s: %s", s->name, rl_last_error());
	cr_assert_eq(s->after(), 0, "%s: %s", s->name, rl_last_error());
	return err;
}

/* A thread of its own, so that each time is its first. */
struct round {
	const struct scene *scene;
	long n;
	bool good, failed;
	int err;
};

static void *play_round(void *arg)
{
	struct round *r = arg;

	r->err = result_of(r->scene, r->n, r->good);
	r->failed = failures > 0;
	return NULL;
}

static bool play(const struct scene *s, long n, bool good)
{
	struct round r = { .scene = s, .n = n, .good = good };
	pthread_t t;

	cr_assert_eq(pthread_create(&t, NULL, play_round, &r), 0);
	pthread_join(t, NULL);
	cr_assert(r.err == 0 || r.err == ENOMEM, "%s, n = %ld: %d, %s", s->name,
		  n, r.err, rl_last_error());
	if (!r.failed)
		cr_assert_eq(r.err, 0);
	return r.failed;
}

static bool heap_is_as_before(void *arg)
{
	return atomic_load(&live) == *(long *)arg;
}

static int init_and_lock(void)
{
	int err = init_it();

	return err ? err : lock_it();
}

static int release(void)
{
	unlock_it();
	return destroy_it();
}

static int hold_by_another(void)
{
	int err = init_it();

	/* A hold of the same owner, of a process that is not there. */
	server_ask(srv, "SET %s name:me#0123456789abcdef PX 10000", key(NULL));
	return err;
}

static int free_and_destroy(void)
{
	server_ask(srv, "DEL %s", key(NULL));
	return destroy_it();
}

static int destroy_and_use_again(void)
{
	int err = init_and_lock();

	return err ? err : release();
}

static const struct scene scenes[] = {
	{ "attributes", nothing, set_texts, nothing, nothing },
	{ "init", nothing, init_it, destroy_it, destroy_and_use_again },
	{ "lock", init_it, lock_it, unlock_it, destroy_it },
	{ "unlock", init_and_lock, unlock_it, nothing, release },
	{ "unlock of another's", hold_by_another, unlock_it, nothing,
	  free_and_destroy },
	{ "reset all", init_and_lock, reset_them, nothing, release },
};

static void fail_each(bool good)
{
	size_t i;
	long n, before;

	make_attr();
	/* What is kept for the whole process, and the keeper's arrays. */
	cr_assert_eq(destroy_and_use_again(), 0);
	for (i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++)
		play(&scenes[i], 0, false);
	/* When the keeper has gone, this is what stays. */
	cr_assert(wait_until(heap_is_as_before, &(long){ -1 }, 2500) == false);
	before = atomic_load(&live);
	for (i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++)
		for (n = 1; play(&scenes[i], n, good); n++)
			;
	cr_expect(wait_until(heap_is_as_before, &before, 5000),
		  "%ld allocations, %ld before", atomic_load(&live), before);
}

Test(faults_alloc, an_allocation_that_fails_is_enomem)
{
	fail_each(false);
}

Test(faults_alloc, allocations_that_fail_for_good_are_enomem)
{
	fail_each(true);
}

static void *lock_static(void *arg)
{
	static rl_mutex_t mutexes[200];
	static const rl_mutex_t fresh = RL_MUTEX_INITIALIZER("static");
	long n;
	int err;

	(void)arg;
	for (n = 1; n < 200; n++) {
		mutexes[n] = fresh;
		failures = 0;
		until_failure = n;
		err = rl_mutex_trylock(&mutexes[n]);
		until_failure = 0;
		cr_assert_eq(err, failures ? ENOMEM : 0, "%ld: %d", n, err);
		if (err)
			cr_assert_eq(rl_mutex_trylock(&mutexes[n]), 0);
		cr_assert_eq(rl_mutex_unlock(&mutexes[n]), 0);
		cr_assert_eq(rl_mutex_destroy(&mutexes[n]), 0);
		if (!failures)
			break;
	}
	cr_expect_gt(n, 3);
	return NULL;
}

Test(faults_alloc, a_static_mutex_can_be_made_later)
{
	pthread_t t;

	setenv("RL_SERVERS", srv->url, 1);
	cr_assert_eq(pthread_create(&t, NULL, lock_static, NULL), 0);
	pthread_join(t, NULL);
}

