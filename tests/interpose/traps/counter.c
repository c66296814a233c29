/*
 * counter FILE N THREADS: each thread adds 1 to the number in FILE, N times,
 * under a lock that other processes have never heard of.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static pthread_mutex_t count_lock = PTHREAD_MUTEX_INITIALIZER;
static const char *path;
static long rounds;

static void add(int fd)
{
	long n = 0;

	if (pread(fd, &n, sizeof(n), 0) < 0)
		abort();
	n++;
	sched_yield();
	if (pwrite(fd, &n, sizeof(n), 0) < 0)
		abort();
}

static void *count(void *arg)
{
	for (long i = 0; i < rounds; i++) {
		int fd;

		pthread_mutex_lock(&count_lock);
		fd = open(path, O_RDWR | O_CREAT, 0666);
		if (fd < 0)
			abort();
		add(fd);
		close(fd);
		pthread_mutex_unlock(&count_lock);
	}
	return arg;
}

int main(int argc, char **argv)
{
	int threads = argc > 3 ? atoi(argv[3]) : 1;
	pthread_t t[16];

	path = argv[1];
	rounds = atol(argv[2]);
	for (int i = 0; i < threads; i++)
		pthread_create(&t[i], NULL, count, NULL);
	for (int i = 0; i < threads; i++)
		pthread_join(t[i], NULL);
	return 0;
}
