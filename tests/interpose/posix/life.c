#include <limits.h>

#include "cases.h"

static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;

CASE(destroyed_is_invalid)
{
	pthread_mutex_t own;

	make(&own, PTHREAD_MUTEX_NORMAL, 0);
	SAY(pthread_mutex_destroy(&own));
	SAY(pthread_mutex_lock(&own));
	SAY(pthread_mutex_trylock(&own));
	SAY(pthread_mutex_unlock(&own));
	SAY(pthread_mutex_destroy(&own));
	SAY(pthread_mutex_init(&own, NULL));
	SAY(pthread_mutex_lock(&own));
	SAY(pthread_mutex_destroy(&own));
	SAY(pthread_mutex_unlock(&own));
	SAY(pthread_mutex_destroy(&own));
}

static int on_the_stack(int leave_locked)
{
	pthread_mutex_t own = PTHREAD_MUTEX_INITIALIZER;
	int err = pthread_mutex_lock(&own);

	if (!err)
		err = elsewhere(do_trylock, &own) == EBUSY ? 0 : -1;
	if (!err && !leave_locked)
		err = pthread_mutex_unlock(&own);
	return err;
}

CASE(a_new_one_at_the_same_address_of_the_stack)
{
	for (int i = 0; i < 50; i++)
		MUST(on_the_stack(0));
	puts("done");
}

CASE(a_new_one_where_one_was_left_locked)
{
	for (int i = 0; i < 20; i++)
		MUST(on_the_stack(1));
	puts("done");
}

/* Its address is taken: the program has a symbol "malloc" then. */
static void *(*volatile take)(size_t n, size_t size) = calloc;
static void *(*volatile take_one)(size_t size) = malloc;

CASE(a_new_one_at_the_same_address_of_the_heap)
{
	free(take_one(1));
	for (int i = 0; i < 50; i++) {
		pthread_mutex_t *p = take(1, sizeof(*p));

		MUST(pthread_mutex_lock(p));
		if (i % 3)
			MUST(pthread_mutex_unlock(p));
		free(p);
	}
	puts("done");
}

CASE(another_type_at_the_same_address)
{
	static const pthread_mutex_t kinds[] = {
		PTHREAD_MUTEX_INITIALIZER,
		PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP,
		PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP,
	};
	pthread_mutex_t own;

	for (int i = 0; i < 9; i++) {
		own = kinds[i % 3];
		SAY(pthread_mutex_lock(&own));
		SAY(pthread_mutex_trylock(&own));
		SAY(pthread_mutex_unlock(&own));
	}
}

CASE(many_at_once)
{
	static pthread_mutex_t many[3000];

	for (int i = 0; i < 3000; i++)
		MUST(pthread_mutex_lock(&many[i]));
	SAY(elsewhere(do_trylock, &many[0]));
	SAY(elsewhere(do_trylock, &many[2999]));
	for (int i = 0; i < 3000; i++)
		MUST(pthread_mutex_unlock(&many[i]));
	SAY(elsewhere(do_trylock, &many[0]));
}

static int child_goes_on(void *arg)
{
	(void)arg;
	/* What the parent's thread held is held by its copy in the child. */
	if (pthread_mutex_trylock(&m) != EBUSY)
		return 1;
	if (pthread_mutex_unlock(&m))
		return 2;
	for (int i = 0; i < 20; i++)
		if (pthread_mutex_lock(&m) || pthread_mutex_unlock(&m))
			return 3;
	return elsewhere(do_trylock, &m) ? 4 : 0;
}

CASE(fork_with_it_locked)
{
	SAY(pthread_mutex_lock(&m));
	SAY(in_child(child_goes_on, NULL));
	SAY(elsewhere(do_trylock, &m));
	SAY(pthread_mutex_unlock(&m));
	SAY(elsewhere(do_trylock, &m));
}

static void prepare(void) { pthread_mutex_lock(&m); }
static void after(void) { pthread_mutex_unlock(&m); }

static int child_locks(void *arg)
{
	(void)arg;
	for (int i = 0; i < 10; i++)
		if (pthread_mutex_lock(&m) || pthread_mutex_unlock(&m))
			return 1;
	return 0;
}

static void *lock_a_lot(void *stop)
{
	while (!__atomic_load_n((int *)stop, __ATOMIC_RELAXED)) {
		pthread_mutex_lock(&m);
		pthread_mutex_unlock(&m);
	}
	return NULL;
}

CASE(fork_with_handlers_while_others_lock)
{
	int stop = 0;
	pthread_t t[3];

	MUST(pthread_atfork(prepare, after, after));
	for (int i = 0; i < 3; i++)
		MUST(pthread_create(&t[i], NULL, lock_a_lot, &stop));
	for (int i = 0; i < 15; i++)
		MUST(in_child(child_locks, NULL));
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < 3; i++)
		MUST(pthread_join(t[i], NULL));
	puts("done");
}

static int grandchild(void *depth)
{
	long n = (long)depth;

	if (child_locks(NULL))
		return 1;
	return n ? in_child(grandchild, (void *)(n - 1)) : 0;
}

CASE(children_of_children)
{
	SAY(in_child(grandchild, (void *)4L));
	SAY(child_locks(NULL));
}

static pthread_key_t key;

static void lock_at_end(void *arg)
{
	(void)arg;
	SAY(pthread_mutex_lock(&m));
	SAY(pthread_mutex_unlock(&m));
}

static void *set_key(void *arg)
{
	pthread_mutex_lock(&m);
	pthread_mutex_unlock(&m);
	pthread_setspecific(key, &m);
	return arg;
}

CASE(destructors_of_threads_lock)
{
	MUST(pthread_key_create(&key, lock_at_end));
	elsewhere(set_key, NULL);
	elsewhere(set_key, NULL);
}

static void at_exit(void)
{
	SAY(pthread_mutex_lock(&m));
	SAY(pthread_mutex_unlock(&m));
}

__attribute__((destructor)) static void at_the_very_end(void)
{
	pthread_mutex_lock(&m);
	pthread_mutex_unlock(&m);
}

CASE(atexit_locks)
{
	MUST(atexit(at_exit));
}

CASE(many_threads_that_end)
{
	for (int i = 0; i < 100; i++)
		MUST((int)elsewhere(do_trylock, &m));
	puts("done");
}

static pthread_cond_t never = PTHREAD_COND_INITIALIZER;

static void *lock_and_wait(void *arg)
{
	struct timespec soon = in_ms(CLOCK_REALTIME, 10);
	long err = pthread_mutex_lock(&m);

	(void)arg;
	if (!err && pthread_cond_timedwait(&never, &m, &soon) != ETIMEDOUT)
		err = -1;
	return (void *)(err ? err : (long)pthread_mutex_unlock(&m));
}

/* Whoever sets the smallest stack that there may be has little of his own on
 * it. The first of them meets with all that is done once in a process. */
CASE(threads_with_the_smallest_stack)
{
	pthread_attr_t attr;
	pthread_t t[4];
	void *said;

	MUST(pthread_attr_init(&attr));
	MUST(pthread_attr_setstacksize(&attr, PTHREAD_STACK_MIN));
	for (int i = 0; i < 3; i++) {
		MUST(pthread_create(&t[0], &attr, lock_and_wait, NULL));
		MUST(pthread_join(t[0], &said));
		MUST((int)(long)said);
	}
	for (int i = 0; i < 4; i++)
		MUST(pthread_create(&t[i], &attr, lock_and_wait, NULL));
	for (int i = 0; i < 4; i++) {
		MUST(pthread_join(t[i], &said));
		MUST((int)(long)said);
	}
	puts("done");
}

CASE(a_thread_ends_with_it_locked)
{
	SAY(elsewhere(do_lock, &m));
	SAY(pthread_mutex_trylock(&m));
	SAY(pthread_mutex_unlock(&m));
	SAY(pthread_mutex_trylock(&m));
	SAY(pthread_mutex_unlock(&m));
}
