/* One attribute object makes many locks: what it carries holds for each of
 * them, and they share the connections. */
#include "mutex/peer.h"

#define MANY 100
#define THREADS 8

static rl_mutexattr_t attr;
static rl_mutex_t m[MANY + THREADS];

static void setup(void)
{
	lock_setup();
	cr_assert_eq(rl_mutexattr_init(&attr), 0);
	cr_assert_eq(rl_mutexattr_setservers(&attr, srv->url), 0);
}

static void teardown(void)
{
	rl_mutexattr_destroy(&attr);
	lock_teardown();
}

TestSuite(factory, .init = setup, .fini = teardown);

static void make(int n)
{
	char name[32];

	for (int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "made-%d", i);
		cr_assert_eq(rl_mutex_init(&m[i], name, &attr), 0);
	}
}

/* That of the question itself is not counted. */
static long long connections(void)
{
	return server_info(srv, "connected_clients") - 1;
}

Test(factory, a_thread_uses_one_connection_for_all_its_locks)
{
	long long before = connections();
	long long opened = server_info(srv, "total_connections_received");

	make(MANY);
	cr_expect_eq(connections(), before, "making one asks nobody");
	for (int i = 0; i < MANY; i++)
		cr_assert_eq(rl_mutex_lock(&m[i]), 0);
	/* The keeper's is made when the first renewal is due. */
	cr_expect_eq(connections(), before + 1);
	for (int i = 0; i < MANY; i++)
		cr_assert_eq(rl_mutex_unlock(&m[i]), 0);
	/* Ours, and those of the questions. */
	cr_expect_leq(server_info(srv, "total_connections_received") - opened,
		      5);
}

/* What it goes on holding, the others do not need. */
static int use_all(struct proc *self, void *arg)
{
	int own = MANY + *(int *)arg;

	for (int i = 0; i < MANY; i++)
		PROC_CHECK(rl_mutex_lock(&m[i]) == 0 &&
			   rl_mutex_unlock(&m[i]) == 0);
	PROC_CHECK(rl_mutex_lock(&m[own]) == 0);
	proc_tell(self, 1);
	proc_hear(self);
	PROC_CHECK(rl_mutex_unlock(&m[own]) == 0);
	return 0;
}

static bool is_back(void *arg)
{
	return connections() <= *(long long *)arg;
}

Test(factory, each_thread_has_one_connection_and_closes_it)
{
	long long before = connections();
	struct proc *p[THREADS];
	int number[THREADS];

	make(MANY + THREADS);
	for (int i = 0; i < THREADS; i++) {
		number[i] = i;
		p[i] = proc_start(PROC_THREAD, use_all, &number[i]);
	}
	for (int i = 0; i < THREADS; i++)
		cr_assert_eq(proc_hear(p[i]), 1);
	/* One each, and the keeper's. */
	cr_expect_leq(connections(), before + THREADS + 1);
	cr_expect_geq(connections(), before + THREADS);
	for (int i = 0; i < THREADS; i++) {
		proc_tell(p[i], 1);
		cr_expect_eq(proc_join(p[i]), 0);
	}
	before++;
	cr_expect(wait_until(is_back, &before, WAIT_MS));
}

Test(factory, one_renewal_connection_serves_all_locks)
{
	long long before = connections();
	long long opened;

	cr_assert_eq(rl_mutexattr_setlease(&attr, 1500), 0);
	make(MANY);
	for (int i = 0; i < MANY; i++)
		cr_assert_eq(rl_mutex_lock(&m[i]), 0);
	opened = wait_now_ms();
	while (wait_now_ms() - opened < 900)
		for (int i = 0; i < MANY; i++)
			cr_assert_eq(rl_mutex_held(&m[i]), 0);
	cr_expect_eq(connections(), before + 2);
	for (int i = 0; i < MANY; i++)
		cr_expect_eq(rl_mutex_unlock(&m[i]), 0);
}

Test(factory, what_it_carries_holds_for_each)
{
	struct peer *p;
	struct spec spec = { .name = "made-0" };

	cr_assert_eq(rl_mutexattr_setprefix(&attr, "shop:"), 0);
	cr_assert_eq(rl_mutexattr_setlease(&attr, 5000), 0);
	cr_assert_eq(rl_mutexattr_settimeout(&attr, 5000), 0);
	cr_assert_eq(rl_mutexattr_setretry(&attr, 3, 7, 2), 0);
	make(2);
	/* What is changed later does not reach them. */
	cr_assert_eq(rl_mutexattr_setprefix(&attr, "other:"), 0);
	cr_assert_eq(rl_mutexattr_setlease(&attr, 0), 0);
	rl_mutexattr_destroy(&attr);
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(rl_mutex_lock(&m[i]), 0);
		cr_expect_gt(server_ask_int(srv, "PTTL shop:made-%d", i),
			     4000);
	}
	setenv("RL_PREFIX", "shop:", 1);
	setenv("RL_TIMEOUT_MS", "150", 1);
	p = peer_start(PEER_PROCESS, &spec, NULL);
	cr_expect_eq(peer_do(p, LOCK, 0), ETIMEDOUT);
	cr_assert_eq(rl_mutexattr_init(&attr), 0);
	peer_end(p);
}

Test(factory, a_plain_lock_waits_as_long_as_the_timeout_says)
{
	struct spec spec = { .name = "made-0" };
	struct peer *p = peer_start(PEER_PROCESS, &spec, NULL);
	int64_t began;

	cr_assert_eq(rl_mutexattr_settimeout(&attr, 250), 0);
	make(1);
	cr_assert_eq(peer_do(p, LOCK, 0), 0);
	began = wait_now_ms();
	cr_expect_eq(rl_mutex_lock(&m[0]), ETIMEDOUT);
	cr_expect_geq(wait_now_ms() - began, 250);
	cr_expect_eq(peer_do(p, UNLOCK, 0), 0);
	cr_expect_eq(rl_mutex_lock(&m[0]), 0);
	cr_expect_eq(rl_mutex_unlock(&m[0]), 0);
	peer_end(p);
}

Test(factory, a_timeout_of_0_does_not_wait)
{
	struct spec spec = { .name = "made-0" };
	struct peer *p = peer_start(PEER_PROCESS, &spec, NULL);

	cr_assert_eq(rl_mutexattr_settimeout(&attr, 0), 0);
	make(1);
	cr_assert_eq(peer_do(p, LOCK, 0), 0);
	cr_expect_eq(rl_mutex_lock(&m[0]), EBUSY);
	peer_end(p);
}

Test(factory, another_prefix_is_another_lock)
{
	make(1);
	cr_assert_eq(rl_mutexattr_setprefix(&attr, "second:"), 0);
	cr_assert_eq(rl_mutex_init(&m[1], "made-0", &attr), 0);
	cr_assert_eq(rl_mutexattr_setprefix(&attr, ""), 0);
	cr_assert_eq(rl_mutex_init(&m[2], "made-0", &attr), 0);
	for (int i = 0; i < 3; i++)
		cr_expect_eq(rl_mutex_trylock(&m[i]), 0);
	cr_expect_eq(server_ask_int(srv, "EXISTS rl:made-0 second:made-0 "
				    "made-0"), 3);
	for (int i = 0; i < 3; i++)
		cr_expect_eq(rl_mutex_unlock(&m[i]), 0);
}

/* A single server keeps the waiters in line; that the count is small must not
 * end the wait. */
Test(factory, retries_are_for_several_servers)
{
	struct spec spec = { .name = "made-0" };
	struct peer *p = peer_start(PEER_PROCESS, &spec, NULL);
	long delay, jitter;
	int n;

	cr_assert_eq(rl_mutexattr_setretry(&attr, 1, 5, 0), 0);
	cr_expect_eq(rl_mutexattr_getretry(&attr, &n, &delay, &jitter), 0);
	cr_expect(n == 1 && delay == 5 && jitter == 0);
	make(1);
	cr_assert_eq(rl_mutex_lock(&m[0]), 0);
	peer_end(p);
	setenv("RL_RETRY", "1,5,0", 1);
	p = peer_start(PEER_PROCESS, &spec, NULL);
	peer_begin(p, LOCK, 0);
	cr_expect(!peer_answers(p, 200));
	cr_expect_eq(rl_mutex_unlock(&m[0]), 0);
	cr_expect_eq(peer_answer(p).err, 0);
	peer_end(p);
}
