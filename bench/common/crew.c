/* The leader of a crew: gives orders, and watches. */

#include "common/crew_inside.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/futex.h"
#include "common/now.h"
#include "common/work.h"

#define HANG_MS 20000 /* who has not come back by then never will */
#define LOOK_MS 20    /* how often the leader looks */

int crew_clients(const struct crew *crew, int side)
{
	int procs = crew->plan.side[side].procs;

	return (procs ? procs : crew->plan.procs) * crew->plan.threads;
}

const pid_t *crew_pids(const struct crew *crew)
{
	return crew->pid;
}

/* ---------------------------------------------------------------- start */

static void *must(void *p)
{
	if (!p || p == MAP_FAILED) {
		perror("no memory");
		exit(2);
	}
	return p;
}

static void make_mutexes(struct crew *crew)
{
	pthread_mutexattr_t attr;
	int s;

	pthread_mutexattr_init(&attr);
	if (crew->plan.procs > 1)
		pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	for (s = 0; s < crew->plan.sides; s++)
		pthread_mutex_init(&crew->shared->of[s].mutex, &attr);
	pthread_mutexattr_destroy(&attr);
}

static void start_processes(struct crew *crew)
{
	int i;

	fflush(NULL);
	for (i = 0; i < crew->plan.procs; i++) {
		crew->pid[i] = fork();
		if (crew->pid[i] == 0)
			worker_process(crew, i);
		if (crew->pid[i] < 0) {
			perror("fork");
			exit(2);
		}
	}
}

struct crew *crew_start(const struct crew_plan *plan)
{
	struct crew *crew = must(calloc(1, sizeof(*crew)));

	crew->plan = *plan;
	crew->clients = plan->procs * plan->threads;
	crew->turns = plan->inside_ns ? work_calibrate(plan->inside_ns) : 0;
	crew->pid = must(calloc((size_t)plan->procs, sizeof(pid_t)));
	crew->size = sizeof(struct shared) +
		     (size_t)crew->clients * sizeof(struct slot);
	crew->shared = must(mmap(NULL, crew->size, PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	make_mutexes(crew);
	start_processes(crew);
	return crew;
}

/* --------------------------------------------------------------- orders */

static void give_order(struct crew *crew, enum order order, int side)
{
	struct shared *sh = crew->shared;

	sh->order = order;
	sh->side = side;
	/* The pause between phases is nobody's hand-over. */
	sh->of[side].witness.released = 0;
	atomic_store(&sh->done, 0);
	atomic_store(&sh->stop, 0);
	atomic_fetch_add(&sh->orders, 1);
	futex_wake_all(&sh->orders);
}

static bool all_done(const struct crew *crew)
{
	return atomic_load(&crew->shared->done) == (uint32_t)crew->clients;
}

static uint64_t holds(const struct crew *crew, int side)
{
	uint64_t sum = 0;
	int i;

	for (i = 0; i < crew->clients; i++)
		sum += atomic_load_explicit(
			&crew->shared->slot[i].tally[side].holds,
			memory_order_relaxed);
	return sum;
}

static uint64_t handovers(const struct crew *crew, int side)
{
	uint64_t sum = 0;
	int i;

	for (i = 0; i < crew->clients; i++)
		sum += crew->shared->slot[i].tally[side].handovers;
	return sum;
}

struct watch {
	uint64_t holds;
	int64_t looked; /* when, last */
	int64_t quiet;	/* how long it has not grown */
	int64_t stall;	/* the longest such time */
};

/* Time in which the leader itself was kept from running tells nothing of the
 * clients, who may have been kept too: of each nap little more than its length
 * is counted. */
static void look(struct crew *crew, int side, struct watch *watch)
{
	uint64_t n = holds(crew, side);
	int64_t now = now_ns();
	int64_t nap = now - watch->looked;

	if (nap > 2 * LOOK_MS * MS)
		nap = 2 * LOOK_MS * MS;
	watch->quiet = n != watch->holds ? 0 : watch->quiet + nap;
	watch->holds = n;
	watch->looked = now;
	if (watch->quiet > watch->stall)
		watch->stall = watch->quiet;
}

/* Sleeps until all are done or `until`; false: they are not. */
static bool wait_done(struct crew *crew, int side, int64_t until,
		      struct watch *watch)
{
	struct shared *sh = crew->shared;
	int64_t left;

	while (!all_done(crew) && (left = until - now_ns()) > 0) {
		struct timespec nap = { .tv_nsec = LOOK_MS * MS };

		if (left < nap.tv_nsec)
			nap.tv_nsec = left;
		futex_wait(&sh->done, atomic_load(&sh->done), &nap);
		look(crew, side, watch);
	}
	return all_done(crew);
}

static bool finish(struct crew *crew, int side, struct watch *watch)
{
	if (!wait_done(crew, side, now_ns() + HANG_MS * MS, watch)) {
		fprintf(stderr, "%s: %u of %d clients came back\n",
			crew->plan.side[side].name,
			atomic_load(&crew->shared->done), crew->clients);
		return false;
	}
	return !atomic_load(&crew->shared->failed);
}

bool crew_ready(struct crew *crew)
{
	struct watch watch = { .looked = now_ns() };

	give_order(crew, ORDER_REST, 0);
	return finish(crew, 0, &watch);
}

bool crew_open(struct crew *crew, int side)
{
	struct watch watch = { .looked = now_ns() };

	give_order(crew, ORDER_OPEN, side);
	return finish(crew, side, &watch);
}

double crew_cpu_us(const struct crew *crew)
{
	double us = 0;
	int i;

	for (i = 0; i < crew->plan.procs; i++)
		us += cpu_us_of(crew->pid[i]);
	return us;
}

static int64_t last_end(const struct crew *crew, int side)
{
	int64_t end = 0;
	int i;

	for (i = 0; i < crew_clients(crew, side); i++)
		if (crew->shared->slot[i].tally[side].ended > end)
			end = crew->shared->slot[i].tally[side].ended;
	return end;
}

void crew_once(struct crew *crew, int side)
{
	give_order(crew, ORDER_ONCE, side);
}

bool crew_wait(struct crew *crew, int side, int64_t *ended)
{
	struct watch watch = { .looked = now_ns() };
	bool fine = finish(crew, side, &watch);

	*ended = last_end(crew, side);
	return fine;
}

static void measure(struct crew *crew, int side, struct phase *p)
{
	p->holds = holds(crew, side);
	p->handovers = handovers(crew, side);
	p->client_us = crew_cpu_us(crew);
	stage_count((struct stage *)crew->plan.stage,
		    crew->plan.side[side].kind->requests, &p->server);
}

static void take_off(struct phase *p, const struct phase *before)
{
	p->holds -= before->holds;
	p->handovers -= before->handovers;
	p->client_us -= before->client_us;
	p->server.requests -= before->server.requests;
	p->server.calls -= before->server.calls;
	p->server.reads -= before->server.reads;
	p->server.cpu_us -= before->server.cpu_us;
}

bool crew_play(struct crew *crew, int side, int ms, struct phase *phase)
{
	struct watch watch = { .stall = 0 };
	struct phase before;
	int64_t began;
	bool fine;

	measure(crew, side, &before);
	began = now_ns();
	watch.looked = began;
	watch.holds = before.holds;
	give_order(crew, ORDER_PLAY, side);
	wait_done(crew, side, began + ms * MS, &watch);
	atomic_store(&crew->shared->stop, 1);
	fine = finish(crew, side, &watch);
	measure(crew, side, phase);
	take_off(phase, &before);
	phase->ns = last_end(crew, side) - began;
	phase->stall = watch.stall;
	return fine;
}

/* ------------------------------------------------------------ what was seen */

void crew_forget(struct crew *crew, int side)
{
	int i;

	for (i = 0; i < crew->clients; i++)
		memset(&crew->shared->slot[i].tally[side], 0,
		       sizeof(struct tally));
	crew->shared->of[side].witness.count = 0;
}

static void add(struct summary *s, const struct tally *t)
{
	uint64_t n = atomic_load(&t->holds);

	atomic_fetch_add(&s->sum.holds, n);
	s->sum.handovers += t->handovers;
	s->sum.overlaps += t->overlaps;
	s->sum.disorders += t->disorders;
	s->sum.errors += t->errors;
	hist_merge(&s->sum.wait, &t->wait);
	hist_merge(&s->sum.pair, &t->pair);
	hist_merge(&s->sum.handover, &t->handover);
	if (n < s->least)
		s->least = n;
	if (n > s->most)
		s->most = n;
}

static void add_process(struct summary *s, uint64_t n)
{
	if (n < s->least_proc)
		s->least_proc = n;
	if (n > s->most_proc)
		s->most_proc = n;
	s->procs++;
}

void crew_summary(struct crew *crew, int side, struct summary *s)
{
	const struct shared *sh = crew->shared;
	int clients = crew_clients(crew, side), i;
	uint64_t before = 0;

	memset(s, 0, sizeof(*s));
	s->least = s->least_proc = UINT64_MAX;
	for (i = 0; i < clients; i++) {
		add(s, &sh->slot[i].tally[side]);
		if ((i + 1) % crew->plan.threads)
			continue;
		add_process(s, atomic_load(&s->sum.holds) - before);
		before = atomic_load(&s->sum.holds);
	}
	if (!crew->plan.side[side].own)
		s->lost = before - sh->of[side].witness.count;
}

/* ------------------------------------------------------------------ end */

static bool reap(pid_t pid, int64_t until)
{
	const struct timespec nap = { .tv_nsec = MS };
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (now_ns() > until) {
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			break;
		}
		nanosleep(&nap, NULL);
	}
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool crew_end(struct crew *crew)
{
	/* Who hangs need not be waited for again. */
	int64_t until = now_ns() + (all_done(crew) ? HANG_MS : 0) * MS;
	bool fine = true;
	int i;

	give_order(crew, ORDER_QUIT, 0);
	for (i = 0; i < crew->plan.procs; i++)
		fine = reap(crew->pid[i], until) && fine;
	munmap(crew->shared, crew->size);
	free(crew->pid);
	free(crew);
	return fine;
}
