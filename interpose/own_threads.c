/*
 * rl's own threads: the keeper, and those that look names up. The linker sends
 * the core's calls of pthread_create here (--wrap), and no others.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "interpose/inside.h"

_Thread_local int rli_inside __attribute__((tls_model("initial-exec")));

struct birth {
	void *(*run)(void *);
	void *arg;
};

int __real_pthread_create(pthread_t *, const pthread_attr_t *,
			  void *(*)(void *), void *);
int __wrap_pthread_create(pthread_t *, const pthread_attr_t *,
			  void *(*)(void *), void *);

static void *born(void *arg)
{
	struct birth birth;

	rli_enter();
	birth = *(struct birth *)arg;
	rli_free(arg);
	return birth.run(birth.arg);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
			  void *(*run)(void *), void *arg)
{
	struct birth *birth = rli_malloc(sizeof(*birth));
	int err;

	if (!birth)
		return EAGAIN;
	*birth = (struct birth){ run, arg };
	err = __real_pthread_create(thread, attr, born, birth);
	if (err)
		rli_free(birth);
	return err;
}
