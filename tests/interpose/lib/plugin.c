/* A library with a mutex of its own, locked by its constructor too. */
#include <pthread.h>

static pthread_mutex_t plugin_lock = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void loaded(void)
{
	pthread_mutex_lock(&plugin_lock);
	pthread_mutex_unlock(&plugin_lock);
}

pthread_mutex_t *plugin_mutex(void);
pthread_mutex_t *plugin_mutex(void)
{
	return &plugin_lock;
}
