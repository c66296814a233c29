/*
 * tools/program.h - whether a library can be preloaded into a program.
 */
#ifndef RLOCK_PROGRAM_H
#define RLOCK_PROGRAM_H

#define PROGRAM_PATH_MAX 4096

/*
 * Finds the program as execvp(3) would. RLOCK_NOT_FOUND or RLOCK_CANNOT_RUN,
 * with a message. path has PROGRAM_PATH_MAX bytes.
 */
int program_find(const char *name, char *path);

/*
 * Says what stands in the way of preloading into the program at path, or
 * the interpreter of a script: it is static, set-uid, has capabilities, or is
 * of another machine. RLOCK_CANNOT_RUN, with a message, or 0.
 */
int program_check(const char *path);

#endif
