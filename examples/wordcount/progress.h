/*
 * The line that shows how far the work is, on standard error: rewritten in
 * place on a terminal, a line now and then elsewhere.
 */
#ifndef WORDCOUNT_PROGRESS_H
#define WORDCOUNT_PROGRESS_H

#include "worker.h"

struct progress {
	const char *label;
	double begun, shown;	/* seconds */
	unsigned alive;		/* workers */
	bool in_place;
};

double now(void);

void progress_begin(struct progress *progress, const char *label);
void progress_show(struct progress *progress, const struct job *job);
/* Something worth a line of its own. */
void progress_say(struct progress *progress, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void progress_end(struct progress *progress, const struct job *job);

#endif
