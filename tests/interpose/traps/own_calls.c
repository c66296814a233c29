/*
 * Has a send() of its own, with a mutex that is bound as well; rl's keeper
 * calls it, too. What is locked there must be left alone in rl's own threads.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static pthread_mutex_t jobs_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t calls_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_t main_thread;
static atomic_int by_others;

ssize_t send(int fd, const void *bytes, size_t n, int flags)
{
	pthread_mutex_lock(&calls_lock);
	if (!pthread_equal(pthread_self(), main_thread))
		by_others++;
	pthread_mutex_unlock(&calls_lock);
	return syscall(SYS_sendto, fd, bytes, n, flags, NULL, 0);
}

int main(void)
{
	alarm(20);
	main_thread = pthread_self();
	printf("%d\n", pthread_mutex_lock(&jobs_lock));
	/* Renewed three times. */
	while (by_others < 3)
		usleep(10000);
	printf("%d\n", pthread_mutex_unlock(&jobs_lock));
	return 0;
}
