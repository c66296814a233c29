/*
 * interpose/real.h - the functions of the C library behind our hooks.
 *
 * Found by name and version at the first call of any of them, which may be
 * before our constructor: rli_real.lock() and so on can be called at any time.
 */
#ifndef RLI_INTERPOSE_REAL_H
#define RLI_INTERPOSE_REAL_H

#include <pthread.h>
#include <threads.h>
#include <time.h>

#define RLI_ABSTIME const struct timespec *abstime

/*
 * X(result, field, symbol, version or NULL, parameters, arguments)
 *
 * Versions are named where the C library has two different functions of one
 * name; elsewhere the default one is right.
 */
#define RLI_REAL(X) \
	X(int, init, "pthread_mutex_init", NULL, \
	  (pthread_mutex_t *m, const pthread_mutexattr_t *a), (m, a)) \
	X(int, destroy, "pthread_mutex_destroy", NULL, \
	  (pthread_mutex_t *m), (m)) \
	X(int, lock, "pthread_mutex_lock", NULL, (pthread_mutex_t *m), (m)) \
	X(int, trylock, "pthread_mutex_trylock", NULL, \
	  (pthread_mutex_t *m), (m)) \
	X(int, timedlock, "pthread_mutex_timedlock", NULL, \
	  (pthread_mutex_t *m, RLI_ABSTIME), (m, abstime)) \
	X(int, clocklock, "pthread_mutex_clocklock", NULL, \
	  (pthread_mutex_t *m, clockid_t clock, RLI_ABSTIME), \
	  (m, clock, abstime)) \
	X(int, unlock, "pthread_mutex_unlock", NULL, (pthread_mutex_t *m), (m)) \
	X(int, consistent, "pthread_mutex_consistent", NULL, \
	  (pthread_mutex_t *m), (m)) \
	X(int, cond_wait, "pthread_cond_wait", RLI_COND_VERSION, \
	  (pthread_cond_t *c, pthread_mutex_t *m), (c, m)) \
	X(int, cond_timedwait, "pthread_cond_timedwait", RLI_COND_VERSION, \
	  (pthread_cond_t *c, pthread_mutex_t *m, RLI_ABSTIME), \
	  (c, m, abstime)) \
	X(int, cond_clockwait, "pthread_cond_clockwait", NULL, \
	  (pthread_cond_t *c, pthread_mutex_t *m, clockid_t clock, \
	   RLI_ABSTIME), (c, m, clock, abstime)) \
	X(int, old_cond_wait, "pthread_cond_wait", RLI_OLD_COND_VERSION, \
	  (pthread_cond_t *c, pthread_mutex_t *m), (c, m)) \
	X(int, old_cond_timedwait, "pthread_cond_timedwait", \
	  RLI_OLD_COND_VERSION, \
	  (pthread_cond_t *c, pthread_mutex_t *m, RLI_ABSTIME), \
	  (c, m, abstime)) \
	X(int, mtx_init, "mtx_init", NULL, (mtx_t *m, int type), (m, type)) \
	X(void, mtx_destroy, "mtx_destroy", NULL, (mtx_t *m), (m)) \
	X(int, cnd_wait, "cnd_wait", NULL, (cnd_t *c, mtx_t *m), (c, m)) \
	X(int, cnd_timedwait, "cnd_timedwait", NULL, \
	  (cnd_t *c, mtx_t *m, RLI_ABSTIME), (c, m, abstime)) \
	X(int, dlclose, "dlclose", NULL, (void *library), (library)) \
	X(int, close, "close", NULL, (int fd), (fd)) \
	X(int, close_range, "close_range", NULL, \
	  (unsigned first, unsigned last, int flags), (first, last, flags)) \
	X(void, closefrom, "closefrom", NULL, (int first), (first)) \
	X(int, munmap, "munmap", NULL, (void *address, size_t size), \
	  (address, size)) \
	X(int, shmdt, "shmdt", NULL, (const void *address), (address)) \
	X(void, exit_now, "_exit", NULL, (int status), (status))

/* The conditions of LinuxThreads and those of NPTL, where there are both. */
#if defined(__x86_64__) && !defined(__ILP32__)
#define RLI_TWO_CONDS 1
#define RLI_COND_VERSION "GLIBC_2.3.2"
#define RLI_OLD_COND_VERSION "GLIBC_2.2.5"
#else
#define RLI_TWO_CONDS 0
#define RLI_COND_VERSION NULL
#define RLI_OLD_COND_VERSION NULL
#endif

#define RLI_REAL_FIELD(result, field, symbol, version, parameters, arguments) \
	result (*field) parameters;

struct rli_real {
	RLI_REAL(RLI_REAL_FIELD)
};

/* Each field is written once more, by whoever calls one first: with the same
 * value, whoever that is. */
extern struct rli_real rli_real;

/* What the hooks are: seen from outside. */
#define RLI_HOOK __attribute__((visibility("default")))

#endif /* RLI_INTERPOSE_REAL_H */
