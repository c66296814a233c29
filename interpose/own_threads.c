/*
 * rl's own threads: the keeper, and those that look names up; and rl's own work
 * as a thread of the program ends, or the program does. The linker sends the
 * core's calls of these here (--wrap), and no others.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "interpose/inside.h"
#include "sync/ends.h"

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

void __real_rli_thread_ends(struct rli_thread *self);
void __wrap_rli_thread_ends(struct rli_thread *self);

void __wrap_rli_thread_ends(struct rli_thread *self)
{
	rli_enter();
	__real_rli_thread_ends(self);
	rli_leave();
}

void __real_rli_process_ends(void);
void __wrap_rli_process_ends(void);

void __wrap_rli_process_ends(void)
{
	rli_enter();
	__real_rli_process_ends();
	rli_leave();
}
