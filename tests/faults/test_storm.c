/*
 * Everything at once: threads and processes that add up under one lock, while
 * connections are cut at any byte, clients killed, scripts flushed. No count
 * is lost, nobody is told anything but 0, no fence goes back.
 */
#include <stdatomic.h>
#include <sys/mman.h>

#include "faults/faults.h"
#include "support/proc.h"

#define WORKERS 6
#define STORM_MS 2500

/* In memory that threads and processes share; plain fields are the lock's. */
struct common {
	atomic_int stop, inside;
	long sum;
	uint64_t fence;
	long done[WORKERS];	/* each its own worker's */
};

struct worker {
	int number, granularity;
	bool robust;
	const char *url;
};

static struct server *srv;
static struct proxy *proxy;
static struct common *common;
static unsigned seed;

static void setup(void)
{
	srv = server_start(&(struct server_options){ .tcp = true });
	proxy = proxy_start(&srv->addr, true);
	common = mmap(NULL, sizeof(*common), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cr_assert(common != MAP_FAILED);
	seed = (unsigned)wait_now_ns();
	fprintf(stderr, "seed %u\n", seed);
}

static void teardown(void)
{
	proxy_stop(proxy);
	server_stop(srv);
	munmap(common, sizeof(*common));
}

TestSuite(faults_storm, .init = setup, .fini = teardown);

static int failed(const char *what, int err)
{
	fprintf(stderr, "%s: %d, %s\n", what, err, rl_last_error());
	return 1;
}

static int add_one(struct worker *w, rl_mutex_t *m)
{
	uint64_t fence;
	int err = rl_mutex_lock(m);

	/* A hand-off that was lost on the wire may say so once too often. */
	if (err == EOWNERDEAD)
		err = rl_mutex_consistent(m);
	if (err)
		return failed("lock", err);
	if (atomic_fetch_add(&common->inside, 1))
		return failed("two inside", 0);
	err = rl_mutex_fence(m, &fence);
	if (err)
		return failed("fence", err);
	/* Passing on inside a process keeps it. */
	if (fence < common->fence)
		return failed("fence went back", 0);
	common->fence = fence;
	common->sum++;
	common->done[w->number]++;
	atomic_fetch_sub(&common->inside, 1);
	err = rl_mutex_unlock(m);
	return err ? failed("unlock", err) : 0;
}

static int work(struct proc *self, void *arg)
{
	struct worker *w = arg;
	rl_mutex_t m;

	(void)self;
	make(&m, &(struct want){ .url = w->url, .robust = w->robust,
				 .granularity = w->granularity,
				 .options = "outage_timeout=20000&"
					    "command_timeout=5000" });
	while (!atomic_load(&common->stop))
		PROC_CHECK(add_one(w, &m) == 0);
	PROC_CHECK(rl_mutex_destroy(&m) == 0);
	return 0;
}

static int next_random(int n)
{
	seed = seed * 1103515245u + 12345u;
	return (int)(seed >> 16) % n;
}

static void disturb(void)
{
	static const enum proxy_action actions[] = { PROXY_CUT, PROXY_RST,
						     PROXY_HALF };
	struct proxy_rule rule = {
		.dir = (enum proxy_dir)next_random(2),
		.action = actions[next_random(3)],
		.bytes = next_random(4000),
	};

	switch (next_random(12)) {
	case 0:
		server_ask(srv, "CLIENT KILL TYPE normal SKIPME yes");
		break;
	case 1:
		server_ask(srv, "SCRIPT FLUSH");
		break;
	case 2:
		proxy_act(proxy, rule.dir, rule.action);
		break;
	default:
		proxy_arm(proxy, &rule);
		wait_until((bool (*)(void *))proxy_fired, proxy, 20);
	}
}

static void storm(const struct worker *kind)
{
	struct worker w[WORKERS];
	struct proc *p[WORKERS];
	int64_t end = wait_now_ms() + STORM_MS;
	long sum = 0;
	int i;

	/* The processes first: a sanitizer's heap does not survive a fork while
	 * other threads use it. */
	for (i = 0; i < WORKERS; i++) {
		w[i] = *kind;
		w[i].number = i;
		w[i].url = proxy->url;
		p[i] = proc_start(i < WORKERS / 2 ? PROC_PROCESS : PROC_THREAD,
				  work, &w[i]);
	}
	while (wait_now_ms() < end)
		disturb();
	proxy_disarm(proxy);
	atomic_store(&common->stop, 1);
	for (i = 0; i < WORKERS; i++) {
		cr_expect_eq(proc_join(p[i]), 0, "worker %d", i);
		sum += common->done[i];
	}
	cr_expect_eq(common->sum, sum);
	cr_expect_gt(sum, WORKERS);
	fprintf(stderr, "%ld holds\n", sum);
}

Test(faults_storm, no_count_is_lost_by_threads_that_own_for_themselves)
{
	storm(&(struct worker){ .granularity = RL_GRANULARITY_THREAD });
}

Test(faults_storm, no_count_is_lost_by_processes)
{
	storm(&(struct worker){ .granularity = RL_GRANULARITY_PROCESS });
}

Test(faults_storm, no_count_is_lost_by_a_host)
{
	storm(&(struct worker){ .granularity = RL_GRANULARITY_HOST });
}

Test(faults_storm, no_count_is_lost_by_robust_lockers)
{
	storm(&(struct worker){ .granularity = RL_GRANULARITY_THREAD,
				.robust = true });
}
