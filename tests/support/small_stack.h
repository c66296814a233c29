#ifndef TESTS_SUPPORT_SMALL_STACK_H
#define TESTS_SUPPORT_SMALL_STACK_H

#include <limits.h>
#include <pthread.h>
#include <stddef.h>

#include "support/wait.h"

/* A sanitizer's frames are larger. */
#ifdef __SANITIZE_ADDRESS__
#define SMALL_STACK (16 * PTHREAD_STACK_MIN)
#else
#define SMALL_STACK PTHREAD_STACK_MIN
#endif

/* What fn gives on a thread with the smallest stack that there may be. */
static inline void *on_small_stack(void *(*fn)(void *), void *arg)
{
	pthread_attr_t attr;
	pthread_t thread;
	void *gave = NULL;

	TEST_MUST(pthread_attr_init(&attr) == 0);
	TEST_MUST(pthread_attr_setstacksize(&attr, SMALL_STACK) == 0);
	TEST_MUST(pthread_create(&thread, &attr, fn, arg) == 0);
	TEST_MUST(pthread_join(thread, &gave) == 0);
	pthread_attr_destroy(&attr);
	return gave;
}

#endif
