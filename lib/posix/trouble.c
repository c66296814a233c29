#include "posix/trouble.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/envconf.h"
#include "base/error.h"
#include "base/text.h"

/* More than this does not pass between two messages of one outage. */
#define PAUSE_FIRST (1 * RLI_S)
#define PAUSE_MAX   (300 * RLI_S)

static void say(const char *fmt, va_list args)
{
	char line[RLI_ERROR_MAX + 200] = "rl: ";
	int saved = errno;
	size_t len;

	rli_format_line(line + 4, sizeof(line) - 5, fmt, args);
	len = strlen(line);
	line[len++] = '\n';
	while (write(STDERR_FILENO, line, len) < 0 && errno == EINTR)
		;
	errno = saved;
}

void rli_px_say(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(fmt, args);
	va_end(args);
}

void rli_px_die(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(fmt, args);
	va_end(args);
	abort();
}

/* Which of the two words the variable holds; the first is the default. */
static bool second_word(const char *var, const char *const words[2])
{
	int index = 0;
	bool set = false;

	if (rli_env_choice(var, words, 2, &index, &set))
		rli_px_die("%s", rli_error_message());
	return index == 1;
}

void rli_px_lost(const char *name)
{
	static const char *const words[] = { "abort", "log" };

	if (second_word("RL_ON_LOST", words))
		rli_px_say("the lock '%s' was lost while held: another may "
			   "have held it at the same time", name);
	else
		rli_px_die("the lock '%s' was lost while held: another may "
			   "hold it now; aborting (RL_ON_LOST=log goes on)",
			   name);
}

static void say_outage(struct rli_px_outage *outage, const char *name,
		       int64_t now)
{
	if (now < outage->say)
		return;
	rli_px_say("waiting for the servers of the lock '%s': %s", name,
		   rli_error_message());
	outage->pause = outage->pause ? outage->pause * 2 : PAUSE_FIRST;
	if (outage->pause > PAUSE_MAX)
		outage->pause = PAUSE_MAX;
	outage->say = rli_after(now, outage->pause);
}

void rli_px_outage(struct rli_px_outage *outage, const char *name,
		   int64_t for_ns)
{
	static const char *const words[] = { "abort", "wait" };
	bool wait = second_word("RL_ON_OUTAGE", words);
	int64_t now = rli_now();

	if (!outage->began)
		outage->began = now;
	if (!wait && now - outage->began >= for_ns)
		rli_px_die("the lock '%s': %s; aborting (RL_ON_OUTAGE=wait "
			   "waits on)", name, rli_error_message());
	say_outage(outage, name, now);
}
