#include "cases.h"

#include <threads.h>

static const char *thrd_name(int result)
{
	switch (result) {
	case thrd_success: return "success";
	case thrd_busy: return "busy";
	case thrd_timedout: return "timedout";
	case thrd_nomem: return "nomem";
	default: return "error";
	}
}

#define SAY11(call) \
	do { \
		int said_ = (call); \
		printf("%s: %s\n", #call, thrd_name(said_)); \
		fflush(stdout); \
	} while (0)

static mtx_t m;
static cnd_t c;
static int ready, count;

static int other(int (*fn)(void *))
{
	thrd_t t;
	int result;

	thrd_create(&t, fn, NULL);
	thrd_join(t, &result);
	return result;
}

static int try(void *arg)
{
	int result = mtx_trylock(&m);

	(void)arg;
	if (result == thrd_success)
		mtx_unlock(&m);
	return result;
}

static int timed(void *arg)
{
	struct timespec t = in_ms(CLOCK_REALTIME, 30);
	int result = mtx_timedlock(&m, &t);

	(void)arg;
	if (result == thrd_success)
		mtx_unlock(&m);
	return result;
}

#define EXERCISE(name, type) \
	CASE(exercise_##name) \
	{ \
		SAY11(mtx_init(&m, type)); \
		SAY11(mtx_lock(&m)); \
		SAY11(other(try)); \
		SAY11(other(timed)); \
		SAY11(mtx_unlock(&m)); \
		SAY11(other(try)); \
		SAY11(other(timed)); \
		mtx_destroy(&m); \
		SAY11(mtx_init(&m, type)); \
		SAY11(mtx_trylock(&m)); \
		SAY11(mtx_unlock(&m)); \
	}
EXERCISE(plain, mtx_plain)
EXERCISE(timed, mtx_timed)
EXERCISE(recursive, mtx_plain | mtx_recursive)
EXERCISE(timed_recursive, mtx_timed | mtx_recursive)

CASE(recursive_levels)
{
	SAY11(mtx_init(&m, mtx_plain | mtx_recursive));
	SAY11(mtx_lock(&m));
	SAY11(mtx_lock(&m));
	SAY11(mtx_unlock(&m));
	SAY11(other(try));
	SAY11(mtx_unlock(&m));
	SAY11(other(try));
	SAY11(mtx_unlock(&m));
}

static int add(void *arg)
{
	(void)arg;
	for (int i = 0; i < 200; i++) {
		mtx_lock(&m);
		count++;
		mtx_unlock(&m);
	}
	return 0;
}

CASE(threads_count)
{
	thrd_t t[4];

	SAY11(mtx_init(&m, mtx_plain));
	for (int i = 0; i < 4; i++)
		thrd_create(&t[i], add, NULL);
	for (int i = 0; i < 4; i++)
		thrd_join(t[i], NULL);
	printf("%d\n", count);
}

static int set_ready(void *arg)
{
	(void)arg;
	mtx_lock(&m);
	ready = 1;
	cnd_signal(&c);
	mtx_unlock(&m);
	return 0;
}

CASE(waits)
{
	struct timespec t = in_ms(CLOCK_REALTIME, 30);
	thrd_t other_one;

	SAY11(mtx_init(&m, mtx_plain));
	SAY11(cnd_init(&c));
	SAY11(mtx_lock(&m));
	SAY11(cnd_timedwait(&c, &m, &t));
	SAY11(other(try));
	thrd_create(&other_one, set_ready, NULL);
	while (!ready)
		SAY11(cnd_wait(&c, &m));
	SAY11(other(try));
	SAY11(mtx_unlock(&m));
	thrd_join(other_one, NULL);
	t.tv_nsec = -1;
	SAY11(mtx_lock(&m));
	SAY11(cnd_timedwait(&c, &m, &t));
	SAY11(mtx_unlock(&m));
}
