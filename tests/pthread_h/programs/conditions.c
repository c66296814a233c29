/* Conditions: nothing is lost, time passes, cancellation keeps the mutex. */
#include "say.h"

#define ITEMS 300

static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t checked = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
static pthread_cond_t not_full = PTHREAD_COND_INITIALIZER;
static pthread_cond_t not_empty = PTHREAD_COND_INITIALIZER;
static int queue[4];
static int filled, put_at, take_at;
static int stage; /* under m */

static void *produce(void *arg)
{
	(void)arg;
	for (int i = 1; i <= ITEMS; i++) {
		MUST(pthread_mutex_lock(&m));
		while (filled == 4)
			MUST(pthread_cond_wait(&not_full, &m));
		queue[put_at++ % 4] = i;
		filled++;
		MUST(pthread_cond_signal(&not_empty));
		MUST(pthread_mutex_unlock(&m));
	}
	return NULL;
}

static void *consume(void *arg)
{
	long *sum = arg;

	for (int i = 0; i < ITEMS / 3; i++) {
		MUST(pthread_mutex_lock(&m));
		while (filled == 0)
			MUST(pthread_cond_wait(&not_empty, &m));
		*sum += queue[take_at++ % 4];
		filled--;
		MUST(pthread_cond_signal(&not_full));
		MUST(pthread_mutex_unlock(&m));
	}
	return NULL;
}

static void check_queue(void)
{
	pthread_t threads[4];
	long sums[3] = { 0, 0, 0 };

	MUST(pthread_create(&threads[3], NULL, produce, NULL));
	for (int i = 0; i < 3; i++)
		MUST(pthread_create(&threads[i], NULL, consume, &sums[i]));
	for (int i = 0; i < 4; i++)
		MUST(pthread_join(threads[i], NULL));
	printf("sum %ld\n", sums[0] + sums[1] + sums[2]);
}

static void check_time(void)
{
	struct timespec soon = say_in_ms(CLOCK_REALTIME, 20);
	struct timespec tick = say_in_ms(CLOCK_MONOTONIC, 20);
	struct timespec bad = { .tv_sec = 1, .tv_nsec = -1 };

	MUST(pthread_mutex_lock(&m));
	SAY(pthread_cond_timedwait(&not_empty, &m, &soon));
	SAY(pthread_cond_clockwait(&not_empty, &m, CLOCK_MONOTONIC, &tick));
	SAY(pthread_cond_timedwait(&not_empty, &m, &bad));
	SAY(pthread_mutex_trylock(&m));
	MUST(pthread_mutex_unlock(&m));
	SAY(pthread_cond_wait(&not_empty, &checked));
	MUST(pthread_mutex_lock(&checked));
	soon = say_in_ms(CLOCK_REALTIME, 20);
	SAY(pthread_cond_timedwait(&not_empty, &checked, &soon));
	SAY(pthread_mutex_lock(&checked));
	MUST(pthread_mutex_unlock(&checked));
}

static void unlock_it(void *arg)
{
	printf("cleanup: %s\n", say_error(pthread_mutex_unlock(arg)));
}

static void *wait_for_ever(void *arg)
{
	MUST(pthread_mutex_lock(arg));
	pthread_cleanup_push(unlock_it, arg);
	stage = 1;
	for (;;)
		pthread_cond_wait(&not_empty, arg);
	pthread_cleanup_pop(1);
	return NULL;
}

/* Who sees the stage under the mutex knows that the other one waits. */
static void check_cancel(pthread_mutex_t *mutex)
{
	pthread_t thread;
	int seen = 0;
	void *result;

	stage = 0;
	MUST(pthread_create(&thread, NULL, wait_for_ever, mutex));
	while (!seen) {
		MUST(pthread_mutex_lock(mutex));
		seen = stage;
		MUST(pthread_mutex_unlock(mutex));
	}
	MUST(pthread_cancel(thread));
	MUST(pthread_join(thread, &result));
	printf("cancelled %d\n", result == PTHREAD_CANCELED);
	SAY(pthread_mutex_trylock(mutex));
	MUST(pthread_mutex_unlock(mutex));
}

int main(void)
{
	check_queue();
	check_time();
	check_cancel(&m);
	check_cancel(&checked);
	return 0;
}
