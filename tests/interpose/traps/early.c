/* Locks before everybody's constructors, in them, and after main. */
#include <pthread.h>
#include <stdio.h>

static pthread_mutex_t early_lock = PTHREAD_MUTEX_INITIALIZER;
static int locked;

static void lock_it(void)
{
	if (pthread_mutex_lock(&early_lock) == 0)
		locked++;
	pthread_mutex_unlock(&early_lock);
}

__attribute__((section(".preinit_array"), used))
static void (*const before_all)(void) = lock_it;

__attribute__((constructor)) static void before_main(void) { lock_it(); }
__attribute__((destructor)) static void after_main(void) { lock_it(); }

int main(void)
{
	lock_it();
	printf("%d\n", locked);
	return 0;
}
