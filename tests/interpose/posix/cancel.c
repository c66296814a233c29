#include <fcntl.h>
#include <sys/syscall.h>

#include "cases.h"

static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t c = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static int waiting, cleaned;
static pid_t waiter;

/* The clean-up of a wait finds the mutex locked by its thread. */
static void unlock_it(void *mutex)
{
	cleaned = pthread_mutex_unlock(mutex) == 0 ? 1 : -1;
}

struct wait {
	pthread_mutex_t *mutex;
	int timed, async;
};

static void *wait_for_ever(void *arg)
{
	struct wait *w = arg;
	struct timespec t = in_ms(CLOCK_REALTIME, 50000);
	int old;

	if (w->async)
		pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old);
	pthread_mutex_lock(w->mutex);
	waiter = (pid_t)syscall(SYS_gettid);
	waiting = 1;
	pthread_cleanup_push(unlock_it, w->mutex);
	for (;;)
		if (w->timed)
			pthread_cond_timedwait(&c, w->mutex, &t);
		else
			pthread_cond_wait(&c, w->mutex);
	pthread_cleanup_pop(0);
	return NULL;
}

/* It has given the mutex back, but may not be in the wait yet: if it is
 * cancelled asynchronously before, what comes of it is anybody's guess. */
static void until_asleep(pid_t tid)
{
	char path[64], text[256], *name_end;
	int fd;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)tid);
	do {
		fd = open(path, O_RDONLY);
		n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
		close(fd);
		text[n > 0 ? n : 0] = '\0';
		name_end = strrchr(text, ')');
	} while (!name_end || name_end[2] != 'S');
}

static void cancel_a_wait(int type, int timed, int async)
{
	pthread_mutex_t own;
	struct wait w = { &own, timed, async };
	pthread_t t;
	void *result;
	int there = 0;

	make(&own, type, 0);
	MUST(pthread_create(&t, NULL, wait_for_ever, &w));
	while (!there) {
		MUST(pthread_mutex_lock(&own));
		there = waiting;
		MUST(pthread_mutex_unlock(&own));
	}
	until_asleep(waiter);
	SAY(pthread_cancel(t));
	MUST(pthread_join(t, &result));
	printf("%d %d\n", result == PTHREAD_CANCELED, cleaned);
	SAY(pthread_mutex_trylock(&own));
	SAY(pthread_mutex_unlock(&own));
	SAY(pthread_mutex_destroy(&own));
}

CASE(a_wait) { cancel_a_wait(PTHREAD_MUTEX_NORMAL, 0, 0); }
CASE(a_wait_errorcheck) { cancel_a_wait(PTHREAD_MUTEX_ERRORCHECK, 0, 0); }
CASE(a_wait_recursive) { cancel_a_wait(PTHREAD_MUTEX_RECURSIVE, 0, 0); }
CASE(a_timed_wait) { cancel_a_wait(PTHREAD_MUTEX_NORMAL, 1, 0); }
CASE(a_wait_async) { cancel_a_wait(PTHREAD_MUTEX_ERRORCHECK, 0, 1); }
CASE(a_timed_wait_async) { cancel_a_wait(PTHREAD_MUTEX_ERRORCHECK, 1, 1); }

static void *lock_deferred(void *arg)
{
	pthread_barrier_wait(&barrier);
	cleaned = pthread_mutex_lock(&m) ? -1 : 1;
	pthread_mutex_unlock(&m);
	pthread_testcancel();
	cleaned = 2;
	return arg;
}

/* Locking is no cancellation point. */
CASE(a_lock_is_no_cancellation_point)
{
	pthread_t t;
	void *result;

	pthread_barrier_init(&barrier, NULL, 2);
	MUST(pthread_mutex_lock(&m));
	MUST(pthread_create(&t, NULL, lock_deferred, NULL));
	pthread_barrier_wait(&barrier);
	SAY(pthread_cancel(t));
	MUST(pthread_mutex_unlock(&m));
	MUST(pthread_join(t, &result));
	printf("%d %d\n", result == PTHREAD_CANCELED, cleaned);
}

static void *lock_async(void *arg)
{
	int old;

	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old);
	pthread_barrier_wait(&barrier);
	pthread_mutex_lock(&m);
	cleaned = 1;
	return arg;
}

/* But asynchronous cancellation acts there. */
CASE(a_lock_async)
{
	pthread_t t;
	void *result;

	pthread_barrier_init(&barrier, NULL, 2);
	MUST(pthread_mutex_lock(&m));
	MUST(pthread_create(&t, NULL, lock_async, NULL));
	pthread_barrier_wait(&barrier);
	SAY(pthread_cancel(t));
	MUST(pthread_join(t, &result));
	printf("%d %d\n", result == PTHREAD_CANCELED, cleaned);
	SAY(pthread_mutex_unlock(&m));
	SAY(pthread_mutex_trylock(&m));
	SAY(pthread_mutex_unlock(&m));
}

static void *state(void *arg)
{
	int type, cancel;

	pthread_mutex_lock(&m);
	pthread_mutex_unlock(&m);
	pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &type);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &cancel);
	printf("%d %d\n", type == PTHREAD_CANCEL_DEFERRED,
	       cancel == PTHREAD_CANCEL_ENABLE);
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &type);
	pthread_mutex_lock(&m);
	pthread_mutex_unlock(&m);
	pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &type);
	printf("%d\n", type == PTHREAD_CANCEL_ASYNCHRONOUS);
	return arg;
}

CASE(type_and_state_are_left_alone)
{
	elsewhere(state, NULL);
}
