/*
 * Threads and processes that hold and wait, while a minority of the nodes is
 * killed, stopped, cut off in one direction, emptied. Nobody is told anything
 * but 0, no two are inside, no fence comes twice or goes back.
 */
#include <sys/mman.h>

#include "quorum.h"

#define WORKERS 8
#define STORM_MS 3500

/* More holds than a storm can have. */
#define FENCES_MAX 100000

/* In memory that threads and processes share; plain fields are the lock's. */
struct common {
	atomic_int stop, inside;
	long sum;
	uint64_t fence;
	long done[WORKERS];	/* each its own worker's */
	/* Where any node forgets at any time, a majority may have. Where it is
	 * a minority, an unlock may be told so that comes late. */
	bool may_be_lost, may_be_told;
	atomic_int lost, fences;
	uint64_t given[FENCES_MAX];	/* each its own hold's */
};

static struct common *common;
static unsigned seed;
static int64_t began_ms;

static void begin(int n)
{
	nodes_proxied(n, &(struct server_options){ .persist = true });
	common = mmap(NULL, sizeof(*common), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cr_assert(common != MAP_FAILED);
	seed = (unsigned)wait_now_ns();
	fprintf(stderr, "seed %u\n", seed);
}

static void three(void)
{
	begin(3);
}

static void teardown(void)
{
	nodes_end();
	munmap(common, sizeof(*common));
}

/* In place of the suite's three. */
static void five(void)
{
	teardown();
	begin(5);
}

TestSuite(quorum_storm, .init = three, .fini = teardown);

static int failed(int worker, const char *what, int err)
{
	fprintf(stderr, "after %lld ms: worker %d: %s: %d, %s\n",
		(long long)(wait_now_ms() - began_ms), worker, what, err,
		rl_last_error());
	return 1;
}

/* What is a failure, but where nodes forget: then it is counted. */
static int lost(int worker, const char *what, int err)
{
	failed(worker, what, err);
	if (!common->may_be_lost && !(common->may_be_told && err == ESTALE))
		return 1;
	atomic_fetch_add(&common->lost, 1);
	return 0;
}

static int inside(int number, rl_mutex_t *m)
{
	uint64_t fence;
	int err = rl_mutex_fence(m, &fence), bad = 0;

	if (err)
		return lost(number, "fence", err);
	common->given[atomic_fetch_add(&common->fences, 1) % FENCES_MAX] =
		fence;
	if (fence <= common->fence)
		bad = lost(number, "fence twice, or back", 0);
	common->fence = fence;
	common->sum++;
	common->done[number]++;
	return bad;
}

static int add_one(int number, rl_mutex_t *m)
{
	int err = rl_mutex_lock(m), bad = 0;

	if (err)
		return failed(number, "lock", err);
	if (atomic_fetch_add(&common->inside, 1))
		bad = lost(number, "two inside", 0);
	if (!bad)
		bad = inside(number, m);
	atomic_fetch_sub(&common->inside, 1);
	err = rl_mutex_unlock(m);
	if (err == ESTALE && !bad)
		bad = lost(number, "unlock", err);
	else if (err)
		bad = failed(number, "unlock", err);
	return bad;
}

static int work(struct proc *self, void *arg)
{
	int number = *(int *)arg;
	rl_mutex_t m;

	(void)self;
	make(&m, &(struct want){ 0 });
	while (!atomic_load(&common->stop))
		PROC_CHECK(add_one(number, &m) == 0);
	PROC_CHECK(rl_mutex_destroy(&m) == 0);
	return 0;
}

static int next_random(int n)
{
	seed = seed * 1103515245u + 12345u;
	return (int)(seed >> 16) % n;
}

enum harm { KILL, STOP, DEAF, DUMB, CUT, REFUSE, HARMS };

static void harm(int i, int what)
{
	switch (what) {
	case KILL:
		server_kill(node[i]);
		break;
	case STOP:
		server_pause(node[i]);
		break;
	case DEAF:
		proxy_act(proxy[i], TO_SERVER, PROXY_DROP);
		break;
	case DUMB:
		proxy_act(proxy[i], TO_CLIENT, PROXY_HOLD);
		break;
	case CUT:
		proxy_act(proxy[i], TO_CLIENT, PROXY_CUT);
		break;
	default:
		proxy_refuse(proxy[i], true);
		proxy_act(proxy[i], TO_SERVER, PROXY_CUT);
	}
}

static void mend(int i, int what)
{
	if (what == KILL)
		server_restart(node[i], true);
	else if (what == STOP)
		server_resume(node[i]);
	else if (what == REFUSE)
		proxy_refuse(proxy[i], false);
	else if (what == DEAF)
		/* What was lost is lost: the connections do not go on. */
		proxy_act(proxy[i], TO_CLIENT, PROXY_CUT);
	else
		proxy_release(proxy[i]);
}

/* A minority of the nodes, for a while. */
static void disturb(void)
{
	int what[2], which[2], n = (nodes - 1) / 2, i;

	which[0] = next_random(nodes);
	which[1] = (which[0] + 1 + next_random(nodes - 1)) % nodes;
	for (i = 0; i < n; i++) {
		what[i] = next_random(HARMS);
		harm(which[i], what[i]);
	}
	usleep((unsigned)next_random(300) * 1000);
	for (i = 0; i < n; i++)
		mend(which[i], what[i]);
	/* Attempts that the node missed are behind it. */
	usleep((unsigned)next_random(200) * 1000);
}

static void storm(void (*what)(void))
{
	struct proc *p[WORKERS];
	int64_t end = wait_now_ms() + STORM_MS;
	int number[WORKERS], i;
	long sum = 0;

	began_ms = wait_now_ms();
	/* The processes first: a sanitizer's heap does not survive a fork while
	 * other threads use it. */
	for (i = 0; i < WORKERS; i++) {
		number[i] = i;
		p[i] = proc_start(i < WORKERS / 2 ? PROC_PROCESS : PROC_THREAD,
				  work, &number[i]);
	}
	while (wait_now_ms() < end)
		what();
	atomic_store(&common->stop, 1);
	for (i = 0; i < WORKERS; i++) {
		cr_expect_eq(proc_join(p[i]), 0, "worker %d", i);
		sum += common->done[i];
	}
	cr_expect(common->sum == sum || common->may_be_lost);
	cr_expect_gt(sum, WORKERS);
	fprintf(stderr, "%ld holds\n", sum);
}

/* ------------------------------------------------------------ forgetful nodes */

static int emptied;

static void empty(void)
{
	usleep((unsigned)next_random(200) * 1000);
	server_ask(node[next_random(nodes)], "FLUSHALL");
	emptied++;
}

static int lower_fence(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void storm_of_emptying(void)
{
	int i, n;

	common->may_be_lost = true;
	storm(empty);
	n = atomic_load(&common->fences);
	fprintf(stderr, "emptied %d times, %d holds lost\n", emptied,
		atomic_load(&common->lost));
	cr_expect_leq(atomic_load(&common->lost), emptied / 2);
	qsort(common->given, (size_t)n, sizeof(common->given[0]), lower_fence);
	for (i = 1; i < n; i++)
		cr_expect_lt(common->given[i - 1], common->given[i], "twice");
}

Test(quorum_storm, emptying_one_of_three_nodes_repeats_no_fence)
{
	storm_of_emptying();
}

Test(quorum_storm, emptying_one_of_five_nodes_repeats_no_fence, .init = five)
{
	storm_of_emptying();
}

/* One node, or two of five, every few milliseconds: nobody else gets in. */
static void empty_a_minority(void)
{
	int i;

	usleep((unsigned)next_random(5000));
	for (i = 0; i < (nodes - 1) / 2; i++)
		server_ask(node[i], "FLUSHALL");
	emptied++;
}

static void storm_on_a_minority(void)
{
	rl_mutex_t m;

	/* Or all nodes may have forgotten what others have. */
	make(&m, &(struct want){ 0 });
	become_known(&m, "n");
	OK(rl_mutex_destroy(&m));
	common->may_be_told = true;
	storm(empty_a_minority);
	fprintf(stderr, "emptied %d times, told %d times\n", emptied,
		atomic_load(&common->lost));
	cr_expect_leq(atomic_load(&common->lost), 1 + emptied / 100);
	cr_expect_gt(emptied, 0);
}

Test(quorum_storm, a_minority_that_forgets_costs_no_hold)
{
	storm_on_a_minority();
}

Test(quorum_storm, nor_do_two_of_five, .init = five)
{
	storm_on_a_minority();
}

Test(quorum_storm, one_of_three_nodes_at_a_time)
{
	storm(disturb);
}

Test(quorum_storm, two_of_five_nodes_at_a_time, .init = five)
{
	storm(disturb);
}
