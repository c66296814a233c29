/*
 * interpose/init.h - the process, from before everybody's constructors on.
 */
#ifndef RLI_INTERPOSE_INIT_H
#define RLI_INTERPOSE_INIT_H

#include <stdbool.h>

/* The last part of argv[0], or of the path of the program. */
extern const char *rli_program;

/* RL_NAMESPACE as it was at the start; empty: none. */
extern const char *rli_namespace;

/* Counts forks on the way from the first process to this one: what another
 * process of that line has noted down is known by it. */
extern unsigned rli_generation;

/* This process was started by one that has found its symbols: one that is
 * missing here is missing because this is another program. */
extern bool rli_descendant;
/* Says so to what this process will start. As the program is initialised. */
void rli_mark_environment(void);

#endif /* RLI_INTERPOSE_INIT_H */
