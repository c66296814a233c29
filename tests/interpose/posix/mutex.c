#include "cases.h"

#define EACH_TYPE(X) \
	X(normal, PTHREAD_MUTEX_NORMAL) \
	X(default, PTHREAD_MUTEX_DEFAULT) \
	X(errorcheck, PTHREAD_MUTEX_ERRORCHECK) \
	X(recursive, PTHREAD_MUTEX_RECURSIVE) \
	X(adaptive, PTHREAD_MUTEX_ADAPTIVE_NP)

/* What does not wait for ever with any type. */
static void exercise(pthread_mutex_t *m)
{
	struct timespec t = in_ms(CLOCK_REALTIME, 20);

	SAY(pthread_mutex_lock(m));
	SAY(pthread_mutex_trylock(m));
	SAY(elsewhere(do_trylock, m));
	SAY(elsewhere(do_timedlock, m));
	SAY(pthread_mutex_timedlock(m, &t));
	t = in_ms(CLOCK_MONOTONIC, 20);
	SAY(pthread_mutex_clocklock(m, CLOCK_MONOTONIC, &t));
	SAY(pthread_mutex_destroy(m));
	SAY(pthread_mutex_unlock(m));
	SAY(pthread_mutex_trylock(m));
	SAY(pthread_mutex_unlock(m));
	SAY(elsewhere(do_trylock, m));
}

#define TYPE(name, type) \
	CASE(exercise_##name) \
	{ \
		pthread_mutex_t m; \
		make(&m, type, 0); \
		exercise(&m); \
		SAY(pthread_mutex_destroy(&m)); \
	} \
	CASE(exercise_shared_##name) \
	{ \
		pthread_mutex_t m; \
		make(&m, type, SHARED); \
		exercise(&m); \
		SAY(pthread_mutex_destroy(&m)); \
	} \
	CASE(exercise_robust_##name) \
	{ \
		pthread_mutex_t m; \
		make(&m, type, ROBUST); \
		exercise(&m); \
	} \
	CASE(exercise_inherit_##name) \
	{ \
		pthread_mutex_t m; \
		make(&m, type, INHERIT); \
		SAY(pthread_mutex_lock(&m)); \
		SAY(pthread_mutex_trylock(&m)); \
		SAY(elsewhere(do_trylock, &m)); \
		SAY(elsewhere(do_timedlock, &m)); \
		SAY(pthread_mutex_unlock(&m)); \
		SAY(elsewhere(do_trylock, &m)); \
		SAY(pthread_mutex_destroy(&m)); \
	} \
	CASE(exercise_protect_##name) \
	{ \
		pthread_mutex_t m; \
		make(&m, type, PROTECT); \
		SAY(pthread_mutex_lock(&m)); \
		SAY(elsewhere(do_trylock, &m)); \
		SAY(pthread_mutex_unlock(&m)); \
		SAY(pthread_mutex_destroy(&m)); \
	}
EACH_TYPE(TYPE)

static pthread_mutex_t plain = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static pthread_mutex_t errorcheck = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
static pthread_mutex_t adaptive = PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP;

CASE(static_plain) { exercise(&plain); }
CASE(static_recursive) { exercise(&recursive); }
CASE(static_errorcheck) { exercise(&errorcheck); }
CASE(static_adaptive) { exercise(&adaptive); }

CASE(zero_bytes_are_a_mutex)
{
	static pthread_mutex_t m;

	exercise(&m);
}

#define UNLOCK(name, type) \
	CASE(unlock_by_another_##name) \
	{ \
		pthread_mutex_t m; \
		make(&m, type, 0); \
		SAY(pthread_mutex_lock(&m)); \
		SAY(elsewhere(do_unlock, &m)); \
		SAY(elsewhere(do_trylock, &m)); \
		SAY(pthread_mutex_trylock(&m)); \
	}
EACH_TYPE(UNLOCK)

CASE(unlock_of_unlocked_errorcheck)
{
	SAY(pthread_mutex_unlock(&errorcheck));
	SAY(pthread_mutex_lock(&errorcheck));
	SAY(pthread_mutex_unlock(&errorcheck));
	SAY(pthread_mutex_unlock(&errorcheck));
}

CASE(unlock_of_unlocked_recursive)
{
	SAY(pthread_mutex_unlock(&recursive));
	SAY(pthread_mutex_lock(&recursive));
	SAY(pthread_mutex_unlock(&recursive));
	SAY(pthread_mutex_unlock(&recursive));
}

CASE(recursive_levels)
{
	for (int i = 0; i < 1000; i++)
		MUST(pthread_mutex_lock(&recursive));
	SAY(elsewhere(do_trylock, &recursive));
	SAY(elsewhere(do_unlock, &recursive));
	for (int i = 0; i < 999; i++)
		MUST(pthread_mutex_unlock(&recursive));
	SAY(elsewhere(do_trylock, &recursive));
	SAY(pthread_mutex_unlock(&recursive));
	SAY(elsewhere(do_trylock, &recursive));
	SAY(pthread_mutex_unlock(&recursive));
}

CASE(errorcheck_relock)
{
	struct timespec t = in_ms(CLOCK_REALTIME, 20);

	SAY(pthread_mutex_lock(&errorcheck));
	SAY(pthread_mutex_lock(&errorcheck));
	SAY(pthread_mutex_timedlock(&errorcheck, &t));
	SAY(pthread_mutex_unlock(&errorcheck));
	SAY(pthread_mutex_unlock(&errorcheck));
}

CASE(bad_deadline_on_a_free_one)
{
	struct timespec t = { 0, 1000000000 };

	SAY(pthread_mutex_timedlock(&plain, &t));
	SAY(pthread_mutex_unlock(&plain));
	t.tv_nsec = -1;
	SAY(pthread_mutex_timedlock(&plain, &t));
	SAY(pthread_mutex_unlock(&plain));
}

static void *bad_deadline(void *nsec)
{
	struct timespec t = in_ms(CLOCK_REALTIME, 1000);

	t.tv_nsec = (long)nsec;
	return (void *)(long)pthread_mutex_timedlock(&plain, &t);
}

CASE(bad_deadline_on_a_held_one)
{
	SAY(pthread_mutex_lock(&plain));
	SAY(elsewhere(bad_deadline, (void *)-1L));
	SAY(elsewhere(bad_deadline, (void *)1000000000L));
	SAY(elsewhere(bad_deadline, (void *)1000000001L));
	SAY(pthread_mutex_unlock(&plain));
}

CASE(past_deadline)
{
	struct timespec t = in_ms(CLOCK_REALTIME, -1000);

	SAY(pthread_mutex_timedlock(&plain, &t));
	SAY(pthread_mutex_timedlock(&plain, &t));
	SAY(pthread_mutex_unlock(&plain));
}

CASE(clocks)
{
	struct timespec t = in_ms(CLOCK_MONOTONIC, 20);

	SAY(pthread_mutex_clocklock(&plain, CLOCK_MONOTONIC, &t));
	SAY(pthread_mutex_clocklock(&plain, CLOCK_MONOTONIC, &t));
	SAY(pthread_mutex_clocklock(&plain, CLOCK_PROCESS_CPUTIME_ID, &t));
	SAY(pthread_mutex_clocklock(&plain, 999, &t));
	t = in_ms(CLOCK_REALTIME, 20);
	SAY(pthread_mutex_clocklock(&plain, CLOCK_REALTIME, &t));
	SAY(pthread_mutex_unlock(&plain));
	SAY(pthread_mutex_clocklock(&plain, 999, &t));
}

CASE(timedlock_waits_its_time)
{
	struct timespec t;
	long began = now_ms();

	MUST(pthread_mutex_lock(&plain));
	t = in_ms(CLOCK_REALTIME, 200);
	SAY(pthread_mutex_timedlock(&plain, &t));
	printf("%s\n", now_ms() - began >= 199 ? "waited" : "too short");
}

CASE(errno_is_left_alone)
{
	struct timespec t = in_ms(CLOCK_REALTIME, 10);

	errno = ENOTTY;
	pthread_mutex_lock(&plain);
	pthread_mutex_trylock(&plain);
	pthread_mutex_timedlock(&plain, &t);
	pthread_mutex_unlock(&plain);
	printf("%s\n", errno == ENOTTY ? "kept" : strerror(errno));
}

static long counter;

static void *count(void *m)
{
	for (int i = 0; i < 300; i++) {
		pthread_mutex_lock(m);
		counter++;
		pthread_mutex_unlock(m);
	}
	return NULL;
}

static void count_all(pthread_mutex_t *m)
{
	pthread_t t[6];

	for (int i = 0; i < 6; i++)
		MUST(pthread_create(&t[i], NULL, count, m));
	for (int i = 0; i < 6; i++)
		MUST(pthread_join(t[i], NULL));
	printf("%ld\n", counter);
}

#define COUNT(name, type) \
	CASE(threads_count_##name) \
	{ \
		pthread_mutex_t m; \
		make(&m, type, 0); \
		count_all(&m); \
		SAY(pthread_mutex_destroy(&m)); \
	}
EACH_TYPE(COUNT)

CASE(threads_count_inherit)
{
	pthread_mutex_t m;

	make(&m, PTHREAD_MUTEX_NORMAL, INHERIT);
	count_all(&m);
}

CASE(threads_count_robust)
{
	pthread_mutex_t m;

	make(&m, PTHREAD_MUTEX_NORMAL, ROBUST);
	count_all(&m);
}

static void *count_trying(void *m)
{
	for (int i = 0; i < 200; i++) {
		while (pthread_mutex_trylock(m))
			sched_yield();
		counter++;
		pthread_mutex_unlock(m);
	}
	return NULL;
}

CASE(threads_count_with_trylock)
{
	pthread_t t[3];

	for (int i = 0; i < 3; i++)
		MUST(pthread_create(&t[i], NULL, count_trying, &plain));
	for (int i = 0; i < 3; i++)
		MUST(pthread_join(t[i], NULL));
	printf("%ld\n", counter);
}
