/*
 * What the programs of this folder share. They know nothing of rl: each is
 * compiled as it is and with rl/pthread.h, and must print the same.
 */
#ifndef SAY_H
#define SAY_H

#define _GNU_SOURCE

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline const char *say_error(int err)
{
	switch (err) {
	case 0: return "0";
	case EAGAIN: return "EAGAIN";
	case EBUSY: return "EBUSY";
	case EDEADLK: return "EDEADLK";
	case EINVAL: return "EINVAL";
	case ENOTRECOVERABLE: return "ENOTRECOVERABLE";
	case ENOTSUP: return "ENOTSUP";
	case EOWNERDEAD: return "EOWNERDEAD";
	case EPERM: return "EPERM";
	case ETIMEDOUT: return "ETIMEDOUT";
	default: return "another error";
	}
}

/* The call and what it gave. */
#define SAY(call) printf("%s: %s\n", #call, say_error(call))

#define MUST(call)                                                        \
	do {                                                              \
		int must_err_ = (call);                                   \
		if (must_err_) {                                          \
			printf("%s:%d: %s: %s\n", __FILE__, __LINE__,     \
			       #call, say_error(must_err_));              \
			exit(1);                                          \
		}                                                         \
	} while (0)

/* A moment this far from now on that clock. */
static inline struct timespec say_in_ms(clockid_t clock, long ms)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	ts.tv_sec += ms / 1000;
	ts.tv_nsec += ms % 1000 * 1000000;
	if (ts.tv_nsec < 0) {
		ts.tv_sec--;
		ts.tv_nsec += 1000000000;
	} else if (ts.tv_nsec >= 1000000000) {
		ts.tv_sec++;
		ts.tv_nsec -= 1000000000;
	}
	return ts;
}

/* Runs a function on a thread of its own and waits for its end. */
static inline void say_elsewhere(void *(*run)(void *), void *arg)
{
	pthread_t thread;

	MUST(pthread_create(&thread, NULL, run, arg));
	MUST(pthread_join(thread, NULL));
}

#endif
