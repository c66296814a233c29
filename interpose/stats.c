#include "interpose/stats.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "interpose/init.h"
#include "interpose/object.h"
#include "interpose/say.h"

#define ROOM 8192

struct rli_counts rli_counts;
bool rli_counting;

static char *file;		/* read-only after the start */
static atomic_bool written;

bool rli_stats_start(void)
{
	const char *name = getenv("RL_INTERPOSE_STATS");

	if (name && *name)
		file = strdup(name);
	rli_counting = file != NULL;
	return rli_counting;
}

void rli_stats_after_fork(void)
{
	memset(&rli_counts, 0, sizeof(rli_counts));
	atomic_store(&written, false);
}

struct text {
	size_t len;
	char bytes[ROOM];
};

/* What does not fit is left out. */
static void add(struct text *text, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void add(struct text *text, const char *fmt, ...)
{
	size_t room = sizeof(text->bytes) - text->len - 1;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(text->bytes + text->len, room, fmt, args);
	va_end(args);
	if (n > 0 && (size_t)n < room)
		text->len += (size_t)n;
}

static void add_object(const struct rli_object *o, void *arg)
{
	add(arg, "mutex %s calls %lu sent %lu\n", o->label,
	    atomic_load(&o->calls), atomic_load(&o->sent));
}

void rli_stats_write(void)
{
	struct text text = { .len = 0 };
	ssize_t n;
	int fd;

	if (!file || atomic_exchange(&written, true))
		return;
	add(&text, "program %s\npid %d\n", rli_program, (int)getpid());
	add(&text, "intercepted %lu\nbound %lu\nsent %lu\n",
	    atomic_load(&rli_counts.intercepted),
	    atomic_load(&rli_counts.bound), atomic_load(&rli_counts.sent));
	rli_objects_each(add_object, &text);
	text.bytes[text.len++] = '\n';
	fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (fd < 0) {
		rli_say("RL_INTERPOSE_STATS: %s cannot be written", file);
		return;
	}
	n = write(fd, text.bytes, text.len);
	(void)n;
	close(fd);
}
