/* A variable of a library of which a program at fixed addresses has a copy,
 * which is the one that everybody uses. */
#include <pthread.h>

extern pthread_mutex_t copied_lock;
pthread_mutex_t copied_lock = PTHREAD_MUTEX_INITIALIZER;
