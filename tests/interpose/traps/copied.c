/* Uses a mutex of a library, directly: see lib/copied.c. */
#include <pthread.h>
#include <stdio.h>

extern pthread_mutex_t copied_lock;

int main(void)
{
	printf("%d\n", pthread_mutex_lock(&copied_lock));
	printf("%d\n", pthread_mutex_unlock(&copied_lock));
	return 0;
}
