/*
 * Programs of pthreads and nothing else, that say what calls return. Each case
 * runs in a process of its own, once as it is and once under the interposer;
 * what it prints must be the same.
 *
 *	CASE(errorcheck_relock) { ... SAY(pthread_mutex_lock(&m)); }
 *
 * "program" lists the cases, "program NAME" runs one.
 */
#ifndef TESTS_INTERPOSE_CASES_H
#define TESTS_INTERPOSE_CASES_H

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct test_case {
	const char *name;
	void (*run)(void);
	struct test_case *next;
};

static struct test_case *cases;

#define CASE(id) \
	static void run_##id(void); \
	__attribute__((constructor)) static void add_##id(void) \
	{ \
		static struct test_case made = { #id, run_##id, NULL }; \
		made.next = cases; \
		cases = &made; \
	} \
	static void run_##id(void)

static inline const char *error_name(int err)
{
	static const struct {
		int err;
		const char *name;
	} names[] = {
		{ 0, "0" }, { EPERM, "EPERM" }, { EBUSY, "EBUSY" },
		{ EINVAL, "EINVAL" }, { EDEADLK, "EDEADLK" },
		{ ETIMEDOUT, "ETIMEDOUT" }, { EAGAIN, "EAGAIN" },
		{ EOWNERDEAD, "EOWNERDEAD" }, { ENOTSUP, "ENOTSUP" },
		{ ENOTRECOVERABLE, "ENOTRECOVERABLE" },
	};
	static char other[40];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].err == err)
			return names[i].name;
	snprintf(other, sizeof(other), "error %d", err);
	return other;
}

#define SAY(call) \
	do { \
		int said_ = (call); \
		printf("%s: %s\n", #call, error_name(said_)); \
		fflush(stdout); \
	} while (0)

#define MUST(call) \
	do { \
		int must_ = (call); \
		if (must_) { \
			printf("%s:%d: %s: %s\n", __FILE__, __LINE__, #call, \
			       error_name(must_)); \
			exit(1); \
		} \
	} while (0)

static inline struct timespec in_ms(clockid_t clock, long ms)
{
	struct timespec t;

	clock_gettime(clock, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += ms % 1000 * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	return t;
}

static inline long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A mutex of this kind; robust and pshared as the flags say. */
#define ROBUST 1
#define SHARED 2
#define INHERIT 4
#define PROTECT 8

static inline void make(pthread_mutex_t *m, int type, int flags)
{
	pthread_mutexattr_t a;

	MUST(pthread_mutexattr_init(&a));
	MUST(pthread_mutexattr_settype(&a, type));
	if (flags & ROBUST)
		MUST(pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST));
	if (flags & SHARED)
		MUST(pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED));
	if (flags & INHERIT)
		MUST(pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_INHERIT));
	if (flags & PROTECT)
		MUST(pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_PROTECT));
	MUST(pthread_mutex_init(m, &a));
	MUST(pthread_mutexattr_destroy(&a));
}

/* A thread from start to end: what fn returns. */
static inline long elsewhere(void *(*fn)(void *), void *arg)
{
	pthread_t t;
	void *result;

	MUST(pthread_create(&t, NULL, fn, arg));
	MUST(pthread_join(t, &result));
	return (long)result;
}

static inline void *do_lock(void *m)
{
	return (void *)(long)pthread_mutex_lock(m);
}

static inline void *do_trylock(void *m)
{
	int err = pthread_mutex_trylock(m);

	if (err == 0)
		pthread_mutex_unlock(m);
	return (void *)(long)err;
}

static inline void *do_unlock(void *m)
{
	return (void *)(long)pthread_mutex_unlock(m);
}

static inline void *do_timedlock(void *m)
{
	struct timespec t = in_ms(CLOCK_REALTIME, 30);
	int err = pthread_mutex_timedlock(m, &t);

	if (err == 0)
		pthread_mutex_unlock(m);
	return (void *)(long)err;
}

/* A step counter that both sides advance. */
struct steps {
	pthread_barrier_t barrier;
};

static inline void *shared_memory(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		exit(1);
	return p;
}

/* A child that runs fn and exits with what it returns. */
static inline int in_child(int (*fn)(void *), void *arg)
{
	pid_t pid;
	int status;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(fn(arg));
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + status;
}

int main(int argc, char **argv)
{
	alarm(60);
	for (struct test_case *c = cases; c; c = c->next) {
		if (argc < 2) {
			puts(c->name);
		} else if (!strcmp(argv[1], c->name)) {
			c->run();
			return 0;
		}
	}
	return argc < 2 ? 0 : 2;
}

#endif
