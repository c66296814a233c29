/*
 * rl/error.h - what the error numbers of rl mean, and what went wrong in full.
 *
 * Every function of rl that can fail returns 0 or a positive number of
 * <errno.h>, as the pthread functions do, and leaves errno as it was. The
 * number says what to do; rl_last_error() says what happened: which server,
 * and what it answered.
 *
 *	int err = rl_mutex_lock(&m);
 *
 *	if (err)
 *		fprintf(stderr, "lock: %s (%s)\n", rl_strerror(err),
 *			rl_last_error());
 *
 * Neither text ever contains a password.
 */
#ifndef RL_ERROR_H
#define RL_ERROR_H

#include <rl/api.h>

RL_BEGIN_DECLS

/*
 * A short text for an error number, in the sense that rl gives it.
 *
 * Before:  any number, also one that rl never returns (then the system's own
 *          text for it, or "unknown error N").
 * After:   never NULL. The text of a number that rl uses is constant; any
 *          other lives until the calling thread's next rl_strerror().
 * Errors:  none. errno is preserved.
 * Blocks:  no.
 * Safety:  any thread may call it at any time, between fork and exec too. It
 *          is not a cancellation point. In a signal handler only for numbers
 *          that rl itself returns.
 */
RL_API const char *rl_strerror(int err);

/*
 * What the calling thread's last failed call of rl had to say, in one line of
 * at most 511 bytes; a longer one is cut and ends in an ellipsis.
 *
 * Before:  nothing.
 * After:   never NULL; empty if no call of this thread has failed yet. A call
 *          that succeeds does not clear it. The text lives until the thread's
 *          next failing call; copy what has to last.
 * Errors:  none. errno is preserved.
 * Blocks:  no.
 * Safety:  each thread has its own. A child of fork starts with that of the
 *          thread that forked. Not a cancellation point. Not for signal
 *          handlers.
 */
RL_API const char *rl_last_error(void);

RL_END_DECLS

#endif /* RL_ERROR_H */
