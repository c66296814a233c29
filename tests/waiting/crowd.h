#ifndef TESTS_WAITING_CROWD_H
#define TESTS_WAITING_CROWD_H

/*
 * Many threads in several processes that take one lock again and again, and
 * watch from inside whether anybody else is there. Without Criterion: for
 * plain programs too.
 */

#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "waiting/party.h"

#define CROWD_MAX 64

/* Shared by the processes. */
struct field {
	struct plan plan;
	int processes, threads; /* of each process */
	long target;		/* holds in all */
	atomic_int ready;
	atomic_int go;
	atomic_int inside;
	atomic_long overlaps, errors;
	/* Under the lock that is tested, and nothing else: */
	volatile long sum;
	volatile int last;	     /* who had it last, from 1 */
	volatile long turns;	     /* of processes: how often it changed */
	volatile int64_t released;   /* when */
	volatile int64_t longest;    /* from a release to the next hold, ns */
	volatile uint64_t fence;
	volatile long fences_back;
	long holds[CROWD_MAX];	     /* each thread its own */
	int64_t began, ended;
};

struct crowd_member {
	struct field *field;
	rl_mutex_t *mutex;
	int number;
};

static inline struct field *field_new(const struct plan *plan, int processes,
				      int threads, long target)
{
	struct field *f = mmap(NULL, sizeof(*f), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	TEST_MUST(f != MAP_FAILED && processes * threads <= CROWD_MAX);
	f->plan = *plan;
	f->processes = processes;
	f->threads = threads;
	f->target = target;
	return f;
}

static inline void field_free(struct field *f)
{
	munmap(f, sizeof(*f));
}

/* In the critical section; false when there has been enough. */
static inline bool crowd_use(struct crowd_member *me)
{
	struct field *f = me->field;
	int64_t gap = f->released ? wait_now_ns() - f->released : 0;
	int process = me->number / f->threads + 1;
	bool more = f->sum < f->target;
	uint64_t fence = 0;

	if (atomic_exchange(&f->inside, 1))
		atomic_fetch_add(&f->overlaps, 1);
	if (gap > f->longest)
		f->longest = gap;
	if (f->last != process)
		f->turns++;
	f->last = process;
	if (rl_mutex_fence(me->mutex, &fence) || fence < f->fence)
		f->fences_back++;
	f->fence = fence;
	if (more) {
		long seen = f->sum;

		if (seen % 8 == 0)
			sched_yield();
		f->sum = seen + 1;
		f->holds[me->number]++;
	}
	f->released = wait_now_ns();
	atomic_store(&f->inside, 0);
	return more;
}

static inline void *crowd_run(void *arg)
{
	struct crowd_member *me = arg;
	struct field *f = me->field;
	bool more = true;
	int err = rl_mutex_lock(me->mutex);

	/* Each has its connection before the first hold is counted. */
	if (!err)
		err = rl_mutex_unlock(me->mutex);
	atomic_fetch_add(&f->ready, 1);
	while (!atomic_load(&f->go))
		sched_yield();
	while (more && !err) {
		err = rl_mutex_lock(me->mutex);
		if (err)
			break;
		more = crowd_use(me);
		err = rl_mutex_unlock(me->mutex);
	}
	if (err) {
		atomic_fetch_add(&f->errors, 1);
		fprintf(stderr, "%s\n", rl_last_error());
	}
	return NULL;
}

static inline int crowd_process(struct proc *self, void *arg)
{
	struct field *f = arg;
	struct crowd_member member[CROWD_MAX];
	pthread_t thread[CROWD_MAX];
	rl_mutex_t mutex;
	int first = (int)proc_hear(self) * f->threads;

	plan_mutex(&f->plan, &mutex);
	for (int i = 0; i < f->threads; i++) {
		member[i] = (struct crowd_member){ f, &mutex, first + i };
		PROC_CHECK(!pthread_create(&thread[i], NULL, crowd_run,
					   &member[i]));
	}
	for (int i = 0; i < f->threads; i++)
		PROC_CHECK(!pthread_join(thread[i], NULL));
	PROC_CHECK(!rl_mutex_destroy(&mutex));
	return 0;
}

/* Lets them all run to the end; how many processes failed. */
static inline int crowd(struct field *f)
{
	struct proc *p[CROWD_MAX];
	int failed = 0;

	for (int i = 0; i < f->processes; i++) {
		p[i] = proc_start(PROC_PROCESS, crowd_process, f);
		proc_tell(p[i], i);
	}
	while (atomic_load(&f->ready) < f->processes * f->threads)
		sched_yield();
	f->began = wait_now_ns();
	atomic_store(&f->go, 1);
	for (int i = 0; i < f->processes; i++)
		failed += proc_join_ms(p[i], 600000) != 0;
	f->ended = wait_now_ns();
	return failed;
}

static inline long crowd_slowest(const struct field *f)
{
	long least = f->holds[0];

	for (int i = 1; i < f->processes * f->threads; i++)
		if (f->holds[i] < least)
			least = f->holds[i];
	return least;
}

static inline long crowd_fastest(const struct field *f)
{
	long most = 0;

	for (int i = 0; i < f->processes * f->threads; i++)
		if (f->holds[i] > most)
			most = f->holds[i];
	return most;
}

static inline void crowd_report(const struct field *f, const char *what)
{
	double s = (double)(f->ended - f->began) / 1e9;

	fprintf(stderr, "%s: %d x %d: %ld holds in %.2f s (%.0f/s), %ld "
		"changes of process, slowest %ld, fastest %ld, longest gap %.1f ms\n",
		what, f->processes, f->threads, f->sum, s, (double)f->sum / s,
		f->turns, crowd_slowest(f), crowd_fastest(f),
		(double)f->longest / 1e6);
}

#endif
