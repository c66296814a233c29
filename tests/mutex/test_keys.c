/* What rl leaves in the server, and under which names. */
#include "peer.h"

TestSuite(mutex_keys, .init = lock_setup, .fini = lock_teardown);

static void init_as(rl_mutex_t *m, const char *prefix, const char *name)
{
	struct spec s = { .type = RL_MUTEX_NORMAL };
	rl_mutexattr_t attr;

	cr_assert_eq(spec_attr(&s, &attr), 0);
	if (prefix)
		cr_assert_eq(rl_mutexattr_setprefix(&attr, prefix), 0);
	cr_assert_eq(rl_mutex_init(m, name, &attr), 0);
	rl_mutexattr_destroy(&attr);
}

static const long long week = 7LL * 24 * 3600 * 1000;

struct names {
	const char *prefix, *name;
};

static int lock_once(struct proc *self, void *arg)
{
	struct names *names = arg;
	MUTEX own;

	(void)self;
	init_as(&own, names->prefix, names->name);
	PROC_CHECK(rl_mutex_lock(&own) == 0);
	PROC_CHECK(rl_mutex_unlock(&own) == 0);
	return 0;
}

/* K while it is held, and only meta, with an expiry, afterwards. */
static void expect_keys(const char *prefix, const char *name, const char *k,
			const char *meta)
{
	struct names names = { prefix, name };
	MUTEX m;

	init_as(&m, prefix, name);
	cr_assert_eq(rl_mutex_lock(&m), 0);
	cr_expect_str_eq(server_ask(srv, "TYPE %s", k), "string", "%s", k);
	cr_expect_gt(server_ask_int(srv, "PTTL %s", k), 0);
	cr_expect_leq(server_ask_int(srv, "PTTL %s", k), 10000);
	cr_expect_eq(server_ask_int(srv, "EXISTS %s", meta), 1, "%s", meta);
	cr_expect_eq(server_ask_int(srv, "DBSIZE"), 2);
	cr_assert_eq(rl_mutex_unlock(&m), 0);
	cr_expect_eq(server_ask_int(srv, "EXISTS %s", meta), 1, "%s", meta);
	cr_expect_eq(server_ask_int(srv, "DBSIZE"), 1);
	cr_expect_gt(server_ask_int(srv, "PTTL %s", meta), week / 2);
	cr_expect_lt(server_ask_int(srv, "PTTL %s", meta), 5 * week);
	server_ask(srv, "FLUSHALL");
	rl_mutex_destroy(&m);
	cr_expect_eq(proc_join(proc_start(PROC_PROCESS, lock_once, &names)), 0);
	server_ask(srv, "PEXPIRE %s 60000", meta);
	/* One that has just begun does not know how long meta is kept. */
	cr_expect_eq(proc_join(proc_start(PROC_PROCESS, lock_once, &names)), 0);
	cr_expect_gt(server_ask_int(srv, "PTTL %s", meta), week / 2);
	server_ask(srv, "FLUSHALL");
}

Test(mutex_keys, are_named_as_documented_and_only_meta_stays)
{
	expect_keys(NULL, "nightly", "rl:nightly", "{rl:nightly}:rl:meta");
	expect_keys("app:", "jobs", "app:jobs", "{app:jobs}:rl:meta");
	expect_keys("", "bare", "bare", "{bare}:rl:meta");
	expect_keys(NULL, "a{tag}b", "rl:a{tag}b", "rl:a{tag}b:rl.meta");
	expect_keys("{app}:", "jobs", "{app}:jobs", "{app}:jobs:rl.meta");
}

static bool only_meta_is_left(void *arg)
{
	(void)arg;
	return server_ask_int(srv, "DBSIZE") == 1;
}

/* A hand-off that somebody took, and one that nobody took. */
Test(mutex_keys, a_hand_off_is_gone_within_a_second_or_so)
{
	struct spec s = { .name = "lock" };
	struct peer *p;
	int64_t began;
	MUTEX m;

	cr_assert_eq(spec_init(&s, &m), 0);
	p = peer_start(PEER_PROCESS, &s, NULL);
	cr_assert_eq(rl_mutex_lock(&m), 0);
	peer_begin(p, LOCK, 0);
	cr_expect(server_info_becomes(srv, "blocked_clients", 1));
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	cr_expect_eq(peer_answer(p).err, 0);
	cr_expect_eq(peer_do(p, TIMEDLOCK, 10), ETIMEDOUT);
	cr_expect_eq(peer_do(p, UNLOCK, 0), 0);
	began = wait_now_ms();
	cr_expect(wait_until(only_meta_is_left, NULL, WAIT_MS));
	cr_expect_lt(wait_now_ms() - began, 5000);
	peer_end(p);
}

Test(mutex_keys, two_prefixes_or_databases_are_two_locks)
{
	MUTEX a, b;

	init_as(&a, "a:", "lock");
	init_as(&b, "b:", "lock");
	cr_expect_eq(rl_mutex_lock(&a), 0);
	cr_expect_eq(rl_mutex_trylock(&b), 0);
	cr_expect_eq(rl_mutex_unlock(&a), 0);
	cr_expect_eq(rl_mutex_unlock(&b), 0);
}

Test(mutex_keys, prefix_and_name_together_are_the_lock)
{
	MUTEX a, b;

	init_as(&a, "a:", "b:lock");
	init_as(&b, "a:b:", "lock");
	cr_expect_eq(rl_mutex_lock(&a), 0);
	cr_expect_eq(rl_mutex_trylock(&b), EBUSY);
	cr_expect_eq(rl_mutex_unlock(&a), 0);
	cr_expect_eq(rl_mutex_trylock(&b), 0);
	cr_expect_eq(rl_mutex_unlock(&b), 0);
}

/* With an empty prefix rl and the common recipe exclude each other. */
Test(mutex_keys, a_plain_set_nx_excludes_and_is_excluded)
{
	struct spec s = { .name = "lock" };
	struct peer *p;
	MUTEX m;

	init_as(&m, "", "shared");
	cr_expect_eq(rl_mutex_lock(&m), 0);
	cr_expect_str_eq(server_ask(srv, "SET shared me NX PX 1000"), "(nil)");
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	cr_expect_str_eq(server_ask(srv, "SET shared me NX PX 60000"), "OK");
	cr_expect_eq(rl_mutex_trylock(&m), EBUSY);
	cr_expect_eq(rl_mutex_locked(&m), EBUSY);
	cr_expect_eq(rl_mutex_held(&m), EPERM);
	p = peer_start(PEER_SAME_MUTEX, &s, &m);
	peer_begin(p, LOCK, 0);
	cr_expect(server_info_becomes(srv, "blocked_clients", 1));
	cr_expect_eq(server_ask_int(srv, "DEL shared"), 1);
	cr_expect_eq(peer_answer(p).err, 0);
	cr_expect_eq(peer_do(p, UNLOCK, 0), 0);
	peer_end(p);
}

/* The waiter that was handed the lock stands still: nobody holds it yet. In a
 * quorum it has only been woken. */
Test(mutex_keys, during_a_hand_off_it_is_locked_and_has_no_owner)
{
	struct spec s = { .name = "lock" };
	struct peer *p;
	MUTEX m;

	cr_assert_eq(spec_init(&s, &m), 0);
	p = peer_start(PEER_PROCESS, &s, NULL);
	cr_assert_eq(rl_mutex_lock(&m), 0);
	peer_begin(p, LOCK, 0);
	cr_expect(server_info_becomes(srv, "blocked_clients", 1));
	proc_pause(p->proc);
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	cr_expect_eq(rl_mutex_locked(&m), srv->nodes > 1 ? 0 : EBUSY);
	cr_expect_eq(act_on(&m, OWNER, 0), ENOENT);
	cr_expect_eq(rl_mutex_held(&m), EPERM);
	cr_expect_eq(rl_mutex_unlock(&m), EPERM);
	proc_resume(p->proc);
	cr_expect_eq(peer_answer(p).err, 0);
	cr_expect_eq(peer_do(p, UNLOCK, 0), 0);
	peer_end(p);
}
