/* A client: opens its locks, and takes them as often as it can. */

#include "common/crew_inside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <signal.h>
#include <unistd.h>

#include "common/futex.h"
#include "common/now.h"
#include "common/work.h"

struct worker {
	struct crew *crew;
	int who, proc, thread;
	struct slot *slot;
	void *lock[SIDES_MAX];
	unsigned turn;
	pthread_t handle;
};

/* Objects that the threads of this process share; made under the mutex. */
static void *common[SIDES_MAX];
static pthread_mutex_t common_guard = PTHREAD_MUTEX_INITIALIZER;

static void terms_of(struct worker *w, int s, struct terms *t)
{
	const struct stage *stage = w->crew->plan.stage;
	const struct side *side = &w->crew->plan.side[s];

	*t = (struct terms){
		.url = stage->url,
		.path = stage->server->addr.path,
		.port = stage->server->port,
		.process = side->per_process,
		.async = side->async,
		.delegated = side->delegated,
		.mutex = &w->crew->shared->of[s].mutex,
	};
	if (stage->server->port)
		t->path = NULL;
	if (side->own)
		snprintf(t->name, sizeof(t->name), "%s-%d", side->name,
			 w->who);
	else
		snprintf(t->name, sizeof(t->name), "%s", side->name);
}

static int open_lock(struct worker *w, int s)
{
	const struct side *side = &w->crew->plan.side[s];
	struct terms terms;
	int err = 0;

	terms_of(w, s, &terms);
	if (!side->per_process)
		return side->kind->open(&terms, &w->lock[s]);
	pthread_mutex_lock(&common_guard);
	if (!common[s])
		err = side->kind->open(&terms, &common[s]);
	pthread_mutex_unlock(&common_guard);
	w->lock[s] = common[s];
	return err;
}

/* ------------------------------------------------------------- one hold */

static void inside(struct worker *w, int s, struct visit *v)
{
	const struct side *side = &w->crew->plan.side[s];
	struct tally *t = &w->slot->tally[s];
	struct witness *witness = side->own ? &w->slot->own[s]
				: &w->crew->shared->of[s].witness;

	witness_enter(witness, t, v);
	work(w->crew->turns);
	witness_leave(witness, t, v);
}

static int timed_hold(struct worker *w, int s)
{
	const struct side *side = &w->crew->plan.side[s];
	struct tally *t = &w->slot->tally[s];
	struct visit v = { .who = w->who, .proc = w->proc,
			   .again = side->per_process };
	int64_t began = now_ns();
	int err = side->kind->lock(w->lock[s]);

	if (err)
		return err;
	v.now = now_ns();
	if (side->kind->fence)
		err = side->kind->fence(w->lock[s], &v.fence);
	inside(w, s, &v);
	if (!err)
		err = side->kind->unlock(w->lock[s]);
	hist_add(&t->pair, now_ns() - began);
	hist_add(&t->wait, v.now - began);
	return err;
}

static int plain_hold(struct worker *w, int s)
{
	const struct side *side = &w->crew->plan.side[s];
	struct visit v = { .who = w->who, .proc = w->proc };
	int err = side->kind->lock(w->lock[s]);

	if (err)
		return err;
	inside(w, s, &v);
	return side->kind->unlock(w->lock[s]);
}

static int one_hold(struct worker *w, int s)
{
	struct tally *t = &w->slot->tally[s];
	bool timed = w->turn == 0;
	int err;

	w->turn = timed ? (unsigned)w->crew->plan.side[s].sample - 1
			: w->turn - 1;
	err = timed ? timed_hold(w, s) : plain_hold(w, s);
	/* One writer: nothing to be added atomically. */
	atomic_store_explicit(&t->holds,
		atomic_load_explicit(&t->holds, memory_order_relaxed) + 1,
		memory_order_relaxed);
	return err;
}

/* --------------------------------------------------------------- orders */

static int play(struct worker *w, int s)
{
	struct shared *sh = w->crew->shared;
	int err = 0;

	w->turn = 0;
	while (!err && !atomic_load_explicit(&sh->stop, memory_order_relaxed))
		err = one_hold(w, s);
	w->slot->tally[s].ended = now_ns();
	return err;
}

static int obey(struct worker *w)
{
	struct shared *sh = w->crew->shared;
	int s = sh->side, err;

	if (w->who >= crew_clients(w->crew, s) || sh->order == ORDER_REST)
		return 0;
	if (sh->order == ORDER_PLAY)
		return play(w, s);
	w->turn = 0;
	err = sh->order == ORDER_OPEN ? open_lock(w, s) : 0;
	if (!err)
		err = one_hold(w, s);
	w->slot->tally[s].ended = now_ns();
	return err;
}

static void failed(struct worker *w, int err)
{
	struct shared *sh = w->crew->shared;

	fprintf(stderr, "client %d: error %d\n", w->who, err);
	w->slot->tally[sh->side].errors++;
	atomic_store(&sh->failed, 1);
	atomic_store(&sh->stop, 1);
}

static void report_done(struct worker *w)
{
	struct shared *sh = w->crew->shared;

	if (atomic_fetch_add(&sh->done, 1) + 1 == (uint32_t)w->crew->clients)
		futex_wake_all(&sh->done);
}

static void close_locks(struct worker *w)
{
	int s;

	for (s = 0; s < w->crew->plan.sides; s++)
		if (w->lock[s] && !w->crew->plan.side[s].per_process)
			w->crew->plan.side[s].kind->close(w->lock[s]);
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct shared *sh = w->crew->shared;
	uint32_t seen = 0;
	int err;

	for (;;) {
		while (atomic_load(&sh->orders) == seen)
			futex_wait(&sh->orders, seen, NULL);
		seen++;
		if (sh->order == ORDER_QUIT)
			break;
		err = obey(w);
		if (err)
			failed(w, err);
		report_done(w);
	}
	close_locks(w);
	return NULL;
}

static void start_thread(struct worker *w)
{
	pthread_attr_t attr;
	int err;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 256 * 1024);
	err = pthread_create(&w->handle, &attr, worker_main, w);
	if (err) {
		fprintf(stderr, "pthread_create: %s\n", strerror(err));
		_exit(1);
	}
	pthread_attr_destroy(&attr);
}

_Noreturn void worker_process(struct crew *crew, int proc)
{
	int n = crew->plan.threads, i;
	struct worker *w = calloc((size_t)n, sizeof(*w));

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!w)
		_exit(1);
	for (i = 0; i < n; i++) {
		w[i].crew = crew;
		w[i].proc = proc;
		w[i].thread = i;
		w[i].who = proc * n + i;
		w[i].slot = &crew->shared->slot[w[i].who];
	}
	for (i = 1; i < n; i++)
		start_thread(&w[i]);
	worker_main(&w[0]);
	for (i = 1; i < n; i++)
		pthread_join(w[i].handle, NULL);
	for (i = 0; i < crew->plan.sides; i++)
		if (common[i])
			crew->plan.side[i].kind->close(common[i]);
	_exit(0);
}
