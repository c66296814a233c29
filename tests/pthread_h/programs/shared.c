/*
 * Mutex and condition in memory of two processes: ping and pong. The second
 * mutex is initialised by the child and found by the parent.
 */
#include "say.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct table {
	pthread_mutex_t m;
	pthread_mutex_t later;
	pthread_cond_t turned;
	int turn;
	int rallies;
	long hits;
};

static void make(pthread_mutex_t *m)
{
	pthread_mutexattr_t attr;

	MUST(pthread_mutexattr_init(&attr));
	MUST(pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED));
	MUST(pthread_mutex_init(m, &attr));
	MUST(pthread_mutexattr_destroy(&attr));
}

static void play(struct table *t, int side)
{
	for (int i = 0; i < 50; i++) {
		MUST(pthread_mutex_lock(&t->m));
		while (t->turn != side)
			MUST(pthread_cond_wait(&t->turned, &t->m));
		t->turn = !side;
		t->rallies++;
		MUST(pthread_cond_broadcast(&t->turned));
		MUST(pthread_mutex_unlock(&t->m));
	}
	for (int i = 0; i < 200; i++) {
		MUST(pthread_mutex_lock(&t->later));
		t->hits++;
		MUST(pthread_mutex_unlock(&t->later));
	}
}

int main(void)
{
	pthread_condattr_t attr;
	struct table *t;
	int status = 0;
	pid_t pid;

	t = mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	MUST(t == MAP_FAILED);
	make(&t->m);
	MUST(pthread_condattr_init(&attr));
	MUST(pthread_condattr_setpshared(&attr, PTHREAD_PROCESS_SHARED));
	MUST(pthread_cond_init(&t->turned, &attr));
	pid = fork();
	if (pid == 0) {
		make(&t->later);
		play(t, 0);
		_exit(0);
	}
	play(t, 1);
	MUST(waitpid(pid, &status, 0) != pid);
	printf("status %d rallies %d hits %ld\n", status, t->rallies, t->hits);
	SAY(pthread_mutex_destroy(&t->m));
	SAY(pthread_mutex_destroy(&t->later));
	return 0;
}
