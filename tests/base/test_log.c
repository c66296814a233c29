#include <criterion/criterion.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "failing_alloc.h"

static char heard[4096];
static int heard_level;
static atomic_int heard_count;

static void hear(int level, const char *text, void *arg)
{
	heard_level = level;
	snprintf(heard, sizeof(heard), "%s%s", (const char *)arg, text);
	heard_count++;
	errno = EBADF;
}

/* Standard error becomes a pipe; its other end. */
static int catch_stderr(void)
{
	int ends[2];

	cr_assert_eq(pipe(ends), 0);
	cr_assert_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
	close(ends[1]);
	return ends[0];
}

/* What came out of it, once the last writer has closed it. */
static const char *caught(int fd)
{
	static char text[8192];
	size_t len = 0;
	ssize_t n;

	close(STDERR_FILENO);
	while ((n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	return text;
}

Test(log, by_itself_nothing_is_heard)
{
	int fd;

	unsetenv("RL_LOG");
	fd = catch_stderr();
	cr_assert_not(rli_log_enabled(RL_LOG_ERROR));
	rli_log(RL_LOG_ERROR, "silence");
	cr_assert_str_eq(caught(fd), "");
}

Test(log, a_bad_rl_log_is_silence)
{
	setenv("RL_LOG", "loud", 1);
	cr_assert_not(rli_log_enabled(RL_LOG_ERROR));
}

static void expect_levels(const char *value, int highest)
{
	setenv("RL_LOG", value, 1);
	for (int level = RL_LOG_ERROR; level <= RL_LOG_DEBUG; level++)
		cr_assert_eq(rli_log_enabled(level), level <= highest);
}

Test(log, rl_log_error_lets_errors_through)
{
	expect_levels("error", RL_LOG_ERROR);
}

Test(log, rl_log_info_lets_info_through)
{
	expect_levels("info", RL_LOG_INFO);
}

Test(log, rl_log_debug_lets_all_through)
{
	expect_levels("debug", RL_LOG_DEBUG);
}

Test(log, rl_log_writes_lines_to_stderr)
{
	int fd;

	setenv("RL_LOG", "info", 1);
	fd = catch_stderr();
	rli_log(RL_LOG_ERROR, "lost '%s'", "a\nb");
	rli_log(RL_LOG_INFO, "two");
	rli_log(RL_LOG_DEBUG, "not this");
	cr_assert_str_eq(caught(fd), "rl: error: lost 'a?b'\nrl: info: two\n");
}

Test(log, the_users_function_gets_the_lines_instead)
{
	int fd;

	setenv("RL_LOG", "debug", 1);
	fd = catch_stderr();
	cr_assert_eq(rl_set_log(hear, "> ", RL_LOG_INFO), 0);
	errno = 77;
	rli_log(RL_LOG_INFO, "%d", 42);
	cr_assert_eq(errno, 77);
	cr_assert_str_eq(heard, "> 42");
	cr_assert_eq(heard_level, RL_LOG_INFO);
	rli_log(RL_LOG_DEBUG, "not this");
	cr_assert_eq(heard_count, 1);
	cr_assert_str_eq(caught(fd), "");
}

Test(log, without_a_function_rl_log_decides_again)
{
	setenv("RL_LOG", "info", 1);
	cr_assert_eq(rl_set_log(hear, "", RL_LOG_OFF), 0);
	cr_assert_not(rli_log_enabled(RL_LOG_ERROR));
	cr_assert_eq(rl_set_log(NULL, NULL, 99), 0);
	cr_assert(rli_log_enabled(RL_LOG_INFO));
	cr_assert_not(rli_log_enabled(RL_LOG_DEBUG));
}

Test(log, a_level_that_does_not_exist_is_einval_and_changes_nothing)
{
	cr_assert_eq(rl_set_log(hear, "", RL_LOG_ERROR), 0);
	cr_assert_eq(rl_set_log(hear, "", RL_LOG_DEBUG + 1), EINVAL);
	cr_assert_eq(rl_set_log(hear, "", RL_LOG_OFF - 1), EINVAL);
	cr_assert(rli_log_enabled(RL_LOG_ERROR));
	cr_assert_not(rli_log_enabled(RL_LOG_INFO));
}

Test(log, without_memory_the_setting_stays)
{
	cr_assert_eq(rl_set_log(hear, "", RL_LOG_ERROR), 0);
	fail_allocation(1, true);
	cr_assert_eq(rl_set_log(hear, "", RL_LOG_INFO), ENOMEM);
	cr_assert_not(rli_log_enabled(RL_LOG_INFO));
	fail_no_allocation();
}

Test(log, toggling_between_settings_does_not_grow)
{
	long before;

	count_allocations();
	cr_assert_eq(rl_set_log(hear, "", RL_LOG_ERROR), 0);
	cr_assert_eq(rl_set_log(hear, "", RL_LOG_INFO), 0);
	before = live_allocations;
	for (int i = 0; i < 100; i++)
		cr_assert_eq(rl_set_log(hear, "", RL_LOG_ERROR + i % 2), 0);
	cr_assert_eq(live_allocations, before);
}

Test(log, a_long_line_is_cut)
{
	char text[3000] = "";

	memset(text, 'x', sizeof(text) - 1);
	cr_assert_eq(rl_set_log(hear, "", RL_LOG_DEBUG), 0);
	rli_log(RL_LOG_DEBUG, "%s", text);
	cr_assert_eq(strlen(heard), (size_t)RLI_LOG_MAX - 1);
	cr_assert_str_eq(heard + strlen(heard) - 3, "\xe2\x80\xa6");
}

static void hear_and_log(int level, const char *text, void *arg)
{
	hear(level, text, arg);
	rli_log(level, "from within");
}

Test(log, a_line_from_within_the_users_function_is_dropped)
{
	cr_assert_eq(rl_set_log(hear_and_log, "", RL_LOG_DEBUG), 0);
	rli_log(RL_LOG_DEBUG, "one");
	rli_log(RL_LOG_DEBUG, "two");
	cr_assert_eq(heard_count, 2);
	cr_assert_str_eq(heard, "two");
}

static void hear_and_cancel(int level, const char *text, void *arg)
{
	hear(level, text, arg);
	pthread_testcancel();
	heard_count++;
}

static void *log_while_cancelled(void *arg)
{
	pthread_cancel(pthread_self());
	rli_log(RL_LOG_ERROR, "still here");
	heard_count++;
	pthread_testcancel();
	return arg;
}

Test(log, is_no_cancellation_point)
{
	pthread_t thread;
	void *result;

	cr_assert_eq(rl_set_log(hear_and_cancel, "", RL_LOG_ERROR), 0);
	cr_assert_eq(pthread_create(&thread, NULL, log_while_cancelled, NULL),
		     0);
	cr_assert_eq(pthread_join(thread, &result), 0);
	cr_assert_eq(result, PTHREAD_CANCELED);
	cr_assert_eq(heard_count, 3);
}

static void close_reader(void)
{
	setenv("RL_LOG", "error", 1);
	close(catch_stderr());
}

Test(log, a_closed_stderr_raises_no_sigpipe)
{
	sigset_t pending;

	close_reader();
	signal(SIGPIPE, SIG_DFL);
	errno = 77;
	rli_log(RL_LOG_ERROR, "to nobody");
	cr_assert_eq(errno, 77);
	sigpending(&pending);
	cr_assert_not(sigismember(&pending, SIGPIPE));
}

Test(log, a_sigpipe_that_was_pending_stays_pending)
{
	sigset_t set, pending;

	close_reader();
	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	raise(SIGPIPE);
	rli_log(RL_LOG_ERROR, "to nobody");
	sigpending(&pending);
	cr_assert(sigismember(&pending, SIGPIPE));
}
