/*
 * Has a clock_gettime() of its own, with a mutex that is bound as well; rl's
 * keeper calls it, too, and rl as the program ends. What is locked there must
 * be left alone by rl itself.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t jobs_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t calls_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_t main_thread;
static atomic_int by_others;

int clock_gettime(clockid_t clock, struct timespec *now)
{
	pthread_mutex_lock(&calls_lock);
	if (!pthread_equal(pthread_self(), main_thread))
		by_others++;
	pthread_mutex_unlock(&calls_lock);
	return (int)syscall(SYS_clock_gettime, clock, now);
}

int main(void)
{
	int i;

	alarm(20);
	main_thread = pthread_self();
	printf("%d\n", pthread_mutex_lock(&jobs_lock));
	/* Three leases long. */
	for (i = 0; i < 180 || by_others < 3; i++)
		usleep(10000);
	printf("%d\n", pthread_mutex_unlock(&jobs_lock));
	return 0;
}
