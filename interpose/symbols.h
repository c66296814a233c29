/*
 * interpose/symbols.h - the modules of the process, and the symbols in them.
 */
#ifndef RLI_INTERPOSE_SYMBOLS_H
#define RLI_INTERPOSE_SYMBOLS_H

#include <stdbool.h>
#include <stdint.h>

/* The program or a library. The texts are good while it is visited. */
struct rli_module {
	const char *file;	/* to open: /proc/self/exe for the program */
	const char *name;	/* the last part of its path */
	uintptr_t base;		/* what is added to its addresses */
	bool program;
};

/* Calls visit with each of them, the program first, until it says false. */
void rli_modules_each(bool (*visit)(const struct rli_module *, void *arg),
		      void *arg);

/* A variable: not a function, not undefined, not thread-local. */
struct rli_symbol {
	const char *name;
	uintptr_t address;	/* in this process */
	uint64_t size;
	bool exported;		/* other modules may see it, and may have one of
				   their own that wins */
};

enum rli_symbols {
	RLI_SYMBOLS_ALL,	/* the static ones too */
	RLI_SYMBOLS_EXPORTED,	/* it is stripped: only those for linking */
	RLI_SYMBOLS_UNREADABLE
};

/*
 * Calls visit with each symbol that libelf finds in the module's file, some of
 * them twice. Says which there were.
 */
enum rli_symbols rli_symbols_each(const struct rli_module *module,
				  void (*visit)(const struct rli_symbol *,
						void *arg),
				  void *arg);

#endif /* RLI_INTERPOSE_SYMBOLS_H */
