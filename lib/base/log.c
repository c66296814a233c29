/*
 * DESIGN: where lines go is told by one immutable record, the sink, found with
 * one atomic load, so that logging takes no lock: a fork in another thread's
 * rl_set_log() leaves the child nothing to wait for, and the user's function
 * may take its time. A sink once made is never freed, as a thread may still be
 * using it; it is used again when the same setting comes back, so a program
 * that toggles between settings does not grow.
 */
#include "base/log.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cancel.h"
#include "base/error.h"
#include "base/text.h"

struct sink {
	rl_log_fn *fn;		/* read-only after init, like all of it */
	void *arg;
	int level;
	struct sink *older;
};

static const char *const level_names[] = { "off", "error", "info", "debug" };

/*
 * The newest of all sinks ever made, linked by `older`; only ever pushed to.
 * Pushed with release and read with acquire, to see the fields of each.
 */
static _Atomic(struct sink *) sinks;

/* The one in use, or NULL: what RL_LOG says. Release and acquire as above. */
static _Atomic(const struct sink *) current;

/* What RL_LOG says; -1 before anybody asked. Relaxed: it stands for itself. */
static atomic_int env_level = -1;

/* Set while this thread is in the user's function: no lines from within. */
static _Thread_local bool inside;

static int read_env_level(void)
{
	const char *text = getenv("RL_LOG");
	int level = RL_LOG_OFF;

	for (int i = RL_LOG_ERROR; text && i <= RL_LOG_DEBUG; i++)
		if (!strcmp(text, level_names[i]))
			level = i;
	atomic_store_explicit(&env_level, level, memory_order_relaxed);
	return level;
}

static int env_log_level(void)
{
	int level = atomic_load_explicit(&env_level, memory_order_relaxed);

	return level >= 0 ? level : read_env_level();
}

/* Whether this level is heard, and by whom: NULL is standard error. */
static bool listens(int level, const struct sink **sink)
{
	*sink = atomic_load_explicit(&current, memory_order_acquire);
	return level <= (*sink ? (*sink)->level : env_log_level());
}

bool rli_log_enabled(int level)
{
	const struct sink *sink;

	return listens(level, &sink);
}

static const struct sink *find_sink(rl_log_fn *fn, void *arg, int level)
{
	const struct sink *sink =
		atomic_load_explicit(&sinks, memory_order_acquire);

	while (sink && (sink->fn != fn || sink->arg != arg ||
			sink->level != level))
		sink = sink->older;
	return sink;
}

static const struct sink *make_sink(rl_log_fn *fn, void *arg, int level)
{
	struct sink *sink = rli_malloc(sizeof(*sink));

	if (!sink)
		return NULL;
	*sink = (struct sink){ fn, arg, level, atomic_load(&sinks) };
	while (!atomic_compare_exchange_weak_explicit(&sinks, &sink->older,
						      sink,
						      memory_order_release,
						      memory_order_relaxed))
		;
	return sink;
}

int rl_set_log(rl_log_fn *fn, void *arg, int level)
{
	const struct sink *sink = NULL;

	if (fn) {
		if (level < RL_LOG_OFF || level > RL_LOG_DEBUG)
			return rli_fail(EINVAL, "no log level %d", level);
		sink = find_sink(fn, arg, level);
		if (!sink)
			sink = make_sink(fn, arg, level);
		if (!sink)
			return rli_fail_nomem();
	}
	atomic_store_explicit(&current, sink, memory_order_release);
	return 0;
}

/* Takes back the SIGPIPE that our own write to a closed pipe has raised. */
static void swallow_sigpipe(const sigset_t *pipe_only)
{
	const struct timespec at_once = { 0, 0 };

	while (sigtimedwait(pipe_only, NULL, &at_once) < 0 && errno == EINTR)
		;
}

static void write_stderr(const struct iovec *part, int n_parts)
{
	sigset_t pipe_only, before, pending;
	ssize_t n;

	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	sigemptyset(&pending);
	sigpending(&pending);
	pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
	do
		n = writev(STDERR_FILENO, part, n_parts);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EPIPE && !sigismember(&pending, SIGPIPE))
		swallow_sigpipe(&pipe_only);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static struct iovec part(const char *text)
{
	return (struct iovec){ (void *)text, strlen(text) };
}

/* In one write, so that lines of several threads do not mix. */
static void to_stderr(int level, const char *text)
{
	const struct iovec line[] = { part("rl: "), part(level_names[level]),
				      part(": "), part(text), part("\n") };

	write_stderr(line, 5);
}

static void deliver(const struct sink *sink, int level, const char *text)
{
	struct rli_cancel cancel;
	int saved = errno;

	rli_cancel_off(&cancel);
	inside = true;
	if (sink)
		sink->fn(level, text, sink->arg);
	else
		to_stderr(level, text);
	inside = false;
	rli_cancel_as_before(&cancel);
	errno = saved;
}

void rli_log_text(int level, const char *text)
{
	const struct sink *sink;

	if (!inside && listens(level, &sink))
		deliver(sink, level, text);
}

void rli_log(int level, const char *fmt, ...)
{
	const struct sink *sink;
	char text[RLI_LOG_MAX];
	va_list args;

	if (inside || !listens(level, &sink))
		return;
	va_start(args, fmt);
	rli_format_line(text, sizeof(text), fmt, args);
	va_end(args);
	deliver(sink, level, text);
}
