/*
 * Four threads each add 1 to the number in a file, 500 times: read, add,
 * write. The mutex keeps them apart, and all processes that run this, on any
 * machine.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <rl/rl.h>

#define THREADS	4
#define TIMES	500

static rl_mutex_t mutex = RL_MUTEX_INITIALIZER("counter");
static const char *path = "counter.txt";

static void check(const char *call, int err)
{
	if (err == 0)
		return;
	fprintf(stderr, "%s: %s: %s\n", call, rl_strerror(err),
		rl_last_error());
	exit(1);
}

static void add(void)
{
	long n = 0;
	FILE *file = fopen(path, "r");

	if (file) {
		if (fscanf(file, "%ld", &n) != 1)
			n = 0;
		fclose(file);
	}
	file = fopen(path, "w");
	if (!file || fprintf(file, "%ld\n", n + 1) < 0 || fclose(file)) {
		perror(path);
		exit(1);
	}
}

static void *run(void *arg)
{
	for (int i = 0; i < TIMES; i++) {
		check("lock", rl_mutex_lock(&mutex));
		add();
		check("unlock", rl_mutex_unlock(&mutex));
	}
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t thread[THREADS];

	if (argc > 1)
		path = argv[1];
	for (int i = 0; i < THREADS; i++)
		check("thread", pthread_create(&thread[i], NULL, run, NULL));
	for (int i = 0; i < THREADS; i++)
		check("join", pthread_join(thread[i], NULL));
	printf("%s: %d added\n", path, THREADS * TIMES);
	return 0;
}
