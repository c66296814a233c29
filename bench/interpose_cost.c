/*
 * What the interposer costs a mutex that is not bound: locking and unlocking,
 * by one thread, with it and without.
 *
 *	interpose_cost LIBRL_INTERPOSE_SO
 *
 * runs itself several times each way, in turn, and takes the fastest of each.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/now.h"

#define TIMES 20000000
#define ROUNDS 7

/* What is bound, so that the filter is not empty. */
pthread_mutex_t bound_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t free_lock = PTHREAD_MUTEX_INITIALIZER;

static double measure(pthread_mutex_t *mutex)
{
	int64_t began = now_ns();

	for (int i = 0; i < TIMES; i++) {
		pthread_mutex_lock(mutex);
		pthread_mutex_unlock(mutex);
	}
	return (double)(now_ns() - began) / TIMES;
}

/* In a process of its own: nanoseconds per pair. */
static double run(const char *self, const char *preload)
{
	char line[64] = "";
	double ns = 0;
	int fd[2];
	ssize_t n;

	if (pipe(fd))
		exit(1);
	if (fork() == 0) {
		if (preload) {
			setenv("LD_PRELOAD", preload, 1);
			setenv("RL_BIND", "bound_lock", 1);
		}
		dup2(fd[1], STDOUT_FILENO);
		execl("/proc/self/exe", self, "--measure", (char *)NULL);
		_exit(126);
	}
	close(fd[1]);
	n = read(fd[0], line, sizeof(line) - 1);
	close(fd[0]);
	wait(NULL);
	if (n <= 0 || sscanf(line, "%lf", &ns) != 1)
		exit(1);
	return ns;
}

int main(int argc, char **argv)
{
	double best[2] = { 1e9, 1e9 };

	if (argc == 2 && !strcmp(argv[1], "--measure")) {
		printf("%.3f\n", measure(&free_lock));
		return 0;
	}
	if (argc != 2) {
		fprintf(stderr, "usage: %s LIBRL_INTERPOSE_SO\n", argv[0]);
		return 2;
	}
	for (int i = 0; i < 2 * ROUNDS; i++) {
		double ns = run(argv[0], i & 1 ? argv[1] : NULL);

		if (ns < best[i & 1])
			best[i & 1] = ns;
	}
	printf("lock and unlock of a mutex that is not bound: %.1f ns as it is, "
	       "%.1f ns with the interposer, %.1f ns more\n", best[0], best[1],
	       best[1] - best[0]);
	return 0;
}
