#include "progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define CLEAR_LINE	"\r\033[K"

double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

void progress_begin(struct progress *progress, const char *label)
{
	progress->label = label;
	progress->begun = progress->shown = now();
	progress->in_place = isatty(STDERR_FILENO);
}

static void show(struct progress *progress, const struct job *job)
{
	unsigned long updates = atomic_load(&job->board->updates);
	double seconds = now() - progress->begun;

	fprintf(stderr, "%s%-26s %3lu %%  %6lu of %lu updates  "
		"%7.0f a second  %u workers%s",
		progress->in_place ? CLEAR_LINE : "", progress->label,
		updates * 100 / job->parts, updates, job->parts,
		(double)updates / seconds, progress->alive,
		progress->in_place ? "" : "\n");
}

void progress_show(struct progress *progress, const struct job *job)
{
	double pause = progress->in_place ? 0.1 : 1.0;

	if (now() - progress->shown < pause)
		return;
	progress->shown = now();
	show(progress, job);
}

void progress_say(struct progress *progress, const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "%s%-26s ", progress->in_place ? CLEAR_LINE : "",
		progress->label);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
}

void progress_end(struct progress *progress, const struct job *job)
{
	show(progress, job);
	if (progress->in_place)
		fputc('\n', stderr);
}
