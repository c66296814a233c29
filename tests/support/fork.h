#ifndef TESTS_SUPPORT_FORK_H
#define TESTS_SUPPORT_FORK_H

#include <sys/types.h>

/*
 * fork(), for a process that has threads which allocate.
 *
 * The C library's malloc may be used in the child; AddressSanitizer's (of gcc
 * 12) does not take its locks around fork, so that one of them may be locked
 * in the child for ever. Such a child is known by its silence as it tries every
 * size there is, and another is forked in its place. Without the sanitizer
 * this is fork().
 */
pid_t fork_whole(void);

#endif /* TESTS_SUPPORT_FORK_H */
