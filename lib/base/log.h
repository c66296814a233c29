/*
 * base/log.h - saying what happens, to whoever listens.
 */
#ifndef RLI_BASE_LOG_H
#define RLI_BASE_LOG_H

#include <stdbool.h>

#include <rl/log.h>

/* Longer lines are cut, with an ellipsis. */
#define RLI_LOG_MAX 1024

/* Whether anybody hears this level: one load, for use around costly lines. */
bool rli_log_enabled(int level);

/*
 * One line, without a newline. Calls the user's function, if one is set: so
 * hold no lock that a call of rl could need. errno and the thread's error
 * message are preserved; no cancellation point; raises no SIGPIPE.
 */
void rli_log(int level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The same of a whole line, which is not longer than that and has no control
 * characters in it: it takes little of the stack. */
void rli_log_text(int level, const char *text);

#endif /* RLI_BASE_LOG_H */
