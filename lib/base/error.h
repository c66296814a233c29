/*
 * base/error.h - the message beside the error number.
 *
 * Whoever finds the cause says it with rli_fail(); whoever passes the number
 * on leaves the message alone, or adds to it:
 *
 *	return rli_fail(err, "lock '%s': %s", name, rli_error_message());
 */
#ifndef RLI_BASE_ERROR_H
#define RLI_BASE_ERROR_H

#include <stdarg.h>

#include <rl/error.h>

/* Room for a thread's message, the terminating zero included. */
#define RLI_ERROR_MAX 512

/*
 * Keep the calling thread's message and return err. The message is one line:
 * control characters become '?', and what does not fit is cut, with an
 * ellipsis in its place. The arguments may point into the message kept so
 * far. errno is preserved.
 */
int rli_fail(int err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
int rli_vfail(int err, const char *fmt, va_list args)
	__attribute__((format(printf, 2, 0)));

/*
 * The same without formatting or copying, for failures that are everyday
 * answers (EBUSY): text must be constant.
 */
int rli_fail_const(int err, const char *text);

/* ENOMEM, with its message. */
int rli_fail_nomem(void);

/* The calling thread's message; empty if there is none, never NULL. */
const char *rli_error_message(void);

/* "EBUSY" and so on for the numbers of rl's contract, else NULL. */
const char *rli_error_name(int err);

/*
 * What the C library knows about an error number that came from the system,
 * in the thread's buffer of rl_strerror().
 */
const char *rli_system_error(int err);

#endif /* RLI_BASE_ERROR_H */
