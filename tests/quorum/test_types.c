/*
 * Types, owners and passing on, over several nodes of which one is down.
 */
#include "quorum.h"

static rl_mutex_t m;
static struct want others;
static struct proc *other;

static void setup(void)
{
	nodes_begin(3, NULL);
	server_kill(node[1]);
}

static void teardown(void)
{
	party_end(other);
	rl_mutex_destroy(&m);
	nodes_end();
}

TestSuite(quorum_types, .init = setup, .fini = teardown);

static void use(const struct want *w)
{
	make(&m, w);
	others = *w;
	others.owner = "other";
	other = party_start(PROC_THREAD, &others);
}

static void expect_free(void)
{
	DID(other, TRYLOCK, 0, 0);
	EXPECT(rl_mutex_trylock(&m), EBUSY);
	DID(other, UNLOCK, 0, 0);
}

Test(quorum_types, normal)
{
	use(&(struct want){ .type = RL_MUTEX_NORMAL });
	OK(rl_mutex_lock(&m));
	EXPECT(rl_mutex_trylock(&m), EBUSY);
	EXPECT(timedlock_ms(&m, 50), ETIMEDOUT);
	OK(rl_mutex_unlock(&m));
	expect_free();
}

Test(quorum_types, errorcheck)
{
	use(&(struct want){ .type = RL_MUTEX_ERRORCHECK });
	OK(rl_mutex_lock(&m));
	EXPECT(rl_mutex_lock(&m), EDEADLK);
	EXPECT(rl_mutex_trylock(&m), EBUSY);
	DID(other, UNLOCK, 0, EPERM);
	OK(rl_mutex_unlock(&m));
	EXPECT(rl_mutex_unlock(&m), EPERM);
	expect_free();
}

Test(quorum_types, recursive)
{
	uint64_t first, inner;
	int i;

	use(&(struct want){ .type = RL_MUTEX_RECURSIVE });
	OK(rl_mutex_lock(&m));
	OK(rl_mutex_fence(&m, &first));
	for (i = 0; i < 3; i++)
		OK(rl_mutex_lock(&m));
	OK(rl_mutex_fence(&m, &inner));
	cr_expect_eq(inner, first);
	for (i = 0; i < 3; i++)
		OK(rl_mutex_unlock(&m));
	DID(other, TRYLOCK, 0, EBUSY);
	OK(rl_mutex_unlock(&m));
	expect_free();
}

static int joins(struct proc *self, void *arg)
{
	rl_mutex_t mine;

	(void)self, (void)arg;
	make(&mine, &(struct want){ .type = RL_MUTEX_REFRESH,
				    .granularity = RL_GRANULARITY_HOST });
	PROC_CHECK(rl_mutex_lock(&mine) == 0);
	PROC_CHECK(rl_mutex_held(&mine) == 0);
	return 0;	/* and goes without unlocking */
}

Test(quorum_types, refresh_is_shared_by_the_processes_of_a_host)
{
	struct proc *p;

	use(&(struct want){ .type = RL_MUTEX_REFRESH,
			    .granularity = RL_GRANULARITY_HOST });
	OK(rl_mutex_lock(&m));
	p = proc_start(PROC_PROCESS, joins, NULL);
	cr_expect_eq(proc_join(p), 0);
	OK(rl_mutex_held(&m));
	DID(other, TRYLOCK, 0, EBUSY);
	OK(rl_mutex_unlock(&m));
	expect_free();
}

static int unlocks(struct proc *self, void *arg)
{
	rl_mutex_t mine;

	(void)self;
	make(&mine, &(struct want){ .granularity = *(int *)arg });
	PROC_CHECK(rl_mutex_held(&mine) == 0);
	PROC_CHECK(rl_mutex_unlock(&mine) == 0);
	return 0;
}

Test(quorum_types, another_process_of_the_host_unlocks)
{
	int host = RL_GRANULARITY_HOST;
	struct proc *p;

	use(&(struct want){ .granularity = host });
	OK(rl_mutex_lock(&m));
	p = proc_start(PROC_PROCESS, unlocks, &host);
	cr_expect_eq(proc_join(p), 0);
	EXPECT(rl_mutex_unlock(&m), EPERM);
	expect_free();
}

Test(quorum_types, the_servers_are_asked_who_owns_it)
{
	char owner[1200];

	use(&(struct want){ .owner = "me" });
	EXPECT(rl_mutex_owner(&m, owner, sizeof(owner)), ENOENT);
	OK(rl_mutex_lock(&m));
	OK(rl_mutex_owner(&m, owner, sizeof(owner)));
	cr_expect_str_eq(owner, "name:me");
	EXPECT(rl_mutex_locked(&m), EBUSY);
	OK(rl_mutex_held(&m));
	OK(rl_mutex_reset(&m));
	EXPECT(rl_mutex_unlock(&m), ESTALE);
	OK(rl_mutex_locked(&m));
	expect_free();
}

Test(quorum_types, extend_refresh_and_remaining)
{
	struct timespec left, longer = { .tv_sec = 60 };

	use(&(struct want){ .no_refresh = true });
	EXPECT(rl_mutex_refresh(&m), EPERM);
	OK(rl_mutex_lock(&m));
	OK(rl_mutex_extend(&m, &longer));
	OK(rl_mutex_remaining(&m, &left));
	cr_expect(left.tv_sec > 50 && left.tv_sec < 60);
	cr_expect_gt(server_ask_int(node[0], "PTTL rl:n"), 50000);
	cr_expect_gt(server_ask_int(node[2], "PTTL rl:n"), 50000);
	OK(rl_mutex_refresh(&m));
	OK(rl_mutex_remaining(&m, &left));
	cr_expect(left.tv_sec < 10);
	OK(rl_mutex_unlock(&m));
	expect_free();
}

Test(quorum_types, reset_all_finds_what_any_node_holds)
{
	rl_mutexattr_t a;
	size_t n = 0;

	use(&(struct want){ .owner = "me" });
	OK(rl_mutex_lock(&m));
	rl_mutexattr_init(&a);
	rl_mutexattr_setservers(&a, all);
	OK(rl_reset_all(&a, &n));
	cr_expect_eq(n, 1, "%zu", n);
	rl_mutexattr_destroy(&a);
	EXPECT(rl_mutex_unlock(&m), ESTALE);
	expect_free();
}

/* --------------------------------------------------------------- passing on */

#define THREADS 4
#define TURNS 200

static long sum;	/* the lock's */

static int adds(struct proc *self, void *arg)
{
	int i;

	(void)self, (void)arg;
	for (i = 0; i < TURNS; i++) {
		PROC_CHECK(rl_mutex_lock(&m) == 0);
		sum++;
		PROC_CHECK(rl_mutex_unlock(&m) == 0);
	}
	return 0;
}

Test(quorum_types, threads_of_a_process_pass_it_on_without_the_servers)
{
	struct proc *p[THREADS];
	long long before;
	int i;

	use(&(struct want){ .granularity = RL_GRANULARITY_PROCESS });
	OK(rl_mutex_lock(&m));
	before = scripts_run(0);
	for (i = 0; i < THREADS; i++)
		p[i] = proc_start(PROC_THREAD, adds, NULL);
	OK(rl_mutex_unlock(&m));
	for (i = 0; i < THREADS; i++)
		cr_expect_eq(proc_join(p[i]), 0);
	cr_expect_eq(sum, THREADS * TURNS);
	fprintf(stderr, "%lld requests for %d holds\n",
		scripts_run(0) - before, THREADS * TURNS);
	cr_expect_lt(scripts_run(0) - before, 2 * THREADS * TURNS);
	expect_free();
}
