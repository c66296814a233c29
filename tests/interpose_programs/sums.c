/*
 * sums FILE MINE THREADS ROUNDS: each thread adds 1 to the number in FILE,
 * ROUNDS times, under a mutex, and counts in MINE what has been added.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static pthread_mutex_t sum_lock = PTHREAD_MUTEX_INITIALIZER;
static int file;
static long rounds;
static volatile long *mine;	/* in a file: stays when the process is killed */

static void add(void)
{
	char text[32];
	ssize_t n = pread(file, text, sizeof(text) - 1, 0);
	long sum;

	if (n < 0)
		abort();
	text[n] = '\0';
	sum = strtol(text, NULL, 10) + 1;
	n = snprintf(text, sizeof(text), "%ld\n", sum);
	if (pwrite(file, text, (size_t)n, 0) != n)
		abort();
}

static void *work(void *arg)
{
	for (long i = 0; i < rounds; i++) {
		pthread_mutex_lock(&sum_lock);
		add();
		++*mine;
		pthread_mutex_unlock(&sum_lock);
	}
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t threads[8];
	int fd, n;

	if (argc != 5)
		return 2;
	file = open(argv[1], O_RDWR | O_CREAT, 0600);
	fd = open(argv[2], O_RDWR | O_CREAT, 0600);
	if (file < 0 || fd < 0 || ftruncate(fd, sizeof(*mine)))
		return 2;
	mine = mmap(NULL, sizeof(*mine), PROT_READ | PROT_WRITE, MAP_SHARED,
		    fd, 0);
	if (mine == MAP_FAILED)
		return 2;
	n = atoi(argv[3]);
	rounds = atol(argv[4]);
	for (int i = 0; i < n && i < 8; i++)
		pthread_create(&threads[i], NULL, work, NULL);
	for (int i = 0; i < n && i < 8; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
