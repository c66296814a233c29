/*
 * The mutex over TLS: threads and processes that take turns, fork, thread end.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "support/proc.h"
#include "tls/tls.h"

TestSuite(tls_lock, .init = setup, .fini = teardown);

/* How many connections the server has accepted; the asking one counts. */
static long long connections(void)
{
	return server_info(srv, "total_connections_received");
}

Test(tls_lock, every_call_works)
{
	rl_mutex_t m;
	char owner[256];
	uint64_t fence, later;
	struct timespec lease = { .tv_sec = 20 };

	make(&m, good_url(), "n");
	cr_expect_eq(rl_mutex_lock(&m), 0, "%s", rl_last_error());
	cr_expect_eq(rl_mutex_fence(&m, &fence), 0);
	cr_expect_eq(rl_mutex_refresh(&m), 0);
	cr_expect_eq(rl_mutex_extend(&m, &lease), 0);
	cr_expect_gt(server_ask_int(srv, "PTTL rl:n"), 15000);
	cr_expect_eq(rl_mutex_held(&m), 0);
	cr_expect_eq(rl_mutex_locked(&m), EBUSY);
	cr_expect_eq(rl_mutex_owner(&m, owner, sizeof(owner)), 0);
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	cr_expect_eq(rl_mutex_trylock(&m), 0);
	cr_expect_eq(rl_mutex_fence(&m, &later), 0);
	cr_expect_gt(later, fence);
	cr_expect_eq(rl_mutex_reset(&m), 0);
	cr_expect_eq(rl_mutex_unlock(&m), ESTALE);
	cr_expect_eq(rl_mutex_destroy(&m), 0);
}

Test(tls_lock, one_connection_serves_a_thread)
{
	rl_mutex_t m;
	long long before;
	int i;

	make(&m, good_url(), "n");
	cr_assert_eq(rl_mutex_lock(&m), 0);
	before = connections();
	for (i = 0; i < 100; i++) {
		cr_assert_eq(rl_mutex_unlock(&m), 0);
		cr_assert_eq(rl_mutex_lock(&m), 0);
	}
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	cr_expect_leq(connections() - before, 2); /* the keeper's, and this */
	rl_mutex_destroy(&m);
}

static bool rose_thrice(void *arg)
{
	static long long last;
	long long left = server_ask_int(srv, "PTTL rl:n");
	int *rises = arg;

	*rises += left > last;
	last = left;
	return *rises > 3; /* the first time from 0 */
}

Test(tls_lock, the_keeper_renews)
{
	rl_mutexattr_t attr;
	rl_mutex_t m;
	int rises = 0;

	rl_mutexattr_init(&attr);
	rl_mutexattr_setservers(&attr, good_url());
	rl_mutexattr_setrefreshinterval(&attr, 50);
	cr_assert_eq(rl_mutex_init(&m, "n", &attr), 0);
	rl_mutexattr_destroy(&attr);
	cr_assert_eq(rl_mutex_lock(&m), 0);
	cr_expect(wait_until(rose_thrice, &rises, WAIT_MS));
	cr_expect_eq(rl_mutex_unlock(&m), 0, "%s", rl_last_error());
	rl_mutex_destroy(&m);
}

/* ----------------------------------------------- threads and processes */

#define PARTIES 4
#define ROUNDS 25

/* Raises a counter in the server that only the lock protects. */
static int count(struct proc *self, void *arg)
{
	redisContext *c = redisConnectUnix(srv->addr.path);
	rl_mutex_t m;
	int i;

	(void)self;
	make(&m, arg, "counted");
	PROC_CHECK(c && !c->err);
	freeReplyObject(redisCommand(c, "AUTH tester tester"));
	for (i = 0; i < ROUNDS; i++) {
		redisReply *r;
		long long n;

		PROC_CHECK(rl_mutex_lock(&m) == 0);
		r = redisCommand(c, "INCRBY n 0");
		PROC_CHECK(r && r->type == REDIS_REPLY_INTEGER);
		n = r->integer;
		freeReplyObject(r);
		freeReplyObject(redisCommand(c, "SET n %lld", n + 1));
		PROC_CHECK(rl_mutex_unlock(&m) == 0);
	}
	redisFree(c);
	rl_mutex_destroy(&m);
	return 0;
}

static void take_turns(enum proc_kind kind)
{
	struct proc *p[PARTIES];
	char servers[512];
	int i;

	snprintf(servers, sizeof(servers), "%s", good_url());
	for (i = 0; i < PARTIES; i++)
		p[i] = proc_start(kind, count, servers);
	for (i = 0; i < PARTIES; i++)
		cr_expect_eq(proc_join(p[i]), 0);
	cr_expect_eq(server_ask_int(srv, "INCRBY n 0"), PARTIES * ROUNDS);
}

Test(tls_lock, threads_take_turns)
{
	take_turns(PROC_THREAD);
}

Test(tls_lock, processes_take_turns)
{
	take_turns(PROC_PROCESS);
}

static int wait_for_it(struct proc *self, void *arg)
{
	rl_mutex_t m;

	make(&m, arg, "handed");
	proc_tell(self, 1);
	PROC_CHECK(rl_mutex_lock(&m) == 0);
	proc_tell(self, 2);
	PROC_CHECK(rl_mutex_unlock(&m) == 0);
	rl_mutex_destroy(&m);
	return 0;
}

static void hand_over(enum proc_kind kind)
{
	struct proc *p;
	rl_mutex_t m;
	int64_t unlocked;

	make(&m, good_url(), "handed");
	cr_assert_eq(rl_mutex_lock(&m), 0);
	p = proc_start(kind, wait_for_it, (void *)(uintptr_t)good_url());
	proc_hear(p);
	cr_assert(server_info_becomes(srv, "blocked_clients", 1));
	cr_expect(!proc_heard(p, 0));
	unlocked = wait_now_ms();
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	cr_expect_eq(proc_hear(p), 2);
	cr_expect_lt(wait_now_ms() - unlocked, 5000);
	cr_expect_eq(proc_join(p), 0);
	rl_mutex_destroy(&m);
}

Test(tls_lock, a_waiting_thread_is_handed_the_lock)
{
	hand_over(PROC_THREAD);
}

Test(tls_lock, a_waiting_process_is_handed_the_lock)
{
	hand_over(PROC_PROCESS);
}

/* -------------------------------------------------------------------- fork */

static int use_another(struct proc *self, void *arg)
{
	rl_mutex_t *parents = arg, m;

	(void)self;
	make(&m, good_url(), "the child's");
	PROC_CHECK(rl_mutex_unlock(parents) == EPERM);
	PROC_CHECK(rl_mutex_trylock(parents) == EBUSY);
	PROC_CHECK(rl_mutex_lock(&m) == 0);
	PROC_CHECK(rl_mutex_unlock(&m) == 0);
	rl_mutex_destroy(&m);
	return 0;
}

/* Had the child said goodbye on it, the server would have closed it. */
Test(tls_lock, a_forked_child_leaves_the_connection_alone)
{
	rl_mutex_t m;
	long long before;

	make(&m, good_url(), "the parent's");
	cr_assert_eq(rl_mutex_lock(&m), 0);
	cr_expect_eq(proc_join(proc_start(PROC_PROCESS, use_another, &m)), 0);
	before = connections();
	cr_expect_eq(rl_mutex_held(&m), 0, "%s", rl_last_error());
	cr_expect_eq(rl_mutex_unlock(&m), 0, "%s", rl_last_error());
	cr_expect_eq(rl_mutex_lock(&m), 0, "%s", rl_last_error());
	cr_expect_eq(rl_mutex_unlock(&m), 0, "%s", rl_last_error());
	cr_expect_eq(connections(), before + 1); /* this question's */
	rl_mutex_destroy(&m);
}

struct busy {
	rl_mutex_t m;
	atomic_bool *stop;
	int err;
};

static void *keep_locking(void *arg)
{
	struct busy *b = arg;

	while (!atomic_load(b->stop) && !b->err) {
		b->err = rl_mutex_lock(&b->m);
		if (!b->err)
			b->err = rl_mutex_unlock(&b->m);
	}
	return NULL;
}

/* A child must find OpenSSL whole, whatever other threads are doing. */
Test(tls_lock, children_of_a_busy_process_can_lock)
{
	atomic_bool stop = false;
	static struct busy busy[3];
	pthread_t thread[3];
	char name[32];
	rl_mutex_t m;
	int i;

	/* Longer than 20 connections take on a machine that is slow. */
	make_for(&m, good_url(), "the parent's", 60000);
	cr_assert_eq(rl_mutex_lock(&m), 0);
	for (i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "busy %d", i);
		make(&busy[i].m, good_url(), name);
		busy[i].stop = &stop;
		pthread_create(&thread[i], NULL, keep_locking, &busy[i]);
	}
	for (i = 0; i < 20; i++)
		cr_expect_eq(proc_join(proc_start(PROC_PROCESS, use_another,
						  &m)), 0);
	atomic_store(&stop, true);
	for (i = 0; i < 3; i++) {
		pthread_join(thread[i], NULL);
		cr_expect_eq(busy[i].err, 0);
		rl_mutex_destroy(&busy[i].m);
	}
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	rl_mutex_destroy(&m);
}

/* -------------------------------------------------------------- thread end */

static void *lock_once(void *arg)
{
	rl_mutex_t *m = arg;

	return rl_mutex_lock(m) || rl_mutex_unlock(m) ? m : NULL;
}

Test(tls_lock, a_thread_that_ends_closes_its_connection)
{
	long long before = server_info(srv, "connected_clients");
	rl_mutex_t m;
	int i;

	make(&m, good_url(), "n");
	for (i = 0; i < 20; i++) {
		pthread_t thread;
		void *failed;

		pthread_create(&thread, NULL, lock_once, &m);
		pthread_join(thread, &failed);
		cr_expect_null(failed);
	}
	/* The keeper's own goes with it. */
	cr_expect(server_info_becomes(srv, "connected_clients", before));
	rl_mutex_destroy(&m);
}

Test(tls_lock, a_thread_ends_though_the_server_stands_still)
{
	rl_mutex_t m;
	pthread_t thread;
	struct timespec soon;

	make(&m, url("localhost", "verify=none&command_timeout=100&"
		     "outage_timeout=100"), "n");
	server_pause(srv);
	pthread_create(&thread, NULL, lock_once, &m);
	clock_gettime(CLOCK_REALTIME, &soon);
	soon.tv_sec += 5;
	cr_expect_eq(pthread_timedjoin_np(thread, NULL, &soon), 0);
	server_resume(srv);
	rl_mutex_destroy(&m);
}
