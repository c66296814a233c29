#include "cases.h"

#include <fcntl.h>

static pthread_mutex_t *shared_mutex(int type, int flags)
{
	pthread_mutex_t *m = shared_memory(sizeof(*m));

	make(m, type, SHARED | flags);
	return m;
}

static int child_trylock(void *m)
{
	int err = pthread_mutex_trylock(m);

	if (err == 0)
		pthread_mutex_unlock(m);
	return err;
}

static int child_unlock(void *m)
{
	return pthread_mutex_unlock(m);
}

static int child_lock(void *m)
{
	return pthread_mutex_lock(m);
}

static int child_timedlock(void *m)
{
	struct timespec t = in_ms(CLOCK_REALTIME, 30);

	return pthread_mutex_timedlock(m, &t);
}

#define EACH(X) \
	X(normal, PTHREAD_MUTEX_NORMAL, 0) \
	X(errorcheck, PTHREAD_MUTEX_ERRORCHECK, 0) \
	X(recursive, PTHREAD_MUTEX_RECURSIVE, 0) \
	X(robust, PTHREAD_MUTEX_NORMAL, ROBUST) \
	X(inherit, PTHREAD_MUTEX_NORMAL, INHERIT)

#define CHILD(name, type, flags) \
	CASE(child_sees_it_locked_##name) \
	{ \
		pthread_mutex_t *m = shared_mutex(type, flags); \
		SAY(pthread_mutex_lock(m)); \
		SAY(in_child(child_trylock, m)); \
		SAY(in_child(child_timedlock, m)); \
		SAY(pthread_mutex_unlock(m)); \
		SAY(in_child(child_trylock, m)); \
		SAY(pthread_mutex_lock(m)); \
		SAY(pthread_mutex_unlock(m)); \
	} \
	CASE(child_unlocks_##name) \
	{ \
		pthread_mutex_t *m = shared_mutex(type, flags); \
		SAY(pthread_mutex_lock(m)); \
		SAY(in_child(child_unlock, m)); \
		SAY(in_child(child_trylock, m)); \
		SAY(pthread_mutex_trylock(m)); \
		SAY(pthread_mutex_unlock(m)); \
		SAY(in_child(child_trylock, m)); \
	}
EACH(CHILD)

CASE(parent_unlocks_what_the_child_locked)
{
	pthread_mutex_t *m = shared_mutex(PTHREAD_MUTEX_NORMAL, 0);

	SAY(in_child(child_lock, m));
	SAY(pthread_mutex_trylock(m));
	SAY(pthread_mutex_unlock(m));
	SAY(pthread_mutex_lock(m));
	SAY(in_child(child_trylock, m));
	SAY(pthread_mutex_unlock(m));
}

struct counter {
	pthread_mutex_t m;
	long n;
};

static int child_count(void *arg)
{
	struct counter *c = arg;

	for (int i = 0; i < 200; i++) {
		if (pthread_mutex_lock(&c->m))
			return 1;
		c->n++;
		if (pthread_mutex_unlock(&c->m))
			return 1;
	}
	return 0;
}

static void count_in_children(int type, int flags)
{
	struct counter *c = shared_memory(sizeof(*c));
	pid_t pid[4];

	make(&c->m, type, SHARED | flags);
	fflush(stdout);
	for (int i = 0; i < 4; i++) {
		pid[i] = fork();
		if (pid[i] == 0)
			_exit(child_count(c));
	}
	for (int i = 0; i < 4; i++)
		waitpid(pid[i], NULL, 0);
	printf("%ld\n", c->n);
	SAY(pthread_mutex_destroy(&c->m));
}

#define COUNT(name, type, flags) \
	CASE(children_count_##name) { count_in_children(type, flags); }
EACH(COUNT)

struct pair {
	pthread_mutex_t m;
	pthread_cond_t c;
	int turn;
};

static int ping(void *arg)
{
	struct pair *p = arg;

	pthread_mutex_lock(&p->m);
	for (int i = 0; i < 50; i++) {
		while (p->turn != 1)
			pthread_cond_wait(&p->c, &p->m);
		p->turn = 0;
		pthread_cond_broadcast(&p->c);
	}
	pthread_mutex_unlock(&p->m);
	return 0;
}

CASE(a_condition_between_processes)
{
	struct pair *p = shared_memory(sizeof(*p));
	pthread_condattr_t a;
	int status;
	pid_t pid;

	make(&p->m, PTHREAD_MUTEX_NORMAL, SHARED);
	MUST(pthread_condattr_init(&a));
	MUST(pthread_condattr_setpshared(&a, PTHREAD_PROCESS_SHARED));
	MUST(pthread_cond_init(&p->c, &a));
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(ping(p));
	MUST(pthread_mutex_lock(&p->m));
	for (int i = 0; i < 50; i++) {
		p->turn = 1;
		MUST(pthread_cond_broadcast(&p->c));
		while (p->turn)
			MUST(pthread_cond_wait(&p->c, &p->m));
	}
	MUST(pthread_mutex_unlock(&p->m));
	waitpid(pid, &status, 0);
	printf("%d\n", status);
}

/* Two files mapped one after the other, at one address. */
CASE(another_file_at_the_same_address)
{
	char name[] = "/tmp/rl-cases-XXXXXX";
	int fd[2];
	void *at = NULL;

	for (int i = 0; i < 2; i++) {
		fd[i] = mkstemp(name);
		if (fd[i] < 0 || ftruncate(fd[i], 4096))
			exit(1);
		if (i == 1)
			unlink(name);
		strcpy(name, "/tmp/rl-cases-XXXXXX");
	}
	for (int i = 0; i < 6; i++) {
		pthread_mutex_t *m = mmap(at, 4096, PROT_READ | PROT_WRITE,
					  MAP_SHARED, fd[i & 1], 0);

		if (i < 2)
			make(m, PTHREAD_MUTEX_NORMAL, SHARED);
		printf("%d\n", at == NULL || at == m);
		at = m;
		SAY(pthread_mutex_lock(m));
		SAY(in_child(child_trylock, m));
		SAY(pthread_mutex_unlock(m));
		munmap(m, 4096);
	}
}

CASE(shared_by_name_only)
{
	static pthread_mutex_t m;

	make(&m, PTHREAD_MUTEX_NORMAL, SHARED);
	SAY(pthread_mutex_lock(&m));
	SAY(in_child(child_trylock, &m));
	SAY(in_child(child_unlock, &m));
	SAY(pthread_mutex_trylock(&m));
	SAY(pthread_mutex_unlock(&m));
}
