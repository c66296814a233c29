/*
 * tally FILE THREADS ROUNDS: each thread adds 1 to the number in FILE, ROUNDS
 * times, under a mutex.
 *
 * An ordinary program with threads, which has never heard of rl and is linked
 * to the C library only. It is right as long as one process of it runs at a
 * time: its mutex keeps its own threads apart, and nobody else's.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pthread_mutex_t tally_lock = PTHREAD_MUTEX_INITIALIZER;
static int file;
static long rounds;

static void die(const char *what)
{
	fprintf(stderr, "tally: %s: %s\n", what, strerror(errno));
	exit(1);
}

static long read_number(void)
{
	char text[32];
	ssize_t n = pread(file, text, sizeof(text) - 1, 0);

	if (n < 0)
		die("read");
	text[n] = '\0';
	return strtol(text, NULL, 10);
}

static void write_number(long number)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%ld\n", number);

	if (pwrite(file, text, (size_t)n, 0) != n)
		die("write");
}

static void *work(void *arg)
{
	for (long i = 0; i < rounds; i++) {
		pthread_mutex_lock(&tally_lock);
		write_number(read_number() + 1);
		pthread_mutex_unlock(&tally_lock);
	}
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t threads[64];
	int n;

	if (argc != 4) {
		fputs("usage: tally FILE THREADS ROUNDS\n", stderr);
		return 2;
	}
	file = open(argv[1], O_RDWR | O_CREAT, 0666);
	if (file < 0)
		die(argv[1]);
	n = atoi(argv[2]);
	rounds = atol(argv[3]);
	if (n < 1 || n > 64)
		n = 1;
	for (int i = 0; i < n; i++)
		if (pthread_create(&threads[i], NULL, work, NULL))
			die("pthread_create");
	for (int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
