/* What lies in the server: types, encodings and expiries, at each moment. */
#include "mutex/peer.h"

#define DAY 86400000LL	/* ms */

static rl_mutex_t m;
static struct spec spec;

static void setup(void)
{
	lock_setup();
	spec = (struct spec){ .name = "" };
	spec_fresh(&spec);
}

TestSuite(keys, .init = setup, .fini = lock_teardown);

static void begin(void)
{
	cr_assert_eq(spec_init(&spec, &m), 0);
}

static long long ask_k(const char *command)
{
	return server_ask_int(srv, "%s rl:%s", command, spec.name);
}

static long long ask_meta(const char *command)
{
	return server_ask_int(srv, "%s {rl:%s}:rl:meta", command, spec.name);
}

static long long keys(void)
{
	return server_ask_int(srv, "DBSIZE");
}

static void expect_meta_expires(const char *when)
{
	long long ms = ask_meta("PTTL");

	cr_expect(ms > 6 * DAY && ms < 10 * DAY, "%s: %lld", when, ms);
}

Test(keys, held_it_is_a_string_with_the_lease)
{
	spec.lease_ms = 7000;
	begin();
	cr_assert_eq(rl_mutex_lock(&m), 0);
	cr_expect_str_eq(server_ask(srv, "TYPE rl:%s", spec.name), "string");
	cr_expect(ask_k("PTTL") > 5000 && ask_k("PTTL") <= 7000);
	cr_expect_str_eq(server_ask(srv, "TYPE {rl:%s}:rl:meta", spec.name),
			 "hash");
	cr_expect_eq(keys(), 2);
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	cr_expect_eq(ask_k("EXISTS"), 0);
	cr_expect_eq(keys(), 1);
}

/* Small enough to be kept packed: one lock is a few dozen bytes. */
Test(keys, meta_is_a_packed_hash)
{
	const char *encoding;

	begin();
	cr_assert_eq(rl_mutex_lock(&m), 0);
	encoding = server_ask(srv, "OBJECT ENCODING {rl:%s}:rl:meta",
			      spec.name);
	cr_expect(!strcmp(encoding, "listpack") ||
		  !strcmp(encoding, "ziplist"), "%s", encoding);
	cr_expect_lt(server_ask_int(srv, "MEMORY USAGE {rl:%s}:rl:meta",
				    spec.name), 400);
	cr_expect_eq(rl_mutex_unlock(&m), 0);
}

Test(keys, meta_always_expires)
{
	struct peer *p = peer_start(PEER_PROCESS, &spec, NULL);

	spec.robust = RL_MUTEX_ROBUST;
	begin();
	cr_assert_eq(rl_mutex_lock(&m), 0);
	expect_meta_expires("held");
	peer_begin(p, LOCK, 0);
	cr_assert(server_info_becomes(srv, "blocked_clients", 1));
	expect_meta_expires("waited for");
	cr_assert_eq(rl_mutex_unlock(&m), 0);
	cr_assert_eq(peer_answer(p).err, 0);
	expect_meta_expires("handed on");
	peer_kill(p);
	expect_meta_expires("its holder dead");
	server_ask(srv, "DEL rl:%s", spec.name);
	cr_assert_eq(rl_mutex_lock(&m), EOWNERDEAD);
	expect_meta_expires("to be mended");
	cr_assert_eq(rl_mutex_consistent(&m), 0);
	expect_meta_expires("mended");
	cr_assert_eq(rl_mutex_unlock(&m), 0);
	expect_meta_expires("free");
	cr_assert_eq(rl_mutex_lock(&m), 0);
	cr_assert_eq(rl_mutex_reset(&m), 0);
	expect_meta_expires("reset");
	peer_end(p);
}

Test(keys, meta_that_was_lost_expires_again)
{
	begin();
	cr_assert_eq(rl_mutex_lock(&m), 0);
	ask_meta("DEL");
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	cr_expect_neq(ask_meta("PTTL"), -1);
	cr_assert_eq(rl_mutex_lock(&m), 0);
	ask_meta("DEL");
	cr_expect_eq(rl_mutex_refresh(&m), 0);
	cr_expect_neq(ask_meta("PTTL"), -1);
	cr_expect_eq(act_on(&m, TIMEDLOCK, 50), ETIMEDOUT);
	expect_meta_expires("waited for");
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	cr_expect_neq(ask_meta("PTTL"), -1);
}

/* A lock in use for weeks must not outlive the expiry that began with it. */
Test(keys, metas_expiry_starts_anew_while_the_lock_is_in_use)
{
	struct peer *p = peer_start(PEER_PROCESS, &spec, NULL);

	begin();
	cr_assert_eq(rl_mutex_lock(&m), 0);
	cr_assert_eq(rl_mutex_unlock(&m), 0);
	server_ask(srv, "PEXPIRE {rl:%s}:rl:meta 60000", spec.name);
	cr_assert_eq(peer_do(p, LOCK, 0), 0);
	cr_assert_eq(peer_do(p, UNLOCK, 0), 0);
	expect_meta_expires("used by another process");
	peer_end(p);
}

Test(keys, meta_outlives_the_lease)
{
	spec.lease_ms = 30 * DAY;
	begin();
	cr_assert_eq(rl_mutex_lock(&m), 0);
	cr_expect_gt(ask_meta("PTTL"), 37 * DAY);
	cr_expect_eq(rl_mutex_unlock(&m), 0);
}

Test(keys, not_recoverable_is_not_forgotten)
{
	struct peer *p;

	spec.robust = RL_MUTEX_ROBUST;
	p = peer_start(PEER_PROCESS, &spec, NULL);
	begin();
	cr_assert_eq(peer_do(p, LOCK, 0), 0);
	peer_kill(p);
	server_ask(srv, "DEL rl:%s", spec.name);
	cr_assert_eq(rl_mutex_lock(&m), EOWNERDEAD);
	cr_assert_eq(rl_mutex_unlock(&m), 0);
	cr_expect_eq(ask_meta("PTTL"), -1);
	cr_expect_eq(rl_mutex_lock(&m), ENOTRECOVERABLE);
	cr_expect_eq(rl_mutex_trylock(&m), ENOTRECOVERABLE);
	cr_expect_eq(ask_meta("PTTL"), -1);
	cr_expect_eq(rl_mutex_reset(&m), 0);
	expect_meta_expires("reset");
	peer_end(p);
}

static bool only_meta_is_left(void *arg)
{
	(void)arg;
	return keys() == 1;
}

/* The waiter dies: what is meant for it goes away by itself. */
Test(keys, a_hand_off_that_nobody_takes_is_gone_soon)
{
	struct peer *p = peer_start(PEER_PROCESS, &spec, NULL);

	begin();
	cr_assert_eq(rl_mutex_lock(&m), 0);
	peer_begin(p, LOCK, 0);
	cr_assert(server_info_becomes(srv, "blocked_clients", 1));
	peer_kill(p);
	cr_assert(server_info_becomes(srv, "blocked_clients", 0));
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	cr_expect_str_eq(server_ask(srv, "TYPE {rl:%s}:rl:wake", spec.name),
			 "list");
	cr_expect_eq(rl_mutex_locked(&m), EBUSY);
	cr_expect_eq(act_on(&m, OWNER, 0), ENOENT);
	cr_expect(wait_until(only_meta_is_left, NULL, 3000));
	peer_end(p);
}

Test(keys, a_name_with_a_hash_tag_keeps_its_keys_in_that_slot)
{
	snprintf(spec.name, sizeof(spec.name), "{shop}:orders");
	begin();
	cr_assert_eq(rl_mutex_lock(&m), 0);
	cr_expect_eq(server_ask_int(srv, "EXISTS rl:{shop}:orders "
				    "rl:{shop}:orders:rl.meta"), 2);
	cr_expect_eq(keys(), 2);
	cr_expect_eq(rl_mutex_unlock(&m), 0);
}

Test(keys, a_thousand_holds_leave_one_key)
{
	begin();
	for (int i = 0; i < 1000; i++) {
		cr_assert_eq(rl_mutex_lock(&m), 0);
		cr_assert_eq(rl_mutex_unlock(&m), 0);
	}
	cr_expect_eq(keys(), 1);
}

/* Values of other clients that resemble ours are shown whole, and excluded. */
Test(keys, a_value_that_is_almost_ours_is_not_ours)
{
	static const char *const values[] = {
		"#", "#1", "#12#", "user:me#0123456789abcdef",
		"name:me#0123456789abcde", "name:me#0123456789abcdeg",
	};

	begin();
	/* So that there is a count to compare with. */
	cr_assert_eq(rl_mutex_lock(&m), 0);
	cr_assert_eq(rl_mutex_unlock(&m), 0);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct answer a;

		server_ask(srv, "SET rl:%s %s", spec.name, values[i]);
		a = act_full(&m, OWNER, 0);
		cr_expect_eq(a.err, 0, "%s", values[i]);
		cr_expect_str_eq(a.text, values[i]);
		cr_expect_eq(rl_mutex_locked(&m), EBUSY);
		cr_expect_eq(rl_mutex_trylock(&m), EBUSY);
		cr_expect_eq(rl_mutex_held(&m), EPERM);
		cr_expect_str_eq(server_ask(srv, "GET rl:%s", spec.name),
				 values[i]);
	}
}

/* A key of another type in the way is an answer that makes no sense. */
Test(keys, another_type_in_the_way_is_eproto)
{
	begin();
	server_ask(srv, "RPUSH rl:%s a", spec.name);
	cr_expect_eq(rl_mutex_trylock(&m), EPROTO);
	cr_expect(strstr(rl_last_error(), "WRONGTYPE"));
	server_ask(srv, "DEL rl:%s", spec.name);
	server_ask(srv, "SET {rl:%s}:rl:meta a", spec.name);
	cr_expect_eq(rl_mutex_trylock(&m), EPROTO);
	cr_expect_eq(ask_k("EXISTS"), 0, "the refusal left a hold behind");
	server_ask(srv, "DEL {rl:%s}:rl:meta", spec.name);
	cr_expect_eq(rl_mutex_trylock(&m), 0);
	cr_expect_eq(rl_mutex_unlock(&m), 0);
}
