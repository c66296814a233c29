/*
 * The mutexes and conditions of C11. glibc's are pthread mutexes and
 * conditions under another name, but call them inside, past every hook.
 */
#include <errno.h>
#include <threads.h>

#include "interpose/hook.h"
#include "interpose/wait.h"

_Static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t),
	       "mtx_t is a pthread_mutex_t");
_Static_assert(sizeof(cnd_t) == sizeof(pthread_cond_t),
	       "cnd_t is a pthread_cond_t");

static pthread_mutex_t *mutex_of(mtx_t *mtx)
{
	return (pthread_mutex_t *)(void *)mtx;
}

static pthread_cond_t *cond_of(cnd_t *cnd)
{
	return (pthread_cond_t *)(void *)cnd;
}

static int thrd(int err)
{
	switch (err) {
	case 0:
		return thrd_success;
	case EBUSY:
		return thrd_busy;
	case ETIMEDOUT:
		return thrd_timedout;
	case ENOMEM:
		return thrd_nomem;
	default:
		return thrd_error;
	}
}

RLI_HOOK int mtx_lock(mtx_t *mtx)
{
	return thrd(pthread_mutex_lock(mutex_of(mtx)));
}

RLI_HOOK int mtx_trylock(mtx_t *mtx)
{
	return thrd(pthread_mutex_trylock(mutex_of(mtx)));
}

RLI_HOOK int mtx_timedlock(mtx_t *restrict mtx,
			   const struct timespec *restrict until)
{
	return thrd(pthread_mutex_timedlock(mutex_of(mtx), until));
}

RLI_HOOK int mtx_unlock(mtx_t *mtx)
{
	return thrd(pthread_mutex_unlock(mutex_of(mtx)));
}

RLI_HOOK int mtx_init(mtx_t *mtx, int type)
{
	int result = rli_real.mtx_init(mtx, type);

	if (result == thrd_success && rli_caught(mtx))
		rli_hold_forget(mutex_of(mtx));
	return result;
}

RLI_HOOK void mtx_destroy(mtx_t *mtx)
{
	rli_real.mtx_destroy(mtx);
	if (rli_caught(mtx))
		rli_hold_forget(mutex_of(mtx));
}

RLI_HOOK int cnd_wait(cnd_t *cnd, mtx_t *mtx)
{
	const struct rli_wait_call w = { RLI_WAIT, cond_of(cnd), mutex_of(mtx),
					 0, NULL };

	if (!rli_caught(mtx))
		return rli_real.cnd_wait(cnd, mtx);
	return thrd(rli_wait(&w));
}

RLI_HOOK int cnd_timedwait(cnd_t *restrict cnd, mtx_t *restrict mtx,
			   const struct timespec *restrict until)
{
	const struct rli_wait_call w = { RLI_WAIT_TIMED, cond_of(cnd),
					 mutex_of(mtx), 0, until };

	if (!rli_caught(mtx))
		return rli_real.cnd_timedwait(cnd, mtx, until);
	return thrd(rli_wait(&w));
}
