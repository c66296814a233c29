/*
 * What this file asks of the C library's headers is what it gets, though
 * another header was included first: POSIX's strerror_r, not GNU's.
 */
#define _XOPEN_SOURCE 600

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;

/* GNU's string.h has one of this name. */
static int strchrnul(int n)
{
	return n + 1;
}

int main(void)
{
	int (*text)(int, char *, size_t) = strerror_r;
	char buf[80];
	int err = text(0, buf, sizeof(buf));

	pthread_mutex_lock(&m);
	printf("%d %d\n", err, strchrnul(1));
	pthread_mutex_unlock(&m);
	return 0;
}
