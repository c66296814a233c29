/*
 * interpose/say.h - telling the user, without stdio and without malloc.
 */
#ifndef RLI_INTERPOSE_SAY_H
#define RLI_INTERPOSE_SAY_H

/* The exit status of a program that a mistake in its bindings has ended. */
#define RLI_EXIT_MISTAKE 125

/* One line on standard error: "librl_interpose: PROGRAM[PID]: ...". */
void rli_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The same, and the program ends: before main, or with SIGABRT. */
_Noreturn void rli_mistake(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));
_Noreturn void rli_abort(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));

#endif /* RLI_INTERPOSE_SAY_H */
