/*
 * rl/log.h - hearing what rl does.
 *
 * By itself rl is silent. With the environment variable RL_LOG=error, info or
 * debug it writes lines to standard error; a program that has a log of its
 * own takes them with rl_set_log() instead.
 *
 *	static void to_syslog(int level, const char *text, void *arg)
 *	{
 *		(void)arg;
 *		syslog(level == RL_LOG_ERROR ? LOG_ERR : LOG_INFO, "%s", text);
 *	}
 *
 *	rl_set_log(to_syslog, NULL, RL_LOG_INFO);
 *
 * No line ever contains a password.
 */
#ifndef RL_LOG_H
#define RL_LOG_H

#include <rl/api.h>

RL_BEGIN_DECLS

#define RL_LOG_OFF	0	/* nothing at all */
#define RL_LOG_ERROR	1	/* what an operator should know: lost holds */
#define RL_LOG_INFO	2	/* what changes: connections made and broken */
#define RL_LOG_DEBUG	3	/* each request, to find out what happens */

/*
 * What receives the lines: one line without its newline, and the arg that was
 * given to rl_set_log().
 *
 * Any thread that uses rl may call it, and rl's own threads do; several may
 * at the same time. It runs with thread cancellation off. It must return (no
 * longjmp, no C++ exception), should not block, and must not call rl back,
 * other than rl_strerror(). Lines that come from within it are dropped.
 */
typedef void rl_log_fn(int level, const char *text, void *arg);

/*
 * Sends the lines of this level and of the more important ones to fn, for the
 * whole process, instead of where RL_LOG sends them.
 *
 * Before:  level is one of RL_LOG_OFF to RL_LOG_DEBUG. With fn NULL the level
 *          is not used, and RL_LOG decides again.
 * After:   lines logged from now on go to fn. Another thread may still be
 *          inside the function set before, so that and its arg must stay
 *          valid for as long as any thread uses rl.
 * Errors:  EINVAL, no such level; ENOMEM. Nothing has changed then.
 * Blocks:  no.
 * Safety:  any thread may call it at any time. A child of fork keeps the
 *          setting. Not a cancellation point. Not for signal handlers.
 */
RL_API int rl_set_log(rl_log_fn *fn, void *arg, int level);

RL_END_DECLS

#endif /* RL_LOG_H */
