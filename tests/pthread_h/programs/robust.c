/* Robust mutexes: of threads, and of processes that share memory. */
#include "say.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_mutex_t *make(int shared)
{
	pthread_mutexattr_t attr;
	pthread_mutex_t *m = mmap(NULL, sizeof(*m), PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	MUST(m == MAP_FAILED);
	MUST(pthread_mutexattr_init(&attr));
	MUST(pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST));
	if (shared)
		MUST(pthread_mutexattr_setpshared(&attr,
						  PTHREAD_PROCESS_SHARED));
	MUST(pthread_mutex_init(m, &attr));
	MUST(pthread_mutexattr_destroy(&attr));
	return m;
}

static void *lock_and_end(void *m)
{
	MUST(pthread_mutex_lock(m));
	return NULL;
}

static void thread_dies(pthread_mutex_t *m)
{
	say_elsewhere(lock_and_end, m);
}

static void process_dies(pthread_mutex_t *m)
{
	pid_t pid = fork();

	if (pid == 0) {
		pthread_mutex_lock(m);
		raise(SIGKILL);
	}
	MUST(waitpid(pid, NULL, 0) != pid);
}

static void check(pthread_mutex_t *m, void (*die)(pthread_mutex_t *))
{
	struct timespec late;

	SAY(pthread_mutex_lock(m));
	SAY(pthread_mutex_consistent(m));
	SAY(pthread_mutex_unlock(m));
	die(m);
	SAY(pthread_mutex_lock(m));
	SAY(pthread_mutex_consistent(m));
	SAY(pthread_mutex_consistent(m));
	SAY(pthread_mutex_unlock(m));
	SAY(pthread_mutex_lock(m));
	SAY(pthread_mutex_unlock(m));
	die(m);
	late = say_in_ms(CLOCK_REALTIME, 30000);
	SAY(pthread_mutex_timedlock(m, &late));
	SAY(pthread_mutex_unlock(m));
	SAY(pthread_mutex_lock(m));
	SAY(pthread_mutex_trylock(m));
	SAY(pthread_mutex_consistent(m));
	SAY(pthread_mutex_destroy(m));
}

int main(void)
{
	check(make(0), thread_dies);
	check(make(1), thread_dies);
	fflush(stdout);
	check(make(1), process_dies);
	return 0;
}
