#include "interpose/say.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "interpose/init.h"
#include "interpose/real.h"
#include "interpose/stats.h"

#define LINE 1200

/* write(2) as often as it takes; what cannot be written is lost. */
static void write_all(const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(STDERR_FILENO, text, len);

		if (n < 0 && errno != EINTR)
			return;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
}

static void say(const char *fmt, va_list args)
{
	char line[LINE];
	size_t len;
	int saved = errno;

	snprintf(line, sizeof(line), "librl_interpose: %s[%d]: ",
		 rli_program, (int)getpid());
	len = strlen(line);
	rli_format_line(line + len, sizeof(line) - len - 1, fmt, args);
	strcat(line, "\n");
	write_all(line, strlen(line));
	errno = saved;
}

void rli_say(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(fmt, args);
	va_end(args);
}

void rli_mistake(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(fmt, args);
	va_end(args);
	rli_real.exit_now(RLI_EXIT_MISTAKE);
	__builtin_unreachable();
}

void rli_abort(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(fmt, args);
	va_end(args);
	rli_stats_write();
	abort();
}
