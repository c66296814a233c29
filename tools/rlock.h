/*
 * tools/rlock.h - the verbs of rlock(1), each in a file of its own.
 */
#ifndef RLOCK_H
#define RLOCK_H

/* Exit statuses; those of preload are env(1)'s and nohup(1)'s. */
enum {
	RLOCK_OK = 0,
	RLOCK_NO = 1,	       /* doctor: warnings; owner: free */
	RLOCK_USAGE = 2,
	RLOCK_FAILED = 3,      /* the servers said no, or nothing */
	RLOCK_PRELOAD = 125,   /* preload itself failed */
	RLOCK_CANNOT_RUN = 126, /* the program cannot be run, or not so */
	RLOCK_NOT_FOUND = 127,
};

/* Each gets what stands behind "rlock", its own name first. */
int rlock_preload(int argc, char **argv);
int rlock_doctor(int argc, char **argv);
int rlock_owner(int argc, char **argv);
int rlock_reset(int argc, char **argv);

/* "rlock: …" on standard error. */
void rlock_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The usage of a verb on standard error; gives RLOCK_USAGE. */
int rlock_usage(const char *text);

/* Like setenv(3); ends the process if there is no memory. */
void rlock_setenv(const char *name, const char *value);

#endif
