/* The same, for a file that asks for everything. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;

int main(void)
{
	cpu_set_t set;
	char *text;

	CPU_ZERO(&set);
	pthread_mutex_lock(&m);
	if (asprintf(&text, "%s %d", strchrnul("abc", 'b'),
		     pthread_getaffinity_np(pthread_self(), sizeof(set),
					    &set)) < 0)
		return 1;
	pthread_mutex_unlock(&m);
	puts(text);
	free(text);
	return 0;
}
