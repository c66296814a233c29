/*
 * interpose/own_files.h - the descriptors that are rl's, and not the program's.
 *
 * A program that closes every descriptor, as daemons do, must not close ours:
 * the next file that it opens would get the number, and rl would write into it
 * what is meant for a server. So ours are moved out of the way, and a close of
 * one says EBADF, as for any descriptor that the program has not opened.
 */
#ifndef RLI_INTERPOSE_OWN_FILES_H
#define RLI_INTERPOSE_OWN_FILES_H

#include <stdbool.h>

/* Numbers from here on are not looked after. */
#define RLI_FILES_MAX 65536

bool rli_is_own_file(int fd);
/* The first of them from fd on; RLI_FILES_MAX: none. */
int rli_next_own_file(int fd);

#endif /* RLI_INTERPOSE_OWN_FILES_H */
