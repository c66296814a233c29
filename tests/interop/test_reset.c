/* Force: one lock is freed whoever holds it, and all of them at once. */
#include <stdatomic.h>

#include "mutex/peer.h"

static struct spec spec;
static rl_mutex_t m;

static void setup(void)
{
	lock_setup();
	spec = (struct spec){ .name = "" };
	spec_fresh(&spec);
}

TestSuite(reset, .init = setup, .fini = lock_teardown);
TestSuite(reset_all, .init = setup, .fini = lock_teardown);

static void count(rl_mutex_t *mutex, int error, void *arg)
{
	(void)mutex;
	if (error == ESTALE)
		atomic_fetch_add((atomic_int *)arg, 1);
}

static void begin(void)
{
	cr_assert_eq(spec_init(&spec, &m), 0);
}

Test(reset, the_holder_is_told_and_its_unlock_harms_nobody)
{
	struct peer *p = peer_start(PEER_PROCESS, &spec, NULL);
	atomic_int lost = 0;
	struct answer a;
	uint64_t fence;

	spec.onlost = count;
	spec.arg = &lost;
	begin();
	cr_assert_eq(rl_mutex_lock(&m), 0);
	cr_assert_eq(rl_mutex_fence(&m, &fence), 0);
	cr_expect_eq(peer_do(p, RESET, 0), 0);
	cr_expect_eq(peer_do(p, LOCKED, 0), 0);
	cr_expect_eq(peer_do(p, TRYLOCK, 0), 0);
	a = peer_ask(p, FENCE, 0);
	cr_expect_gt((uint64_t)a.value, fence);
	cr_expect_eq(rl_mutex_unlock(&m), ESTALE);
	cr_expect_eq(peer_do(p, HELD, 0), 0);
	cr_expect_eq(lost, 1);
	cr_expect_eq(peer_do(p, UNLOCK, 0), 0);
	cr_expect_eq(lost, 1);
	peer_end(p);
}

Test(reset, the_holder_is_told_though_nobody_follows)
{
	struct peer *p = peer_start(PEER_PROCESS, &spec, NULL);
	atomic_int lost = 0;

	spec.onlost = count;
	spec.arg = &lost;
	begin();
	cr_assert_eq(rl_mutex_lock(&m), 0);
	cr_expect_eq(peer_do(p, RESET, 0), 0);
	cr_expect_eq(rl_mutex_refresh(&m), ESTALE);
	cr_expect_eq(lost, 1);
	cr_expect_eq(rl_mutex_unlock(&m), ESTALE);
	cr_expect_eq(rl_mutex_unlock(&m), EPERM);
	cr_expect_eq(rl_mutex_lock(&m), 0);
	cr_expect_eq(peer_do(p, RESET, 0), 0);
	cr_expect_eq(rl_mutex_unlock(&m), ESTALE);
	cr_expect_eq(lost, 2);
	peer_end(p);
}

Test(reset, waiters_go_on_waiting_and_the_first_gets_it)
{
	struct peer *holder = peer_start(PEER_PROCESS, &spec, NULL);
	struct peer *first = peer_start(PEER_PROCESS, &spec, NULL);
	struct peer *second = peer_start(PEER_OWN_MUTEX, &spec, NULL);

	begin();
	cr_assert_eq(peer_do(holder, LOCK, 0), 0);
	peer_begin(first, LOCK, 0);
	cr_assert(server_info_becomes(srv, "blocked_clients", 1));
	peer_begin(second, LOCK, 0);
	cr_assert(server_info_becomes(srv, "blocked_clients", 2));
	cr_expect_eq(rl_mutex_reset(&m), 0);
	/* Handed on there and then, not when somebody asks the next time. */
	cr_expect_eq(server_ask_int(srv, "EXISTS rl:%s", spec.name), 1);
	cr_expect_eq(peer_answer(first).err, 0);
	cr_expect(!peer_answers(second, 100));
	cr_expect_eq(peer_do(holder, UNLOCK, 0), ESTALE);
	cr_expect_eq(peer_do(first, HELD, 0), 0);
	cr_expect_eq(peer_do(first, UNLOCK, 0), 0);
	cr_expect_eq(peer_answer(second).err, 0);
	cr_expect_eq(peer_do(second, UNLOCK, 0), 0);
	peer_end(holder);
	peer_end(first);
	peer_end(second);
}

Test(reset, a_free_lock_stays_free)
{
	begin();
	cr_expect_eq(rl_mutex_reset(&m), 0);
	cr_expect_eq(server_ask_int(srv, "DBSIZE"), 0);
	cr_assert_eq(rl_mutex_lock(&m), 0);
	cr_assert_eq(rl_mutex_unlock(&m), 0);
	cr_expect_eq(rl_mutex_reset(&m), 0);
	cr_expect_eq(rl_mutex_locked(&m), 0);
	cr_expect_eq(rl_mutex_trylock(&m), 0);
	cr_expect_eq(rl_mutex_unlock(&m), 0);
}

/* Nobody is told that the owner died: whoever resets knows what he does. */
Test(reset, a_robust_lock_is_new_afterwards)
{
	struct peer *p;

	spec.robust = RL_MUTEX_ROBUST;
	p = peer_start(PEER_PROCESS, &spec, NULL);
	begin();
	cr_assert_eq(peer_do(p, LOCK, 0), 0);
	peer_kill(p);
	cr_expect_eq(rl_mutex_reset(&m), 0);
	cr_expect_eq(rl_mutex_lock(&m), 0);
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	peer_end(p);
}

Test(reset, a_foreign_holder_is_reset_too)
{
	begin();
	server_ask(srv, "SET rl:%s somebody PX 60000", spec.name);
	cr_expect_eq(rl_mutex_reset(&m), 0);
	cr_expect_eq(rl_mutex_trylock(&m), 0);
	cr_expect_eq(rl_mutex_unlock(&m), 0);
}

/* --------------------------------------------------------------- reset_all */

/* Locks name-0 ... under the prefix the environment says, and leaves them. */
static void lock_many(const char *name, int n)
{
	static rl_mutex_t many[3000];

	for (int i = 0; i < n; i++) {
		snprintf(spec.name, sizeof(spec.name), "%s%d", name, i);
		cr_assert_eq(spec_init(&spec, &many[i]), 0);
		cr_assert_eq(rl_mutex_lock(&many[i]), 0);
	}
}

static size_t reset_all(void)
{
	rl_mutexattr_t attr;
	size_t n = 0;

	cr_assert_eq(rl_mutexattr_init(&attr), 0);
	cr_assert_eq(rl_mutexattr_setservers(&attr, srv->url), 0);
	cr_assert_eq(rl_reset_all(&attr, &n), 0, "%s", rl_last_error());
	rl_mutexattr_destroy(&attr);
	return n;
}

static void forget(const char *name, int n)
{
	for (int i = 0; i < n; i++)
		server_ask(srv, "DEL rl:%s%d", name, i);
}

Test(reset_all, frees_all_and_says_how_many_were_held)
{
	lock_many("held-", 20);
	lock_many("free-", 5);
	forget("free-", 5);
	cr_expect_eq(reset_all(), 20);
	cr_expect_eq(server_ask_int(srv, "EXISTS rl:held-0 rl:held-19"), 0);
	cr_expect_eq(reset_all(), 0);
	snprintf(spec.name, sizeof(spec.name), "held-7");
	begin();
	cr_expect_eq(rl_mutex_trylock(&m), 0);
	cr_expect_eq(rl_mutex_unlock(&m), 0);
}

Test(reset_all, finds_each_of_thousands)
{
	lock_many("x", 2500);
	cr_expect_eq(reset_all(), 2500);
	cr_expect_str_eq(server_ask(srv, "KEYS rl:*"), "");
}

Test(reset_all, uses_scan_and_never_keys)
{
	lock_many("x", 3);
	cr_expect_eq(reset_all(), 3);
	cr_expect(strstr(server_ask(srv, "INFO commandstats"),
			 "cmdstat_scan:"));
	cr_expect(!strstr(server_ask(srv, "INFO commandstats"),
			  "cmdstat_keys:"));
}

Test(reset_all, of_no_attribute_goes_by_the_environment)
{
	lock_many("x", 3);
	setenv("RL_SERVERS", srv->url, 1);
	setenv("RL_PREFIX", "another:", 1);
	cr_expect_eq(rl_reset_all(NULL, NULL), 0);
	cr_expect_eq(server_ask_int(srv, "EXISTS rl:x0 rl:x1 rl:x2"), 3);
	setenv("RL_PREFIX", "rl:", 1);
	cr_expect_eq(rl_reset_all(NULL, NULL), 0);
	cr_expect_eq(server_ask_int(srv, "EXISTS rl:x0 rl:x1 rl:x2"), 0);
}

/* A prefix may look like a pattern. */
Test(reset_all, a_prefix_stands_for_itself)
{
	static const char *const prefix[] = { "a*:", "a?:", "[ab]:", "a\\:",
					      "a-^]:" };

	for (size_t i = 0; i < sizeof(prefix) / sizeof(prefix[0]); i++) {
		setenv("RL_PREFIX", "ab:", 1);
		lock_many("other", 1);
		setenv("RL_PREFIX", prefix[i], 1);
		lock_many("mine", 2);
		cr_expect_eq(reset_all(), 2, "%s", prefix[i]);
		cr_expect_eq(server_ask_int(srv, "EXISTS ab:other0"), 1);
		server_ask(srv, "FLUSHALL");
	}
}

Test(reset_all, finds_locks_with_a_hash_tag_of_their_own)
{
	lock_many("{shop}:", 3);
	setenv("RL_PREFIX", "{rl}:", 1);
	lock_many("tagged", 2);
	cr_expect_eq(reset_all(), 2);
	cr_expect_eq(server_ask_int(srv, "EXISTS rl:{shop}:0"), 1);
	setenv("RL_PREFIX", "rl:", 1);
	cr_expect_eq(reset_all(), 3);
}

static void make_not_recoverable(void)
{
	struct peer *p;

	spec.robust = RL_MUTEX_ROBUST;
	p = peer_start(PEER_PROCESS, &spec, NULL);
	begin();
	cr_assert_eq(peer_do(p, LOCK, 0), 0);
	peer_kill(p);
	server_ask(srv, "DEL %s%s", getenv("RL_PREFIX") ? "" : "rl:",
		   spec.name);
	cr_assert_eq(rl_mutex_lock(&m), EOWNERDEAD);
	cr_assert_eq(rl_mutex_unlock(&m), 0);
	cr_assert_eq(rl_mutex_lock(&m), ENOTRECOVERABLE);
	peer_end(p);
}

Test(reset_all, makes_the_not_recoverable_usable_again)
{
	make_not_recoverable();
	cr_expect_eq(reset_all(), 0, "it was not held");
	cr_expect_eq(rl_mutex_lock(&m), 0);
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	setenv("RL_PREFIX", "", 1);
	spec_fresh(&spec);
	make_not_recoverable();
	cr_expect_eq(reset_all(), 0);
	cr_expect_eq(rl_mutex_lock(&m), 0);
	cr_expect_eq(rl_mutex_unlock(&m), 0);
}

Test(reset_all, waiters_go_on_waiting)
{
	struct peer *holder = peer_start(PEER_PROCESS, &spec, NULL);
	struct peer *waiter = peer_start(PEER_PROCESS, &spec, NULL);

	cr_assert_eq(peer_do(holder, LOCK, 0), 0);
	peer_begin(waiter, LOCK, 0);
	cr_assert(server_info_becomes(srv, "blocked_clients", 1));
	cr_expect_eq(reset_all(), 1);
	cr_expect_eq(peer_answer(waiter).err, 0);
	cr_expect_eq(peer_do(holder, UNLOCK, 0), ESTALE);
	cr_expect_eq(peer_do(waiter, UNLOCK, 0), 0);
	peer_end(holder);
	peer_end(waiter);
}

/* With prefix "" every key of the database is looked at. */
static const char *const application[] = {
	"SET greeting hello",
	"SET empty %b",
	"SET heading #1",
	"SET colour #000000",
	"SET article #12-an-article",
	"SET owner name:me",
	"SET almost name:me#0123456789abcde",
	"SET nearly name:me#0123456789abcdefg",
	"SET kind user:me#0123456789abcdef",
	"SET upper NAME:me#0123456789abcdef",
	"SET lock:py 5f0c9a5a3b1e11ee8b1d0242ac120002 PX 600000",
	"SET lock:js 1d2c8f0a9b7e6d5c4b3a29181716151413121110 PX 600000",
	"SET counter 12",
	"RPUSH list a b c",
	"HSET hash f 8 g 2",
	"SADD set a b",
	"ZADD sorted 1 a",
	"XADD stream * a b",
	"SET {odd}{key} text",
	"SET {odd text",
};

#define N_APPLICATION (sizeof(application) / sizeof(application[0]))

static void fill_database(void)
{
	for (size_t i = 0; i < N_APPLICATION; i++)
		cr_assert_neq(server_ask(srv, application[i], "", (size_t)0)[0],
			      '-', "%s", application[i]);
}

/* Of all keys, their values and whether they expire. */
static const char *digest(void)
{
	return server_ask(srv, "EVAL %s 0",
			  "local k, all = redis.call('KEYS', '*'), ''\n"
			  "table.sort(k)\n"
			  "for _, key in ipairs(k) do\n"
			  "  all = all .. key .. redis.call('DUMP', key) ..\n"
			  "        tostring(redis.call('PTTL', key) > 0)\n"
			  "end\n"
			  "return redis.sha1hex(all)");
}

Test(reset_all, with_an_empty_prefix_only_what_has_the_form_of_a_lock)
{
	static char before[64];

	setenv("RL_PREFIX", "", 1);
	fill_database();
	snprintf(before, sizeof(before), "%s", digest());
	cr_expect_eq(reset_all(), 0);
	cr_expect_str_eq(digest(), before);
	cr_expect_eq(server_ask_int(srv, "DBSIZE"), N_APPLICATION);
	lock_many("ours-", 4);
	cr_expect_eq(reset_all(), 4);
	server_ask(srv, "DEL {ours-0}:rl:meta {ours-1}:rl:meta "
		   "{ours-2}:rl:meta {ours-3}:rl:meta");
	cr_expect_str_eq(digest(), before);
}

/* A name that was a lock's once and is an application's list now. */
Test(reset_all, a_lock_whose_name_is_something_else_now_is_no_obstacle)
{
	setenv("RL_PREFIX", "", 1);
	begin();
	cr_assert_eq(rl_mutex_lock(&m), 0);
	cr_assert_eq(rl_mutex_unlock(&m), 0);
	server_ask(srv, "RPUSH %s a b c", spec.name);
	lock_many("zz-", 2);
	cr_expect_eq(reset_all(), 2);
	cr_expect_eq(server_ask_int(srv, "DBSIZE"), 4);
}

Test(reset_all, a_foreign_lock_on_a_name_that_was_ours_is_left_alone)
{
	setenv("RL_PREFIX", "", 1);
	begin();
	cr_assert_eq(rl_mutex_lock(&m), 0);
	cr_assert_eq(rl_mutex_unlock(&m), 0);
	server_ask(srv, "SET %s 5f0c9a5a3b1e PX 600000", spec.name);
	cr_expect_eq(reset_all(), 0);
	cr_expect_str_eq(server_ask(srv, "GET %s", spec.name), "5f0c9a5a3b1e");
}
