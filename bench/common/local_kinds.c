/* What one machine has without a server. */

#include "common/kind.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

/* --------------------------------------------------------- pthread mutex */

static int pthread_open(const struct terms *terms, void **lock)
{
	*lock = terms->mutex;
	return 0;
}

static int pthread_lock(void *lock)
{
	return pthread_mutex_lock(lock);
}

static int pthread_unlock(void *lock)
{
	return pthread_mutex_unlock(lock);
}

static void pthread_close(void *lock)
{
	(void)lock;
}

const struct kind kind_pthread = {
	.requests = "",
	.open = pthread_open,
	.lock = pthread_lock,
	.unlock = pthread_unlock,
	.close = pthread_close,
};

/* ----------------------------------------------------------------- flock */

static int flock_open(const struct terms *terms, void **lock)
{
	int *fd = malloc(sizeof(*fd));

	if (!fd)
		return ENOMEM;
	*fd = open(terms->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	*lock = fd;
	return *fd < 0 ? errno : 0;
}

static int flock_lock(void *lock)
{
	return flock(*(int *)lock, LOCK_EX) ? errno : 0;
}

static int flock_unlock(void *lock)
{
	return flock(*(int *)lock, LOCK_UN) ? errno : 0;
}

static void flock_close(void *lock)
{
	close(*(int *)lock);
	free(lock);
}

const struct kind kind_flock = {
	.requests = "",
	.open = flock_open,
	.lock = flock_lock,
	.unlock = flock_unlock,
	.close = flock_close,
};
