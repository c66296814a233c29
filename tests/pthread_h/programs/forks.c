/* Forks among threads that lock, with handlers that keep the mutex whole. */
#include "say.h"

#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t lists[3];
static atomic_int done;

static void lock_it(void)
{
	MUST(pthread_mutex_lock(&m));
}

static void unlock_it(void)
{
	MUST(pthread_mutex_unlock(&m));
}

static void *work(void *arg)
{
	pthread_mutex_t mine;

	while (!done) {
		MUST(pthread_mutex_lock(&m));
		MUST(pthread_mutex_unlock(&m));
		MUST(pthread_mutex_init(&mine, NULL));
		MUST(pthread_mutex_lock(&mine));
		MUST(pthread_mutex_unlock(&mine));
		MUST(pthread_mutex_destroy(&mine));
	}
	return arg;
}

static void child(void)
{
	MUST(pthread_mutex_lock(&m));
	MUST(pthread_mutex_unlock(&m));
	for (int i = 0; i < 3; i++) {
		MUST(pthread_mutex_lock(&lists[i]));
		MUST(pthread_mutex_unlock(&lists[i]));
	}
	_exit(7);
}

int main(void)
{
	pthread_t threads[2];
	int status;
	pid_t pid;

	MUST(pthread_atfork(lock_it, unlock_it, unlock_it));
	for (int i = 0; i < 3; i++)
		MUST(pthread_mutex_init(&lists[i], NULL));
	for (int i = 0; i < 2; i++)
		MUST(pthread_create(&threads[i], NULL, work, NULL));
	for (int i = 0; i < 20; i++) {
		pid = fork();
		if (pid == 0)
			child();
		MUST(waitpid(pid, &status, 0) != pid);
		MUST(status != 7 << 8);
	}
	done = 1;
	for (int i = 0; i < 2; i++)
		MUST(pthread_join(threads[i], NULL));
	puts("20 children");
	return 0;
}
