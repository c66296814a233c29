/* Locks with deadlines. */
#include "say.h"

static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;

static void try_all(void)
{
	struct timespec past = say_in_ms(CLOCK_REALTIME, -1000);
	struct timespec soon = say_in_ms(CLOCK_REALTIME, 30);
	struct timespec tick = say_in_ms(CLOCK_MONOTONIC, 30);
	struct timespec bad = { .tv_sec = past.tv_sec, .tv_nsec = 1000000000 };
	int err[6];

	err[0] = pthread_mutex_timedlock(&m, &past);
	if (!err[0])
		pthread_mutex_unlock(&m);
	err[1] = pthread_mutex_timedlock(&m, &soon);
	if (!err[1])
		pthread_mutex_unlock(&m);
	err[2] = pthread_mutex_clocklock(&m, CLOCK_MONOTONIC, &tick);
	if (!err[2])
		pthread_mutex_unlock(&m);
	err[3] = pthread_mutex_clocklock(&m, CLOCK_REALTIME, &soon);
	if (!err[3])
		pthread_mutex_unlock(&m);
	err[4] = pthread_mutex_timedlock(&m, &bad);
	if (!err[4])
		pthread_mutex_unlock(&m);
	err[5] = pthread_mutex_clocklock(&m, CLOCK_PROCESS_CPUTIME_ID, &soon);
	if (!err[5])
		pthread_mutex_unlock(&m);
	for (int i = 0; i < 6; i++)
		printf("%d: %s\n", i, say_error(err[i]));
}

static void *try_elsewhere(void *arg)
{
	(void)arg;
	try_all();
	return NULL;
}

int main(void)
{
	puts("free");
	try_all();
	puts("held");
	MUST(pthread_mutex_lock(&m));
	say_elsewhere(try_elsewhere, NULL);
	MUST(pthread_mutex_unlock(&m));
	puts("free");
	say_elsewhere(try_elsewhere, NULL);
	return 0;
}
