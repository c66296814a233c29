#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* The numbers of the contract: the one table of their names and texts. */
#define ERRORS(X) \
	X(EPERM, "the caller does not hold the lock") \
	X(ENOENT, "nobody holds the lock") \
	X(EAGAIN, "the recursive lock is as deep as it can be") \
	X(ENOMEM, "out of memory") \
	X(EACCES, "the server refused the password, user or command") \
	X(EBUSY, "the lock is held") \
	X(EINVAL, "invalid argument, attribute or setting") \
	X(ERANGE, "the buffer is too small") \
	X(EDEADLK, "the caller holds the lock already") \
	X(ENOLCK, "no majority of the servers could be asked") \
	X(EPROTO, "the server's answer makes no sense") \
	X(ENOTSUP, "not supported") \
	X(ETIMEDOUT, "timed out") \
	X(ESTALE, "the lock was lost while it was held") \
	X(EOWNERDEAD, "the last owner ended without unlocking") \
	X(ENOTRECOVERABLE, "the state that the lock protects is lost")

/*
 * The message is what `latest` points to: a constant, or this thread's
 * `message`. Both belong to their thread alone.
 */
static _Thread_local char message[RLI_ERROR_MAX];
static _Thread_local const char *latest;

/* For texts of the C library; this thread's alone. */
static _Thread_local char system_text[128];

static const char *contract_text(int err)
{
	switch (err) {
#define TEXT(number, text) case number: return text;
	ERRORS(TEXT)
#undef TEXT
	case 0:
		return "success";
	default:
		return NULL;
	}
}

const char *rli_error_name(int err)
{
	switch (err) {
#define NAME(number, text) case number: return #number;
	ERRORS(NAME)
#undef NAME
	default:
		return NULL;
	}
}

const char *rli_system_error(int err)
{
	int saved = errno;
	const char *text = system_text;

#ifdef __GLIBC__
	text = strerror_r(err, system_text, sizeof(system_text));
#else
	if (strerror_r(err, system_text, sizeof(system_text)))
		text = NULL;
#endif
	if (!text || !*text) {
		snprintf(system_text, sizeof(system_text),
			 "unknown error %d", err);
		text = system_text;
	}
	errno = saved;
	return text;
}

const char *rl_strerror(int err)
{
	const char *text = contract_text(err);

	return text ? text : rli_system_error(err);
}

int rli_vfail(int err, const char *fmt, va_list args)
{
	char line[sizeof(message)];

	/* Not formatted in place: an argument may be the message so far. */
	rli_format_line(line, sizeof(line), fmt, args);
	memcpy(message, line, strlen(line) + 1);
	latest = message;
	return err;
}

int rli_fail(int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	rli_vfail(err, fmt, args);
	va_end(args);
	return err;
}

int rli_fail_const(int err, const char *text)
{
	latest = text;
	return err;
}

int rli_fail_nomem(void)
{
	return rli_fail_const(ENOMEM, contract_text(ENOMEM));
}

const char *rli_error_message(void)
{
	return latest ? latest : "";
}

const char *rl_last_error(void)
{
	return rli_error_message();
}
