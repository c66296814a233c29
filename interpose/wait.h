/*
 * interpose/wait.h - a wait on a condition, of whatever kind.
 */
#ifndef RLI_INTERPOSE_WAIT_H
#define RLI_INTERPOSE_WAIT_H

#include <pthread.h>
#include <time.h>

struct rli_wait_call {
	enum {
		RLI_WAIT,
		RLI_WAIT_TIMED,
		RLI_WAIT_CLOCK,
		RLI_WAIT_OLD,		/* the conditions of LinuxThreads */
		RLI_WAIT_OLD_TIMED
	} kind;
	pthread_cond_t *cond;
	pthread_mutex_t *mutex;
	clockid_t clock;
	const struct timespec *abstime;	/* NULL: for ever */
};

/* As pthread_cond_wait and its like, with a mutex that may be bound. */
int rli_wait(const struct rli_wait_call *wait);

#endif /* RLI_INTERPOSE_WAIT_H */
