/*
 * posix/trouble.h - what becomes of a program that cannot handle an error.
 *
 * A program written for pthread mutexes takes any error it does not know for
 * success. So a lost hold, and servers that cannot be asked, end it with a
 * message, or are waited for, as RL_ON_LOST and RL_ON_OUTAGE say.
 */
#ifndef RLI_POSIX_TROUBLE_H
#define RLI_POSIX_TROUBLE_H

#include <stdbool.h>
#include <stdint.h>

/* One line on standard error, "rl: …". Neither malloc nor stdio. */
void rli_px_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The same, and the process aborts. */
_Noreturn void rli_px_die(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));

/* A hold of the lock of this name was lost: aborts, or says so and returns. */
void rli_px_lost(const char *name);

/* The outages that one call meets with; all zero bytes to begin with. */
struct rli_px_outage {
	int64_t began;	/* 0: none yet */
	int64_t say;	/* when to speak next */
	int64_t pause;	/* and how much later after that */
};

/*
 * The servers of this lock could not be asked (the thread's last error says
 * why) and the caller will try again. Returns to let it, after saying so if
 * it is time to, or aborts: for_ns of outage, or, if it is negative, this one
 * time were enough.
 */
void rli_px_outage(struct rli_px_outage *outage, const char *name,
		   int64_t for_ns);

#endif /* RLI_POSIX_TROUBLE_H */
