/*
 * What a node answers too late for anybody to hear it: an acquire that was
 * given up takes nothing there for good.
 */
#include <linux/sockios.h>
#include <pthread.h>
#include <sys/ioctl.h>

#include "quorum.h"

static rl_mutex_t m;

static void setup(void)
{
	nodes_begin(3, NULL);
	make(&m, &(struct want){ 0 });
}

static void teardown(void)
{
	rl_mutex_destroy(&m);
	nodes_end();
}

TestSuite(quorum_late, .init = setup, .fini = teardown);

/* The connections of its thread stand before a node is stopped. */
static int connect_and_wait(struct proc *self)
{
	rl_mutex_t warm;

	make(&warm, &(struct want){ .name = "warm" });
	PROC_CHECK(rl_mutex_lock(&warm) == 0);
	PROC_CHECK(rl_mutex_unlock(&warm) == 0);
	PROC_CHECK(rl_mutex_destroy(&warm) == 0);
	proc_tell(self, 0);
	proc_hear(self);
	return 0;
}

static int lock_when_told(struct proc *self, void *arg)
{
	rl_mutex_t mine;

	(void)arg;
	make(&mine, &(struct want){ 0 });
	PROC_CHECK(connect_and_wait(self) == 0);
	PROC_CHECK(rl_mutex_lock(&mine) == 0);
	PROC_CHECK(rl_mutex_unlock(&mine) == 0);
	proc_tell(self, 0);
	/* It has its connections open still, or ends at once. */
	if (proc_hear(self))
		proc_hear(self);
	PROC_CHECK(rl_mutex_destroy(&mine) == 0);
	return 0;
}

static bool waits_elsewhere(void *arg)
{
	int i;

	(void)arg;
	for (i = 0; i < 3; i++)
		if (i != *(int *)arg && server_info(node[i], "blocked_clients"))
			return true;
	return false;
}

/* Node i, which has lost the key, hears of a waiter's first try only when that
 * has had the lock and given it back. */
static void hears_late(int i, bool stays)
{
	struct proc *p = proc_start(PROC_THREAD, lock_when_told, NULL);

	proc_hear(p);
	cr_assert_eq(rl_mutex_lock(&m), 0);
	server_ask(node[i], "DEL rl:n");
	server_pause(node[i]);
	proc_tell(p, 0);
	cr_assert(wait_until(waits_elsewhere, &i, WAIT_MS));
	cr_assert_eq(rl_mutex_unlock(&m), 0);
	proc_hear(p);
	proc_tell(p, stays);
	if (!stays)
		cr_expect_eq(proc_join(p), 0);
	server_resume(node[i]);
	/* What had come to its sockets has been run behind the second. */
	server_ask(node[i], "PING");
	server_ask(node[i], "PING");
	/* The lease is 10 s. */
	cr_expect(wait_until(is_free_there, node[i], 3000), "node %d, %s", i,
		  stays ? "idle" : "ended");
	if (stays) {
		proc_tell(p, 0);
		cr_expect_eq(proc_join(p), 0);
	}
}

Test(quorum_late, a_try_that_was_given_up_is_undone_though_its_thread_ends)
{
	int i;

	for (i = 0; i < 3; i++)
		hears_late(i, false);
}

Test(quorum_late, a_try_that_was_given_up_is_undone_though_its_thread_rests)
{
	int i;

	for (i = 0; i < 3; i++)
		hears_late(i, true);
}

/* ------------------------------------------------- a release that nobody hears */

static int lock_and_end_when_told(struct proc *self, void *arg)
{
	rl_mutex_t mine;

	(void)arg;
	make(&mine, &(struct want){ 0 });
	PROC_CHECK(connect_and_wait(self) == 0);
	PROC_CHECK(rl_mutex_lock(&mine) == 0);
	proc_tell(self, 0);
	proc_hear(self);
	PROC_CHECK(rl_mutex_unlock(&mine) == 0);
	PROC_CHECK(rl_mutex_destroy(&mine) == 0);
	return 0;
}

static bool has_been_read(void *c)
{
	int unread = 1;

	return !ioctl(((redisContext *)c)->fd, SIOCOUTQ, &unread) && !unread;
}

/* For some 20 ms the server neither reads nor writes. (From Redis 7.2 on TIME
 * stands still inside a script.) */
#define BUSY "for i = 1, 3e6 do end"

/* Node i has run the acquire, and not answered yet, as the release is sent and
 * the thread ends. *busy_ms: how long it was. */
static bool leaves_it_at(int i, int64_t *busy_ms)
{
	struct proc *p = proc_start(PROC_THREAD, lock_and_end_when_told, NULL);
	redisContext *c = server_connect(node[i]);
	bool left;
	void *reply;
	int done = 0;

	proc_hear(p);
	server_pause(node[i]);
	proc_tell(p, 0);
	proc_hear(p);
	redisAppendCommand(c, "EVAL %s 0", BUSY);
	while (!done)
		cr_assert_eq(redisBufferWrite(c, &done), REDIS_OK);
	*busy_ms = wait_now_ms();
	server_resume(node[i]);
	cr_assert(wait_until(has_been_read, c, WAIT_MS));
	proc_tell(p, 0);
	cr_expect_eq(proc_join(p), 0);
	cr_assert_eq(redisGetReply(c, &reply), REDIS_OK);
	cr_assert_eq(((redisReply *)reply)->type, REDIS_REPLY_NIL, "%s",
		     ((redisReply *)reply)->str);
	*busy_ms = wait_now_ms() - *busy_ms;
	freeReplyObject(reply);
	redisFree(c);
	/* The lease is 10 s. */
	left = !wait_until(is_free_there, node[i], 1000);
	server_ask(node[i], "DEL rl:n");
	return left;
}

/* The end of a thread waits no longer than 200 ms for a server: it is judged if
 * it was not longer here, and that it was so three times is not believed. */
Test(quorum_late, a_release_is_run_though_its_thread_ends)
{
	int i, n, left;
	int64_t busy;

	for (i = 0; i < 3; i++) {
		for (n = left = 0; n < 10 && left < 3; n++) {
			if (!leaves_it_at(i, &busy))
				break;
			left += busy < 150;
		}
		cr_expect_lt(left, 3, "node %d", i);
	}
}

/* -------------------------------------- a release that the home never heard of */

static int home(void)
{
	int i;

	for (i = 0; i < 3; i++)
		if (server_info(node[i], "blocked_clients"))
			return i;
	return -1;
}

Test(quorum_late, who_waits_where_a_key_was_left_is_woken)
{
	struct want want = { 0 };
	struct proc *p;
	int i, h;

	MUST(rl_mutex_lock(&m));
	p = party_start(PROC_THREAD, &want);
	party_begin(p, LOCK, 0);
	cr_assert(waiters_become(1));
	h = home();
	cr_assert_geq(h, 0);
	/* The lease is 10 s, and has just begun. */
	for (i = 0; i < 3; i++)
		if (i != h)
			server_ask(node[i], "DEL rl:n");
	cr_expect_eq(proc_hear(p), 0);
	cr_expect(holds(h, "n"), "by itself");
	cr_expect_gt(server_ask_int(node[h], "PTTL rl:n"), 4000);
	DID(p, UNLOCK, 0, 0);
	party_end(p);
	EXPECT(rl_mutex_unlock(&m), ESTALE);
}

/* ------------------------------------------------- where the waiter waits */

/* In place of the suite's: each behind a proxy, and none is given up for being
 * slow. */
static void patient(void)
{
	char list[sizeof(all)];
	size_t len = 0;
	int i;

	teardown();
	nodes_proxied(3, NULL);
	for (i = 0; i < 3; i++)
		len += (size_t)snprintf(list + len, sizeof(list) - len,
					"%s?command_timeout=30000 ",
					proxy[i]->url);
	TEST_MUST(len < sizeof(all));
	memcpy(all, list, len + 1);
	make(&m, &(struct want){ 0 });
}

/* Waits that are under way or over, at all nodes. */
static long long waits(void)
{
	long long n = 0;
	int i;

	for (i = 0; i < 3; i++) {
		const char *line = strstr(server_ask(node[i],
						     "INFO commandstats"),
					  "cmdstat_blpop:calls=");

		n += server_info(node[i], "blocked_clients");
		n += line ? atoll(line + strlen("cmdstat_blpop:calls=")) : 0;
	}
	return n;
}

static bool has_waited(void *before)
{
	return waits() > *(long long *)before;
}

/* Node i, which is free and takes the first try, is heard when the other two
 * have said that they are held. */
static void takes_it_late(int i)
{
	struct proc *p = proc_start(PROC_THREAD, lock_when_told, NULL);
	long long before;
	int64_t t;

	proc_hear(p);
	MUST(rl_mutex_lock(&m));
	before = waits();
	cr_assert(holding_becomes("n", 3));
	server_ask(node[i], "DEL rl:n");
	proxy_act(proxy[i], TO_CLIENT, PROXY_HOLD);
	proc_tell(p, 0);
	cr_assert(wait_until(has_waited, &before, WAIT_MS));
	proxy_release(proxy[i]);
	/* The lease is 10 s. */
	cr_expect(wait_until(is_free_there, node[i], 3000), "node %d", i);
	t = wait_now_ms();
	MUST(rl_mutex_unlock(&m));
	proc_hear(p);
	cr_expect_lt(wait_now_ms() - t, 3000, "node %d", i);
	proc_tell(p, 0);
	cr_expect_eq(proc_join(p), 0);
}

/* One of the three is the one that is waited at, behind whose BLPOP nothing
 * would be run. */
Test(quorum_late, a_try_that_was_given_up_is_undone_before_its_node_is_waited_at,
     .init = patient)
{
	int i;

	for (i = 0; i < 3; i++)
		takes_it_late(i);
}

/* A node that fails is left alone, but not with what it was asked before. */
static void fails_with_an_acquire(int i)
{
	int64_t end;

	MUST(rl_mutex_lock(&m));
	MUST(rl_mutex_unlock(&m));
	cr_assert(holding_becomes("n", 0));
	proxy_act(proxy[i], TO_CLIENT, PROXY_HOLD);
	MUST(rl_mutex_lock(&m));
	cr_assert(holding_becomes("n", 3));
	proxy_refuse(proxy[i], true);
	proxy_act(proxy[i], TO_CLIENT, PROXY_CUT);
	/* Until it has failed a few times. */
	for (end = wait_now_ms() + 100; wait_now_ms() < end;)
		OK(rl_mutex_held(&m));
	proxy_refuse(proxy[i], false);
	MUST(rl_mutex_unlock(&m));
	/* The lease is 10 s. */
	cr_expect(wait_until(is_free_there, node[i], 3000), "node %d", i);
}

Test(quorum_late, an_acquire_is_released_though_its_node_failed_meanwhile,
     .init = patient)
{
	int i;

	for (i = 0; i < 3; i++)
		fails_with_an_acquire(i);
}

/* --------------------------------------------------------- one after the other */

static void *lock_once(void *arg)
{
	MUST(rl_mutex_lock(&m));
	MUST(rl_mutex_unlock(&m));
	return arg;
}

/* Each thread that ends would wait 200 ms for the node that hangs. */
Test(quorum_late, of_threads_that_end_few_wait_for_a_node_that_hangs)
{
	enum { THREADS = 25 };
	pthread_t t;
	int64_t took;
	int i;

	become_known(&m, "n");
	server_pause(node[1]);
	took = wait_now_ms();
	for (i = 0; i < THREADS; i++) {
		cr_assert_eq(pthread_create(&t, NULL, lock_once, NULL), 0);
		cr_assert_eq(pthread_join(t, NULL), 0);
	}
	took = wait_now_ms() - took;
	cr_expect_lt(took, THREADS * 150, "%lld ms", (long long)took);
	server_resume(node[1]);
}
