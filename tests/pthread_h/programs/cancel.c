/* A thread that waits for a mutex and may be cancelled at any instruction. */
#include "say.h"

#include <semaphore.h>

static sem_t ready;

static void unlock_it(void *arg)
{
	printf("cleanup: %s\n", say_error(pthread_mutex_unlock(arg)));
}

static void *lock_twice(void *arg)
{
	int old;

	MUST(pthread_mutex_lock(arg));
	pthread_cleanup_push(unlock_it, arg);
	MUST(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old));
	sem_post(&ready);
	pthread_mutex_lock(arg);
	puts("locked twice");
	pthread_cleanup_pop(0);
	return NULL;
}

static void check(pthread_mutex_t *m)
{
	pthread_t thread;
	void *result;

	/* Not promised, but what the C library does. */
	SAY(pthread_mutex_unlock(m));
	MUST(pthread_create(&thread, NULL, lock_twice, m));
	MUST(sem_wait(&ready));
	MUST(pthread_cancel(thread));
	MUST(pthread_join(thread, &result));
	printf("cancelled %d\n", result == PTHREAD_CANCELED);
	SAY(pthread_mutex_trylock(m));
	SAY(pthread_mutex_unlock(m));
}

int main(void)
{
	static pthread_mutex_t fixed = PTHREAD_MUTEX_INITIALIZER;
	pthread_mutex_t made;

	MUST(sem_init(&ready, 0, 0));
	MUST(pthread_mutex_init(&made, NULL));
	for (int i = 0; i < 20; i++) {
		check(&fixed);
		check(&made);
	}
	return 0;
}
