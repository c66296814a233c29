/* rlock(1): rl from the command line. */
#include "rlock.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rl/version.h>

static const struct verb {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *what;
} verbs[] = {
	{ "preload", rlock_preload,
	  "run a program with its mutexes bound to locks" },
	{ "doctor", rlock_doctor, "check the servers" },
	{ "owner", rlock_owner, "say who holds a lock" },
	{ "reset", rlock_reset, "free a lock, whoever holds it" },
};

#define VERBS (sizeof(verbs) / sizeof(*verbs))

void rlock_say(const char *fmt, ...)
{
	va_list args;

	fputs("rlock: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
}

int rlock_usage(const char *text)
{
	fprintf(stderr, "usage: rlock %s\n", text);
	return RLOCK_USAGE;
}

void rlock_setenv(const char *name, const char *value)
{
	if (setenv(name, value, 1)) {
		rlock_say("no memory");
		exit(RLOCK_PRELOAD);
	}
}

static void help(FILE *to)
{
	fputs("usage: rlock VERB [option...]\n\n", to);
	for (size_t i = 0; i < VERBS; i++)
		fprintf(to, "  %-8s  %s\n", verbs[i].name, verbs[i].what);
	fputs("\nrlock VERB --help, or rlock(1), says more.\n", to);
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (!strcmp(verb, "--version")) {
		printf("rlock %d.%d.%d\n", RL_VERSION_MAJOR, RL_VERSION_MINOR,
		       RL_VERSION_PATCH);
		return RLOCK_OK;
	}
	if (!strcmp(verb, "--help") || !strcmp(verb, "help")) {
		help(stdout);
		return RLOCK_OK;
	}
	for (size_t i = 0; i < VERBS; i++)
		if (!strcmp(verb, verbs[i].name))
			return verbs[i].run(argc - 1, argv + 1);
	if (*verb)
		rlock_say("there is no verb '%s'", verb);
	help(stderr);
	return RLOCK_USAGE;
}
