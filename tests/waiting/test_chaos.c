/*
 * Processes that lock, wait, give up and are killed at any moment, while the
 * server drops connections. Whatever happens, no two are inside, the fence only
 * grows, and the lock never gets stuck. RL_TEST_CHAOS_S says for how long.
 */
#include <criterion/criterion.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include "waiting/party.h"

#define MS	  1000000LL
#define PROCESSES 6
#define THREADS	  3
#define LEASE_MS  1000
#define ENOUGH	  10 /* holds */

struct arena {
	atomic_int inside; /* the process that is, 0: none */
	atomic_long overlaps, fences_back, holds, timeouts, errors;
	_Atomic uint64_t fence;
	_Atomic int64_t last_hold; /* when */
	_Atomic int64_t longest;   /* without any hold, ns */
	int64_t still; /* how late it was at most to kill one, ns */
};

static struct server *srv;
static struct plan plan;
static struct arena *arena;

static void setup(void)
{
	srv = server_start(NULL);
	plan = (struct plan){ .servers = srv->url, .lease = LEASE_MS };
	arena = mmap(NULL, sizeof(*arena), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	TEST_MUST(arena != MAP_FAILED);
}

static void teardown(void)
{
	server_stop(srv);
}

TestSuite(waiting_chaos, .init = setup, .fini = teardown);

/* Somebody who was killed inside is not there any more, and not reaped yet:
 * its successor comes a lease later. */
static void enter(void)
{
	int before = atomic_exchange(&arena->inside, (int)getpid());
	int64_t now = wait_now_ns(), gap = now - arena->last_hold;
	char state = 'Z', path[40];
	FILE *stat;

	atomic_fetch_add(&arena->holds, 1);
	if (arena->last_hold && gap > arena->longest)
		arena->longest = gap;
	arena->last_hold = now;
	if (!before)
		return;
	snprintf(path, sizeof(path), "/proc/%d/stat", before);
	stat = fopen(path, "r");
	if (stat && fscanf(stat, "%*d %*s %c", &state) != 1)
		state = 'Z';
	if (stat)
		fclose(stat);
	if (state != 'Z' && state != 'X')
		atomic_fetch_add(&arena->overlaps, 1);
}

static void use(rl_mutex_t *mutex, int i)
{
	uint64_t fence = 0;

	enter();
	if (rl_mutex_fence(mutex, &fence) || fence < arena->fence)
		atomic_fetch_add(&arena->fences_back, 1);
	arena->fence = fence;
	if (i % 4 == 0)
		sched_yield();
	atomic_store(&arena->inside, 0);
}

static void *run(void *arg)
{
	rl_mutex_t *mutex = arg;
	unsigned seed = (unsigned)wait_now_ns();

	for (int i = 0;; i++) {
		int err = i % 3 ? rl_mutex_lock(mutex)
				: timedlock_ms(mutex, rand_r(&seed) % 8);

		if (err == ETIMEDOUT) {
			atomic_fetch_add(&arena->timeouts, 1);
			continue;
		}
		if (!err) {
			use(mutex, i);
			err = rl_mutex_unlock(mutex);
		}
		if (err) {
			atomic_fetch_add(&arena->errors, 1);
			fprintf(stderr, "%d: %s\n", err, rl_last_error());
		}
	}
	return NULL;
}

/* For ever: it is killed. */
static int fighter(struct proc *self, void *arg)
{
	pthread_t thread[THREADS];
	rl_mutex_t mutex;

	(void)self;
	plan_mutex(arg, &mutex);
	for (int i = 0; i < THREADS; i++)
		PROC_CHECK(!pthread_create(&thread[i], NULL, run, &mutex));
	pthread_join(thread[0], NULL);
	return 1;
}

static int64_t chaos_ns(void)
{
	const char *s = getenv("RL_TEST_CHAOS_S");

	return (s ? atol(s) : 3) * 1000 * MS;
}

/* On a machine that is busy it goes on until there is something to judge. */
static bool is_enough(int64_t end)
{
	int64_t now = wait_now_ns();

	return now > end && (arena->holds > ENOUGH || now > end + 20000 * MS);
}

static void fight(void)
{
	struct proc *p[PROCESSES];
	int64_t end = wait_now_ns() + chaos_ns();
	unsigned seed = (unsigned)end;
	int kills = 0;

	for (int i = 0; i < PROCESSES; i++)
		p[i] = proc_start(PROC_PROCESS, fighter, &plan);
	while (!is_enough(end)) {
		struct timespec ts = from_ms(rand_r(&seed) % 40);
		int i = rand_r(&seed) % PROCESSES;
		int64_t due = wait_now_ns() + ts.tv_nsec, late;

		nanosleep(&ts, NULL);
		if (rand_r(&seed) % 4 == 0)
			server_ask(srv, "CLIENT KILL TYPE normal SKIPME yes");
		proc_kill(p[i]);
		kills++;
		p[i] = proc_start(PROC_PROCESS, fighter, &plan);
		late = wait_now_ns() - due;
		if (late > arena->still)
			arena->still = late;
	}
	for (int i = 0; i < PROCESSES; i++)
		proc_kill(p[i]);
	fprintf(stderr, "%d kills, %ld holds, %ld waits timed out, longest "
		"without a hold %.0f ms, at most %.0f ms late\n", kills,
		arena->holds, arena->timeouts, (double)arena->longest / 1e6,
		(double)arena->still / 1e6);
}

static void judge(void)
{
	/* Where nothing runs for a good part of a lease, some are lost; and who
	 * has lost his comes to use() all the same. */
	if (arena->still < LEASE_MS / 10 * MS) {
		cr_expect_eq(arena->errors, 0);
		cr_expect_eq(arena->overlaps, 0);
		cr_expect_eq(arena->fences_back, 0);
	}
	cr_expect_gt(arena->holds, ENOUGH);
	/* A killed holder's lease, and a hand-off that a killed waiter did not
	 * claim, one after the other. */
	cr_expect_lt(arena->longest, 4000 * MS + 2 * arena->still);
}

Test(waiting_chaos, of_threads, .timeout = 900)
{
	fight();
	judge();
}

Test(waiting_chaos, of_processes, .timeout = 900)
{
	plan.granularity = RL_GRANULARITY_PROCESS;
	fight();
	judge();
}

Test(waiting_chaos, of_hosts, .timeout = 900)
{
	plan.granularity = RL_GRANULARITY_HOST;
	fight();
	judge();
}

Test(waiting_chaos, of_processes_that_delegate, .timeout = 900)
{
	plan.granularity = RL_GRANULARITY_PROCESS;
	plan.delegation = RL_DELEGATION_ON;
	fight();
	judge();
}

Test(waiting_chaos, of_hosts_that_delegate, .timeout = 900)
{
	plan.granularity = RL_GRANULARITY_HOST;
	plan.delegation = RL_DELEGATION_ON;
	fight();
	judge();
}
