#include "cases.h"

CASE(defaults)
{
	pthread_mutexattr_t a;
	int v = -1;

	SAY(pthread_mutexattr_init(&a));
	SAY(pthread_mutexattr_gettype(&a, &v));
	printf("%d\n", v == PTHREAD_MUTEX_DEFAULT);
	SAY(pthread_mutexattr_getpshared(&a, &v));
	printf("%d\n", v == PTHREAD_PROCESS_PRIVATE);
	SAY(pthread_mutexattr_getrobust(&a, &v));
	printf("%d\n", v == PTHREAD_MUTEX_STALLED);
	SAY(pthread_mutexattr_getprotocol(&a, &v));
	printf("%d\n", v == PTHREAD_PRIO_NONE);
	SAY(pthread_mutexattr_destroy(&a));
}

CASE(bad_values)
{
	pthread_mutexattr_t a;

	SAY(pthread_mutexattr_init(&a));
	SAY(pthread_mutexattr_settype(&a, -1));
	SAY(pthread_mutexattr_settype(&a, 99));
	SAY(pthread_mutexattr_setpshared(&a, 99));
	SAY(pthread_mutexattr_setrobust(&a, 99));
	SAY(pthread_mutexattr_setprotocol(&a, 99));
	SAY(pthread_mutexattr_setprioceiling(&a, -5));
	SAY(pthread_mutexattr_setprioceiling(&a, 1000));
}

CASE(values_are_kept)
{
	pthread_mutexattr_t a;
	int v;

	MUST(pthread_mutexattr_init(&a));
	for (int type = 0; type < 4; type++) {
		SAY(pthread_mutexattr_settype(&a, type));
		SAY(pthread_mutexattr_gettype(&a, &v));
		printf("%d\n", v);
	}
	SAY(pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED));
	SAY(pthread_mutexattr_getpshared(&a, &v));
	printf("%d\n", v);
	SAY(pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST));
	SAY(pthread_mutexattr_getrobust(&a, &v));
	printf("%d\n", v);
	SAY(pthread_mutexattr_setprioceiling(&a, 7));
	SAY(pthread_mutexattr_getprioceiling(&a, &v));
	printf("%d\n", v);
}

CASE(a_change_does_not_reach_the_mutex)
{
	pthread_mutexattr_t a;
	pthread_mutex_t m;

	MUST(pthread_mutexattr_init(&a));
	MUST(pthread_mutexattr_settype(&a, PTHREAD_MUTEX_ERRORCHECK));
	MUST(pthread_mutex_init(&m, &a));
	MUST(pthread_mutexattr_settype(&a, PTHREAD_MUTEX_RECURSIVE));
	MUST(pthread_mutexattr_destroy(&a));
	SAY(pthread_mutex_lock(&m));
	SAY(pthread_mutex_lock(&m));
	SAY(pthread_mutex_unlock(&m));
}

CASE(ceiling)
{
	pthread_mutexattr_t a;
	pthread_mutex_t m;
	int v = -1;

	MUST(pthread_mutexattr_init(&a));
	MUST(pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_PROTECT));
	MUST(pthread_mutexattr_setprioceiling(&a, 3));
	SAY(pthread_mutex_init(&m, &a));
	SAY(pthread_mutex_getprioceiling(&m, &v));
	printf("%d\n", v);
	SAY(pthread_mutex_setprioceiling(&m, 5, &v));
	printf("%d\n", v);
	SAY(pthread_mutex_getprioceiling(&m, &v));
	printf("%d\n", v);
	SAY(pthread_mutex_setprioceiling(&m, 1000, &v));
	SAY(pthread_mutex_lock(&m));
	SAY(pthread_mutex_unlock(&m));
}

CASE(ceiling_of_a_plain_one)
{
	pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
	int v;

	SAY(pthread_mutex_getprioceiling(&m, &v));
	SAY(pthread_mutex_setprioceiling(&m, 5, &v));
	SAY(pthread_mutex_lock(&m));
}

CASE(robust_with_every_type)
{
	for (int type = 0; type < 4; type++) {
		pthread_mutex_t m;

		make(&m, type, ROBUST | SHARED);
		SAY(pthread_mutex_lock(&m));
		SAY(pthread_mutex_trylock(&m));
		SAY(pthread_mutex_consistent(&m));
		SAY(elsewhere(do_unlock, &m));
		SAY(pthread_mutex_unlock(&m));
	}
}
