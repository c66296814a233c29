#include "support/wait.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int64_t wait_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

int64_t wait_now_ms(void)
{
	return wait_now_ns() / 1000000;
}

bool wait_until(bool (*predicate)(void *arg), void *arg, int timeout_ms)
{
	int64_t deadline = wait_now_ms() + timeout_ms;
	struct timespec pause = { .tv_nsec = 1000000 };

	while (!predicate(arg)) {
		if (wait_now_ms() >= deadline)
			return predicate(arg);
		nanosleep(&pause, NULL);
	}
	return true;
}

void test_die(const char *file, int line, const char *fmt, ...)
{
	int err = errno;
	va_list args;

	fprintf(stderr, "%s:%d: ", file, line);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, " (errno: %s)\n", strerror(err));
	abort();
}
