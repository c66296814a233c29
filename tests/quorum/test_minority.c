/*
 * A node of a quorum that is down, stopped, cut off, empty or another one: it
 * costs nothing but itself.
 */
#include "quorum.h"

static rl_mutex_t m;
static struct want others;
static struct proc *other;

static void setup(void)
{
	nodes_proxied(3, &(struct server_options){ .persist = true });
	make(&m, &(struct want){ .lease_ms = 2000, .refresh_ms = 100 });
	others = (struct want){ .lease_ms = 2000, .refresh_ms = 100 };
	other = party_start(PROC_THREAD, &others);
}

static void teardown(void)
{
	party_end(other);
	rl_mutex_destroy(&m);
	nodes_end();
}

TestSuite(quorum_minority, .init = setup, .fini = teardown);

static uint64_t lock_and_unlock(void)
{
	uint64_t fence = 0;

	OK(rl_mutex_lock(&m));
	OK(rl_mutex_fence(&m, &fence));
	OK(rl_mutex_unlock(&m));
	return fence;
}

static uint64_t other_locks_and_unlocks(void)
{
	int64_t fence;

	DID(other, LOCK, 0, 0);
	fence = party_do(other, FENCE, 0);
	DID(other, UNLOCK, 0, 0);
	return (uint64_t)fence;
}

/* How long a lock and its unlock take, most of the time. */
static int64_t usual_ns(void)
{
	int64_t took[15], t;
	int i, j;

	for (i = 0; i < 15; i++) {
		t = wait_now_ns();
		lock_and_unlock();
		t = wait_now_ns() - t;
		for (j = i; j > 0 && took[j - 1] > t; j--)
			took[j] = took[j - 1];
		took[j] = t;
	}
	return took[7];
}

/* Where a node is asked and waited for, it is for 1000 ms. */
static void expect_as_usual(const char *what)
{
	int64_t took = usual_ns();

	cr_expect_lt(took, 100000000, "%s: %lld us", what,
		     (long long)took / 1000);
}

Test(quorum_minority, may_be_down_at_start)
{
	server_kill(node[0]);
	lock_and_unlock();
	expect_as_usual("one is down");
	server_restart(node[0], true);
	OK(rl_mutex_lock(&m));
	cr_expect(holding_becomes("n", 3));
	OK(rl_mutex_unlock(&m));
	cr_expect(holding_becomes("n", 0));
}

Test(quorum_minority, that_stands_still_is_not_waited_for)
{
	lock_and_unlock();
	server_pause(node[1]);
	lock_and_unlock();
	expect_as_usual("one stands still");
	server_resume(node[1]);
}

Test(quorum_minority, that_is_cut_off_one_way_is_not_waited_for)
{
	lock_and_unlock();
	proxy_act(proxy[2], TO_SERVER, PROXY_DROP);
	lock_and_unlock();
	expect_as_usual("it hears nothing");
	proxy_release(proxy[2]);
	proxy_act(proxy[1], TO_CLIENT, PROXY_DROP);
	lock_and_unlock();
	expect_as_usual("it is not heard");
	proxy_release(proxy[1]);
	OK(rl_mutex_lock(&m));
	OK(rl_mutex_unlock(&m));
}

Test(quorum_minority, that_refuses_connections_is_left_alone)
{
	proxy_refuse(proxy[0], true);
	lock_and_unlock();
	expect_as_usual("one refuses");
}

Test(quorum_minority, may_be_lost_while_holding)
{
	int i;

	for (i = 0; i < 3; i++) {
		OK(rl_mutex_lock(&m));
		/* A node that was back a moment before gets it from the
		 * keeper. */
		cr_assert(holding_becomes("n", 3), "%d", i);
		server_kill(node[i]);
		DID(other, TRYLOCK, 0, EBUSY);
		OK(rl_mutex_held(&m));
		OK(rl_mutex_refresh(&m));
		OK(rl_mutex_unlock(&m));
		server_restart(node[i], true);
		cr_assert(holding_becomes("n", 0), "%d", i);
	}
	other_locks_and_unlocks();
}

/* What is asked next goes to a connection that has answered nothing yet, and has
 * ended since. */
Test(quorum_minority, that_comes_back_is_asked_at_once_where_another_is_lost)
{
	OK(rl_mutex_lock(&m));
	server_pause(node[0]);
	DID(other, TRYLOCK, 0, EBUSY);
	proxy_act(proxy[0], TO_CLIENT, PROXY_CUT);
	server_resume(node[0]);
	proxy_refuse(proxy[1], true);
	proxy_act(proxy[1], TO_CLIENT, PROXY_CUT);
	DID(other, TRYLOCK, 0, EBUSY);
	OK(rl_mutex_unlock(&m));
}

Test(quorum_minority, that_comes_back_empty_is_repaired_by_the_keeper)
{
	int i;

	OK(rl_mutex_lock(&m));
	for (i = 0; i < 3; i++) {
		cr_assert(holding_becomes("n", 3), "before %d", i);
		server_restart(node[i], false);
		cr_expect(holding_becomes("n", 3), "%d", i);
		OK(rl_mutex_held(&m));
	}
	/* None of the first ones is left. */
	DID(other, TRYLOCK, 0, EBUSY);
	OK(rl_mutex_unlock(&m));
	cr_expect(holding_becomes("n", 0));
	other_locks_and_unlocks();
}

Test(quorum_minority, that_comes_back_with_its_data_goes_on)
{
	uint64_t fence = lock_and_unlock(), next;
	int i;

	for (i = 0; i < 3; i++) {
		server_kill(node[i]);
		next = lock_and_unlock();
		cr_expect_gt(next, fence);
		server_restart(node[i], true);
		server_kill(node[(i + 1) % 3]);
		fence = other_locks_and_unlocks();
		cr_expect_gt(fence, next);
		server_restart(node[(i + 1) % 3], true);
	}
}

Test(quorum_minority, may_be_replaced_by_another_under_its_name)
{
	uint64_t fence = lock_and_unlock(), next;

	/* The same path, another server without any data. */
	server_kill(node[0]);
	lock_and_unlock();
	server_restart(node[0], false);
	next = lock_and_unlock();
	cr_expect_gt(next, fence);
	server_kill(node[1]);
	fence = other_locks_and_unlocks();
	cr_expect_gt(fence, next);
}

Test(quorum_minority, that_forgot_scripts_gets_them_again)
{
	lock_and_unlock();
	server_ask(node[0], "SCRIPT FLUSH");
	OK(rl_mutex_lock(&m));
	cr_expect(holding_becomes("n", 3));
	OK(rl_mutex_unlock(&m));
}

Test(quorum_minority, that_pauses_its_clients_holds_nobody_up)
{
	lock_and_unlock();
	server_ask(node[2], "CLIENT PAUSE 3000 ALL");
	lock_and_unlock();
	expect_as_usual("one pauses");
	/* What ran there late is undone, or ended. */
	cr_expect(holding_becomes("n", 0));
	other_locks_and_unlocks();
}

/* One has forgotten the hold, another one is not heard: the third had it, and
 * nobody else can have got in. */
Test(quorum_minority, that_is_not_heard_does_not_hold_up_an_unlock)
{
	rl_mutex_t lasting;
	int64_t t;

	make(&lasting, &(struct want){ .name = "n" });
	OK(rl_mutex_lock(&lasting));
	cr_assert(holding_becomes("n", 3));
	server_ask(node[1], "DEL rl:n");
	proxy_act(proxy[2], TO_CLIENT, PROXY_HOLD);
	t = wait_now_ms();
	OK(rl_mutex_unlock(&lasting));
	/* It would be waited for for 1000 ms. */
	cr_expect_lt(wait_now_ms() - t, 800, "%lld ms",
		     (long long)(wait_now_ms() - t));
	proxy_release(proxy[2]);
	other_locks_and_unlocks();
	OK(rl_mutex_destroy(&lasting));
}

/* Each takes part in a hold again: none is left alone any more. */
static bool all_take_part(void *mutex)
{
	int n;

	MUST(rl_mutex_lock(mutex));
	n = holding("split");
	MUST(rl_mutex_unlock(mutex));
	return n == 3;
}

/* Of two that answer, one is held and one is free: the third would tell, but
 * stands still. */
Test(quorum_minority, that_would_decide_a_split_is_waited_for_shortly)
{
	static const struct {
		int (*call)(rl_mutex_t *);
		int gives;
	} calls[] = { { rl_mutex_trylock, EBUSY }, { rl_mutex_locked, EBUSY },
		      { rl_mutex_reset, 0 } };
	char list[sizeof(all)];
	rl_mutex_t patient;
	size_t len = 0;
	int64_t t;
	int i;

	for (i = 0; i < 3; i++)
		len += (size_t)snprintf(list + len, sizeof(list) - len,
					"%s?command_timeout=8000 ",
					proxy[i]->url);
	TEST_MUST(len < sizeof(list));
	make(&patient, &(struct want){ .servers = list, .name = "split",
				       .lease_ms = 1000000 });
	for (i = 0; i < 3; i++) {
		server_ask(node[0], "DEL rl:split");
		cr_assert(wait_until(all_take_part, &patient, WAIT_MS));
		cr_assert(holding_becomes("split", 0));
		server_ask(node[0], "SET rl:split name:other#%s",
			   "8000000000000000");
		lay_open(0, "split");
		server_ask(node[0], "HINCRBY {rl:split}:rl:meta t 1");
		server_pause(node[2]);
		t = wait_now_ms();
		EXPECT(calls[i].call(&patient), calls[i].gives);
		/* It would be waited for for 8 s. */
		cr_expect_lt(wait_now_ms() - t, 3000, "%d: %lld ms", i,
			     (long long)(wait_now_ms() - t));
		server_resume(node[2]);
	}
	OK(rl_mutex_destroy(&patient));
}

/* ------------------------------------------------------------------ waiting */

/* Wherever the waiter waits, it goes on when that node is gone. */
Test(quorum_minority, a_waiter_goes_on_without_it)
{
	int64_t t;
	int i;

	for (i = 0; i < 3; i++) {
		OK(rl_mutex_lock(&m));
		cr_assert(holding_becomes("n", 3));
		party_begin(other, LOCK, 0);
		cr_assert(waiters_become(1));
		if (i == 1)
			server_pause(node[i]);
		else
			server_kill(node[i]);
		OK(rl_mutex_unlock(&m));
		t = wait_now_ms();
		cr_expect_eq(proc_hear(other), 0);
		cr_expect_lt(wait_now_ms() - t, 3000, "node %d", i);
		DID(other, UNLOCK, 0, 0);
		if (i == 1)
			server_resume(node[i]);
		else
			server_restart(node[i], true);
		cr_assert(holding_becomes("n", 0), "%d", i);
	}
}
