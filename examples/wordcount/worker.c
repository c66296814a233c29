#include "worker.h"

#include "count.h"
#include "result.h"

#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rl/rl.h>

struct worker {
	const struct job *job;
	struct result_file file;
	rl_mutex_t mutex;	/* the one lock object of this process */
};

struct counter {
	struct worker *worker;
	pthread_t thread;
	unsigned number;	/* among the threads of all workers */
	bool die;
};

static void fail(const char *call, int error)
{
	errx(2, "%s: %s: %s", call, rl_strerror(error), rl_last_error());
}

/*
 * All the attributes that the program insists on; who owns a lock, how long
 * a lease is and where the servers are is left to the environment.
 */
static void make_mutex(struct worker *worker)
{
	rl_mutexattr_t attr;
	char name[1024];
	int error;

	snprintf(name, sizeof(name), "wordcount:%s", worker->job->path);
	error = rl_mutexattr_init(&attr);
	if (!error)
		error = rl_mutexattr_setrobust(&attr, RL_MUTEX_ROBUST);
	if (!error)
		error = rl_mutex_init(&worker->mutex, name, &attr);
	if (error)
		fail("rl_mutex_init", error);
	rl_mutexattr_destroy(&attr);
}

/* The last holder died: nobody but us can know what it left half done. */
static void repair(struct worker *worker)
{
	struct board *board = worker->job->board;
	int error;

	atomic_fetch_add(&board->owner_died, 1);
	if (result_repair(&worker->file))
		atomic_fetch_add(&board->repairs, 1);
	error = rl_mutex_consistent(&worker->mutex);
	if (error)
		fail("rl_mutex_consistent", error);
}

static void enter(struct worker *worker)
{
	int error;

	if (!worker->job->lock)
		return;
	error = rl_mutex_lock(&worker->mutex);
	if (error == EOWNERDEAD)
		repair(worker);
	else if (error)
		fail("rl_mutex_lock", error);
	atomic_fetch_add(&worker->job->board->locks, 1);
}

static void leave(struct worker *worker)
{
	int error;

	if (!worker->job->lock)
		return;
	error = rl_mutex_unlock(&worker->mutex);
	if (error)
		fail("rl_mutex_unlock", error);
}

/* 0, or more if this thread takes the place of one that died. */
static unsigned long parts_done(struct counter *me)
{
	struct result result;

	enter(me->worker);
	result_read(&me->worker->file, &result);
	leave(me->worker);
	return (unsigned long)result.n[COUNTS + me->number];
}

static void add_part(struct counter *me, unsigned long part, unsigned long at)
{
	struct worker *worker = me->worker;
	const struct job *job = worker->job;
	size_t len = job->text->len;
	struct counts counts = { { 0 } };

	count_words(job->text, len * at / job->parts,
		    len * (at + 1) / job->parts, &counts);

	enter(worker);
	result_add(&worker->file, &counts, me->number, part,
		   me->die && at > job->parts / 2);
	leave(worker);
	atomic_fetch_add(&job->board->updates, 1);
}

/* The parts are dealt out to the threads of all workers like cards. */
static void *count_my_parts(void *arg)
{
	struct counter *me = arg;
	const struct job *job = me->worker->job;
	unsigned long step = job->workers * job->threads;
	unsigned long part = parts_done(me);
	unsigned long at;

	while ((at = me->number + part * step) < job->parts)
		add_part(me, part++, at);
	return NULL;
}

static void start(struct counter *me, struct worker *worker, unsigned number)
{
	int error;

	me->worker = worker;
	me->number = number;
	error = pthread_create(&me->thread, NULL, count_my_parts, me);
	if (error)
		errx(2, "pthread_create: %s", strerror(error));
}

int worker_run(const struct job *job, unsigned number, bool die)
{
	struct worker worker = { .job = job };
	struct counter *counter = calloc(job->threads, sizeof(*counter));

	if (!counter)
		err(2, "memory");
	result_open(&worker.file, job->path, job->workers * job->threads);
	if (job->lock)
		make_mutex(&worker);

	counter[0].die = die;
	for (unsigned i = 0; i < job->threads; i++)
		start(&counter[i], &worker, number * job->threads + i);
	for (unsigned i = 0; i < job->threads; i++)
		pthread_join(counter[i].thread, NULL);

	if (job->lock)
		rl_mutex_destroy(&worker.mutex);
	result_close(&worker.file);
	free(counter);
	return 0;
}
