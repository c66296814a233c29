/*
 * Takes a lock a number of times in one of the ways of --mode, and does
 * nothing else: for counting instructions. Two runs with different --holds
 * differ by those of the holds.
 *
 *	bare, bare-async	the floor
 *	sync, async		rl, uncontended
 *	recursive		lock and unlock once more what is held
 *	fence, remaining	asked of a hold
 *	handover		two threads to which the server hands it
 *	pass			two threads that pass a lock on to each other
 *	pthread			a pthread mutex, uncontended
 *	pthread-pass		two threads that use one
 */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rl/rl.h>

#include "common/kind.h"
#include "common/options.h"
#include "common/stage.h"

static struct options o = { .rounds = 1, .ms = 1, .procs = 1, .threads = 1,
			    .holds = 1000, .mode = "sync" };
static struct stage stage;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void must(int err)
{
	if (err)
		exit(1);
}

static void *open_kind(const struct kind *kind, struct terms terms)
{
	char url[300];
	void *lock;

	/* A server whose instructions are counted is slow. */
	snprintf(url, sizeof(url),
		 "%s?command_timeout=30000&connect_timeout=30000", stage.url);
	terms.url = url;
	terms.path = stage.server->addr.path;
	terms.mutex = &mutex;
	snprintf(terms.name, sizeof(terms.name), "local");
	must(kind->open(&terms, &lock));
	return lock;
}

struct job {
	const struct kind *kind;
	void *lock;
};

static void *take(void *arg)
{
	struct job *job = arg;
	long i;

	for (i = 0; i < o.holds; i++) {
		must(job->kind->lock(job->lock));
		must(job->kind->unlock(job->lock));
	}
	return NULL;
}

static void alone(const struct kind *kind, struct terms terms)
{
	struct job job = { kind, open_kind(kind, terms) };

	take(&job);
	kind->close(job.lock);
}

/* One object for both. */
static void two_threads(const struct kind *kind, struct terms terms)
{
	struct job job = { kind, open_kind(kind, terms) };
	pthread_t other;

	must(pthread_create(&other, NULL, take, &job));
	take(&job);
	pthread_join(other, NULL);
	kind->close(job.lock);
}

static void of_a_hold(void)
{
	void *lock = open_kind(&kind_rl, (struct terms){ .async = false });
	struct timespec left;
	uint64_t fence;
	long i;

	must(kind_rl.lock(lock));
	for (i = 0; i < o.holds; i++)
		must(!strcmp(o.mode, "fence")
			     ? rl_mutex_fence(lock, &fence)
			     : rl_mutex_remaining(lock, &left));
	must(kind_rl.unlock(lock));
	kind_rl.close(lock);
}

static void recursive(void)
{
	rl_mutexattr_t attr;
	rl_mutex_t m;
	long i;

	must(rl_mutexattr_init(&attr));
	must(rl_mutexattr_setservers(&attr, stage.url));
	must(rl_mutexattr_settype(&attr, RL_MUTEX_RECURSIVE));
	must(rl_mutex_init(&m, "local", &attr));
	must(rl_mutexattr_destroy(&attr));
	must(rl_mutex_lock(&m));
	for (i = 0; i < o.holds; i++) {
		must(rl_mutex_lock(&m));
		must(rl_mutex_unlock(&m));
	}
	must(rl_mutex_unlock(&m));
	must(rl_mutex_destroy(&m));
}

static void run(const char *mode)
{
	const struct terms plain = { .async = false };
	const struct terms async = { .async = true };
	const struct terms local = { .process = true, .slice_us = 1000000 };

	if (!strcmp(mode, "bare"))
		alone(&kind_bare, plain);
	else if (!strcmp(mode, "bare-async"))
		alone(&kind_bare_async, plain);
	else if (!strcmp(mode, "sync"))
		alone(&kind_rl, plain);
	else if (!strcmp(mode, "async"))
		alone(&kind_rl, async);
	else if (!strcmp(mode, "recursive"))
		recursive();
	else if (!strcmp(mode, "fence") || !strcmp(mode, "remaining"))
		of_a_hold();
	else if (!strcmp(mode, "handover"))
		two_threads(&kind_rl, plain);
	else if (!strcmp(mode, "pass"))
		two_threads(&kind_rl, local);
	else if (!strcmp(mode, "pthread"))
		alone(&kind_pthread, plain);
	else if (!strcmp(mode, "pthread-pass"))
		two_threads(&kind_pthread, plain);
	else
		must(1);
}

int main(int argc, char **argv)
{
	options_read(&o, argc, argv);
	stage_open(&stage, &o, 1);
	run(o.mode);
	/* Not killed: the server may be run by what counts its instructions. */
	server_shutdown(stage.server);
	stage_close(&stage);
	return 0;
}
