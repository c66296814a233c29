/*
 * interpose/pattern.h - what RL_BIND and RL_BIND_FILE say.
 *
 *	PATTERN[=NAME][,option=value]...
 *
 * Entries are separated by ';' or newlines; '#' begins a comment, which ends
 * with its line. PATTERN is one of
 *
 *	symbol			of the program, else of the first library
 *				that has one
 *	symbol+offset		a member of what the symbol names
 *	module:symbol[+offset]	of that library, or program, only
 *	module+0xoffset		an address in it, as nm shows it
 *	@pshared		every process-shared mutex
 *	@all			every mutex
 *
 * and a symbol may be a pattern of the shell (*, ?, [...]).
 */
#ifndef RLI_INTERPOSE_PATTERN_H
#define RLI_INTERPOSE_PATTERN_H

#include <stdbool.h>
#include <stdint.h>

#include <rl/mutexattr.h>

enum rli_pattern_kind {
	RLI_PATTERN_SYMBOL,
	RLI_PATTERN_PSHARED,
	RLI_PATTERN_ALL
};

/*
 * What the program's own mutex is decides what its lock must be. Memory that
 * only this process, or only this host, can share needs no robust lock: there
 * the real mutex knows who died.
 */
enum rli_sort {
	RLI_SORT_PLAIN,		/* any thread may unlock it */
	RLI_SORT_ROBUST,	/* the locking thread only, and its death is
				   told */
	RLI_SORT_HOST,		/* any process of the host may unlock it */
	RLI_SORT_HOST_ROBUST,	/* the same, and the death of a host is told */
	RLI_SORTS
};

/* Read-only once made, but found. */
struct rli_pattern {
	struct rli_pattern *next;
	enum rli_pattern_kind kind;
	char *entry;		/* all of it as it was written */
	char *text;		/* PATTERN as it was written */
	char *module;		/* NULL: any */
	char *symbol;		/* empty: the module itself */
	uint64_t offset;
	bool glob;
	char *name;		/* NULL: none was given */
	char where[200];	/* for messages: file and line, or entry */
	rl_mutexattr_t attr[RLI_SORTS];
	bool found;		/* something is bound by it; under the guard of
				   binding.c */
};

extern struct rli_pattern *rli_patterns;	/* read-only after init */

/*
 * Reads text, which came from `source`, and appends what it says. Ends the
 * program with a message at a mistake. In a file lines are counted, in a
 * variable entries.
 */
void rli_parse(const char *text, const char *source, bool file);

/* Sets an option in all sorts of attributes of a pattern; ends the program at
 * a mistake. (options.c) */
void rli_option(struct rli_pattern *pattern, const char *name,
		const char *value);
/* Attributes that nothing has been said about. */
void rli_options_init(struct rli_pattern *pattern);
/* Whether they can be used at all; ends the program if not. */
void rli_options_check(struct rli_pattern *pattern);

#endif /* RLI_INTERPOSE_PATTERN_H */
