/* Attributes, priority ceilings, and calls that are refused. */
#include "say.h"

static void check_ceiling(void)
{
	pthread_mutexattr_t attr;
	pthread_mutex_t m;
	int n = -1;

	MUST(pthread_mutexattr_init(&attr));
	SAY(pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT));
	SAY(pthread_mutexattr_getprotocol(&attr, &n));
	printf("%d\n", n == PTHREAD_PRIO_INHERIT);
	SAY(pthread_mutex_init(&m, &attr));
	SAY(pthread_mutex_lock(&m));
	SAY(pthread_mutex_trylock(&m));
	SAY(pthread_mutex_unlock(&m));
	SAY(pthread_mutex_getprioceiling(&m, &n));
	SAY(pthread_mutex_destroy(&m));
	SAY(pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_PROTECT));
	SAY(pthread_mutexattr_setprioceiling(&attr, 5));
	SAY(pthread_mutexattr_setprioceiling(&attr, 5000));
	SAY(pthread_mutexattr_getprioceiling(&attr, &n));
	printf("%d\n", n);
	SAY(pthread_mutex_init(&m, &attr));
	SAY(pthread_mutex_getprioceiling(&m, &n));
	printf("%d\n", n);
	SAY(pthread_mutex_destroy(&m));
	MUST(pthread_mutexattr_destroy(&attr));
}

static void check_plain(void)
{
	static pthread_mutex_t unused = PTHREAD_MUTEX_INITIALIZER;
	pthread_mutex_t m;
	int n;

	SAY(pthread_mutex_init(&m, NULL));
	SAY(pthread_mutex_getprioceiling(&m, &n));
	SAY(pthread_mutex_setprioceiling(&m, 1, &n));
	SAY(pthread_mutex_lock(&m));
	SAY(pthread_mutex_consistent(&m));
	SAY(pthread_mutex_destroy(&m));
	SAY(pthread_mutex_unlock(&m));
	SAY(pthread_mutex_destroy(&m));
	SAY(pthread_mutex_init(&m, NULL));
	SAY(pthread_mutex_lock(&m));
	SAY(pthread_mutex_unlock(&m));
	SAY(pthread_mutex_destroy(&m));
	SAY(pthread_mutex_destroy(&unused));
}

/* Functions whose address is taken are the same functions. */
static void check_pointers(void)
{
	int (*init)(pthread_mutex_t *, const pthread_mutexattr_t *) =
		pthread_mutex_init;
	int (*calls[])(pthread_mutex_t *) = {
		pthread_mutex_lock, pthread_mutex_unlock,
		pthread_mutex_destroy,
	};
	pthread_mutex_t m;

	SAY(init(&m, NULL));
	for (int i = 0; i < 3; i++)
		SAY(calls[i](&m));
}

int main(void)
{
	check_ceiling();
	check_plain();
	check_pointers();
	return 0;
}
