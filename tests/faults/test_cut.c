/*
 * The connection is cut behind the n-th byte of a call, n = 0, 1, 2, …, in
 * either direction: it is made anew inside the call, and what the call says is
 * true.
 */
#include "faults/faults.h"

static struct server *srv;
static struct proxy *proxy;
static rl_mutex_t m, rival;
static uint64_t last_fence;
static const char *options;	/* of m's URL */
static int patience_ms = 5000;	/* of timedlock */

/* What is left of a lease that is to be refreshed. */
#define SHORT_LEASE_MS 1000

/* One call: the state before it, the call, and what must be true after. */
struct scene {
	const char *name;
	void (*before)(void);
	int (*call)(void);
	void (*after)(int err, int64_t n);
};

static void start(bool tcp)
{
	srv = server_start(&(struct server_options){ .tcp = tcp });
	proxy = proxy_start(&srv->addr, tcp);
	make(&m, &(struct want){ .url = proxy->url, .robust = true,
				 .options = options });
	make(&rival, &(struct want){ .url = srv->url, .owner = "rival",
				     .robust = true });
	last_fence = 0;
}

static void stop(void)
{
	rl_mutex_destroy(&m);
	rl_mutex_destroy(&rival);
	proxy_stop(proxy);
	server_stop(srv);
}

/* ------------------------------------------------------------ what is true */

/* This thread holds m: everybody says so. */
static void expect_held(int64_t n)
{
	char owner[1200];
	uint64_t fence = 0;

	proxy_disarm(proxy);
	cr_assert_eq(rl_mutex_owner(&m, owner, sizeof(owner)), 0);
	cr_assert(held_by(srv, NULL, owner), "%d: K is '%s', not of '%s'",
		  (int)n, value_of(srv, NULL), owner);
	cr_assert_eq(rl_mutex_fence(&m, &fence), 0);
	cr_assert_eq(fence, fence_of(srv, NULL));
	cr_assert(fence > last_fence);
	last_fence = fence;
	cr_assert_eq(rl_mutex_trylock(&rival), EBUSY);
}

static void let_go(void)
{
	proxy_disarm(proxy);
	cr_assert_eq(rl_mutex_unlock(&m), 0, "%s", rl_last_error());
	cr_assert(is_free(srv, NULL));
}

static void expect_got_it(int err, int64_t n)
{
	cr_assert_eq(err, 0, "byte %d: %d, %s", (int)n, err, rl_last_error());
	expect_held(n);
	let_go();
}

static void expect_freed(int err, int64_t n)
{
	cr_assert_eq(err, 0, "byte %d: %d, %s", (int)n, err, rl_last_error());
	cr_assert(is_free(srv, NULL));
	cr_assert_eq(rl_mutex_unlock(&m), EPERM);
}

static void expect_still_held(int err, int64_t n)
{
	cr_assert_eq(err, 0, "byte %d: %d, %s", (int)n, err, rl_last_error());
	cr_assert(server_ask_int(srv, "PTTL %s", key(NULL)) >
		  SHORT_LEASE_MS + 500);
	expect_held(n);
	let_go();
}

static void expect_busy(int err, int64_t n)
{
	proxy_disarm(proxy);
	cr_assert_eq(err, EBUSY, "byte %d: %d, %s", (int)n, err,
		     rl_last_error());
	cr_assert(held_by(srv, NULL, "name:rival"));
	cr_assert_eq(rl_mutex_unlock(&m), EPERM);
	cr_assert_eq(rl_mutex_unlock(&rival), 0);
}

static void expect_late(int err, int64_t n)
{
	cr_assert_eq(err, ETIMEDOUT, "byte %d: %d, %s", (int)n, err,
		     rl_last_error());
	expect_busy(EBUSY, n);
	/* A waiter that left is believed for three seconds. */
	cr_assert_eq(rl_mutex_reset(&rival), 0);
	server_ask(srv, "HSET %s w 0", meta(NULL));
	server_ask(srv, "DEL {rl:n}:rl:wake %s", key(NULL));
}

/* -------------------------------------------------------- the state before */

static void nothing(void)
{
	/* Connected, and nothing else. */
	cr_assert_eq(rl_mutex_locked(&m), 0);
}

static void i_hold(void)
{
	cr_assert_eq(lock_patiently(&m), 0, "%s", rl_last_error());
}

static void i_hold_a_short_lease(void)
{
	i_hold();
	/* As if most of the lease had gone by. */
	server_ask(srv, "PEXPIRE %s %d", key(NULL), SHORT_LEASE_MS);
}

static void rival_holds(void)
{
	nothing();
	cr_assert_eq(rl_mutex_lock(&rival), 0);
}

static void i_hold_what_a_dead_one_left(void)
{
	server_ask(srv, "DEL %s", key(NULL));
	cr_assert_eq(rl_mutex_lock(&rival), 0);
	server_ask(srv, "DEL %s", key(NULL));
	cr_assert_eq(lock_patiently(&m), EOWNERDEAD);
	cr_assert_eq(rl_mutex_unlock(&rival), ESTALE);
}

/* ------------------------------------------------------------------ calls */

static int lock(void) { return rl_mutex_lock(&m); }
static int trylock(void) { return rl_mutex_trylock(&m); }
static int timedlock(void) { return timedlock_ms(&m, patience_ms); }
static int late_lock(void) { return timedlock_ms(&m, -1); }
static int unlock(void) { return rl_mutex_unlock(&m); }
static int refresh(void) { return rl_mutex_refresh(&m); }
static int consistent(void) { return rl_mutex_consistent(&m); }
static int reset(void) { return rl_mutex_reset(&m); }
static int held(void) { return rl_mutex_held(&m); }
static int locked(void) { return rl_mutex_locked(&m); }

static char owner_text[1200];

static int owner(void)
{
	return rl_mutex_owner(&m, owner_text, sizeof(owner_text));
}

static void expect_owner(int err, int64_t n)
{
	cr_assert(held_by(srv, NULL, owner_text));
	expect_still_held(err, n);
}

static int reset_all(void)
{
	rl_mutexattr_t attr;
	size_t n = 99;
	int err;

	set_attr(&attr, &(struct want){ .url = proxy->url,
					.options = options });
	err = rl_reset_all(&attr, &n);
	rl_mutexattr_destroy(&attr);
	/* It may have been reset by the request whose answer was lost. */
	return err ? err : n <= 1 ? 0 : -1;
}

static void expect_mended(int err, int64_t n)
{
	cr_assert_eq(err, 0, "byte %d: %d, %s", (int)n, err, rl_last_error());
	cr_assert_str_eq(server_ask(srv, "HGET %s d", meta(NULL)), "0");
	expect_held(n);
	let_go();
}

static void expect_reset(int err, int64_t n)
{
	cr_assert_eq(err, 0, "byte %d: %d, %s", (int)n, err, rl_last_error());
	cr_assert(is_free(srv, NULL));
	proxy_disarm(proxy);
	cr_assert_eq(rl_mutex_unlock(&m), ESTALE);
	last_fence = fence_of(srv, NULL);
}

static void expect_locked(int err, int64_t n)
{
	cr_assert_eq(err, EBUSY, "byte %d: %d, %s", (int)n, err,
		     rl_last_error());
	expect_held(n);
	let_go();
}

static const struct scene scenes[] = {
	{ "lock", nothing, lock, expect_got_it },
	{ "trylock", nothing, trylock, expect_got_it },
	{ "timedlock", nothing, timedlock, expect_got_it },
	{ "busy trylock", rival_holds, trylock, expect_busy },
	{ "late lock", rival_holds, late_lock, expect_late },
	{ "unlock", i_hold, unlock, expect_freed },
	{ "refresh", i_hold_a_short_lease, refresh, expect_still_held },
	{ "consistent", i_hold_what_a_dead_one_left, consistent,
	  expect_mended },
	{ "reset", i_hold, reset, expect_reset },
	{ "reset all", i_hold, reset_all, expect_reset },
	{ "held", i_hold, held, expect_still_held },
	{ "locked", i_hold, locked, expect_locked },
	{ "owner", i_hold, owner, expect_owner },
};

/* True if the call was long enough to come to its n-th byte. */
static bool play(const struct scene *scene, struct proxy_rule rule)
{
	bool fired;
	int err;

	proxy_disarm(proxy);
	scene->before();
	proxy_arm(proxy, &rule);
	errno = 4711;
	err = scene->call();
	cr_assert_eq(errno, 4711, "%s: errno changed", scene->name);
	fired = proxy_fired(proxy);
	scene->after(err, rule.bytes);
	return fired;
}

static void play_all(enum proxy_dir dir, enum proxy_action action, int step)
{
	size_t i;

	for (i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
		struct proxy_rule rule = { .dir = dir, .action = action };
		int n = 0;

		while (play(&scenes[i], rule)) {
			rule.bytes += step;
			n++;
		}
		cr_expect_gt(n, 1, "%s was not cut", scenes[i].name);
	}
	stop();
}

Test(faults_cut, a_request_cut_at_any_byte_is_made_anew)
{
	start(false);
	play_all(TO_SERVER, PROXY_CUT, 1);
}

Test(faults_cut, an_answer_cut_at_any_byte_is_asked_for_anew)
{
	start(false);
	play_all(TO_CLIENT, PROXY_CUT, 1);
}

Test(faults_cut, a_reset_while_asking_is_no_outage)
{
	start(true);
	play_all(TO_SERVER, PROXY_RST, 7);
}

Test(faults_cut, a_reset_while_answering_is_no_outage)
{
	start(true);
	play_all(TO_CLIENT, PROXY_RST, 1);
}

Test(faults_cut, an_end_of_stream_is_no_outage)
{
	start(true);
	play_all(TO_CLIENT, PROXY_HALF, 1);
}

/* ------------------------------------------------------------ and for good */

/* Nobody can connect after the cut. What must be true whatever came of it. */
static void expect_truth(const struct scene *scene, int err, int64_t n)
{
	long long left = server_ask_int(srv, "PTTL %s", key(NULL));
	bool locks = scene->after == expect_got_it;
	int again;

	cr_assert(err == 0 || err == ENOLCK || err == ETIMEDOUT ||
		  err == EBUSY || err == EOWNERDEAD, "%s, byte %d: %d, %s",
		  scene->name, (int)n, err, rl_last_error());
	/* No ghost stays for longer than a lease. */
	cr_assert(left == -2 || (left >= 0 && left <= 10000), "%lld", left);
	if (locks && err == 0)
		expect_held(n);
	if (scene->call == unlock && err == 0)
		cr_assert(is_free(srv, NULL));
	again = rl_mutex_unlock(&m);
	if (scene->call == unlock || (locks && err))
		cr_assert_eq(again, EPERM, "%s, byte %d: %d", scene->name,
			     (int)n, again);
	else
		cr_assert(again == 0 || again == EPERM || again == ESTALE ||
			  again == ENOLCK,
			  "%s, byte %d: %d, %s", scene->name, (int)n, again,
			  rl_last_error());
	if (locks && err == 0)
		cr_assert(again == 0 || again == ENOLCK);
}

/* Nothing that was sent before runs behind this: with the first answer, whoever
 * has connected is a client, and with the second none is one any more. */
static void begin_anew(void)
{
	server_ask(srv, "PING");
	server_ask(srv, "CLIENT KILL TYPE normal SKIPME yes");
	server_ask(srv, "DEL %s %s", key(NULL), meta(NULL));
}

static bool play_for_good(const struct scene *scene, struct proxy_rule rule)
{
	bool fired;
	int err;

	proxy_disarm(proxy);
	begin_anew();
	scene->before();
	proxy_refuse(proxy, true);
	proxy_arm(proxy, &rule);
	errno = 4711;
	err = scene->call();
	cr_assert_eq(errno, 4711, "%s: errno changed", scene->name);
	fired = proxy_fired(proxy);
	proxy_disarm(proxy);
	proxy_refuse(proxy, false);
	expect_truth(scene, err, rule.bytes);
	rl_mutex_unlock(&rival);
	return fired;
}

static void play_all_for_good(enum proxy_dir dir, int step)
{
	size_t i;

	options = "outage_timeout=50&command_timeout=5000";
	patience_ms = 50;
	start(false);
	for (i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
		struct proxy_rule rule = { .dir = dir, .action = PROXY_CUT };

		while (play_for_good(&scenes[i], rule))
			rule.bytes += step;
		cr_expect_gt(rule.bytes, 0, "%s was not cut", scenes[i].name);
	}
	stop();
}

Test(faults_cut, a_request_cut_for_good_ends_in_the_truth)
{
	play_all_for_good(TO_SERVER, 41);
}

Test(faults_cut, an_answer_cut_for_good_ends_in_the_truth)
{
	play_all_for_good(TO_CLIENT, 1);
}
