/* As a program that was linked in 2002 calls them. */
#include <pthread.h>
#include <stdio.h>
#include <time.h>

int __pthread_mutex_lock(pthread_mutex_t *);
int __pthread_mutex_unlock(pthread_mutex_t *);
int old_wait(pthread_cond_t *, pthread_mutex_t *);
int old_timedwait(pthread_cond_t *, pthread_mutex_t *,
		  const struct timespec *);
int old_signal(pthread_cond_t *);

#ifdef __x86_64__
__asm__(".symver old_wait,pthread_cond_wait@GLIBC_2.2.5");
__asm__(".symver old_timedwait,pthread_cond_timedwait@GLIBC_2.2.5");
__asm__(".symver old_signal,pthread_cond_signal@GLIBC_2.2.5");
__asm__(".symver __pthread_mutex_lock,__pthread_mutex_lock@GLIBC_2.2.5");
__asm__(".symver __pthread_mutex_unlock,__pthread_mutex_unlock@GLIBC_2.2.5");
#else
#define old_wait pthread_cond_wait
#define old_timedwait pthread_cond_timedwait
#define old_signal pthread_cond_signal
#define __pthread_mutex_lock pthread_mutex_lock
#define __pthread_mutex_unlock pthread_mutex_unlock
#endif

static pthread_mutex_t old_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond;	/* a pointer then: zero is right */
static int ready;

static void *signaller(void *arg)
{
	__pthread_mutex_lock(&old_lock);
	ready = 1;
	old_signal(&cond);
	__pthread_mutex_unlock(&old_lock);
	return arg;
}

int main(void)
{
	struct timespec t;
	pthread_t other;

	__pthread_mutex_lock(&old_lock);
	clock_gettime(CLOCK_REALTIME, &t);
	printf("%d\n", old_timedwait(&cond, &old_lock, &t));
	pthread_create(&other, NULL, signaller, NULL);
	while (!ready)
		old_wait(&cond, &old_lock);
	__pthread_mutex_unlock(&old_lock);
	pthread_join(other, NULL);
	puts("woken");
	return 0;
}
