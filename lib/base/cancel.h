/*
 * Cancellation put off. The state alone does not do it for a thread that can be
 * cancelled at any instruction: glibc decides to send its signal when it reads
 * the state, and its handler (2.36 and others) asks only for the type. What
 * arrives after the state was changed would unwind us with locks taken and
 * requests of this stack under way.
 */
#ifndef RLI_BASE_CANCEL_H
#define RLI_BASE_CANCEL_H

#include <pthread.h>

struct rli_cancel {
	int type;
	int state;
};

/*
 * The half that is enough for a caller with no cancellation point in it, at a
 * tenth of the price of both: the type of most threads is deferred already.
 */
static inline int rli_cancel_defer(void)
{
	int was;

	pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &was);
	return was;
}

static inline void rli_cancel_retype(int was)
{
	if (was != PTHREAD_CANCEL_DEFERRED)
		pthread_setcanceltype(was, &was);
}

/* Both: for whoever may block, or calls what may. */
static inline void rli_cancel_off(struct rli_cancel *was)
{
	was->type = rli_cancel_defer();
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &was->state);
}

/* A cancellation that came meanwhile acts here if it acts at any instruction. */
static inline void rli_cancel_as_before(const struct rli_cancel *was)
{
	int old;

	pthread_setcancelstate(was->state, &old);
	rli_cancel_retype(was->type);
}

#endif /* RLI_BASE_CANCEL_H */
