/*
 * The common recipe: SET key value NX PX lease, deleted only by its owner.
 * With prefix "" rl and another client of it exclude each other on one key.
 * What must be true with every such client is here once; `theirs` is the
 * client under test, which test_*.c starts.
 */
#ifndef TESTS_INTEROP_RECIPE_H
#define TESTS_INTEROP_RECIPE_H

#include <stdatomic.h>

#include "mutex/peer.h"
#include "support/client.h"

#define LEASE 20000	/* ms; longer than any test */
#define SHORT 1000

static struct client *theirs;
static rl_mutex_t ours;
static struct spec spec;

static inline void recipe_setup(void)
{
	lock_setup();
	setenv("RL_PREFIX", "", 1);
	spec = (struct spec){ .name = "" };
	spec_fresh(&spec);
}

static inline void recipe_teardown(void)
{
	if (theirs)
		client_stop(theirs);
	lock_teardown();
}

static inline void recipe_init(void)
{
	cr_assert_eq(spec_init(&spec, &ours), 0);
}

/* ------------------------------------------------------------ asking them */

static inline bool they_take(int lease_ms, int wait_ms)
{
	return !strcmp(client_ask(theirs, "take %s %d %d", spec.name, lease_ms,
				  wait_ms), "yes");
}

static inline void they_begin_to_take(int lease_ms, int wait_ms)
{
	client_tell(theirs, "take %s %d %d", spec.name, lease_ms, wait_ms);
}

static inline bool they_free(void)
{
	return !strcmp(client_ask(theirs, "free %s", spec.name), "ok");
}

static inline bool they_extend(int ms)
{
	return !strcmp(client_ask(theirs, "extend %s %d", spec.name, ms),
		       "ok");
}

static inline const char *their_value(void)
{
	return client_ask(theirs, "value %s", spec.name);
}

static inline const char *value_of_k(void)
{
	return server_ask(srv, "GET %s", spec.name);
}

static inline long long lease_of_k(void)
{
	return server_ask_int(srv, "PTTL %s", spec.name);
}

/* The key is theirs, with the lease they gave it, whatever we did. */
static inline void expect_theirs(void)
{
	long long left = lease_of_k();

	cr_expect_str_eq(value_of_k(), their_value());
	cr_expect(left > LEASE - WAIT_MS && left <= LEASE, "%lld", left);
}

/* --------------------------------------------------------------- the tests */

static inline void their_lock_keeps_us_out(void)
{
	size_t i;

	recipe_init();
	cr_assert(they_take(LEASE, 0));
	for (i = 0; i < N_WAYS; i++)
		if (ways[i].busy)
			cr_expect_eq(act_on(&ours, ways[i].act, ways[i].arg),
				     ways[i].busy, "%s", ways[i].name);
	expect_theirs();
	cr_expect(they_free());
	cr_expect_eq(rl_mutex_lock(&ours), 0);
	cr_expect_eq(rl_mutex_unlock(&ours), 0);
}

static inline void our_lock_keeps_them_out(void)
{
	char before[1300];

	recipe_init();
	cr_assert_eq(rl_mutex_lock(&ours), 0);
	snprintf(before, sizeof(before), "%s", value_of_k());
	cr_expect(!they_take(LEASE, 0));
	cr_expect(!they_take(LEASE, 100));
	cr_expect_str_eq(value_of_k(), before);
	cr_expect_eq(rl_mutex_unlock(&ours), 0);
	cr_expect(they_take(LEASE, 0));
	cr_expect(they_free());
}

static inline void we_see_who_they_are(void)
{
	struct answer a;

	recipe_init();
	cr_assert(they_take(LEASE, 0));
	a = act_full(&ours, OWNER, 0);
	cr_expect_eq(a.err, 0);
	cr_expect_str_eq(a.text, their_value());
	cr_expect_eq(rl_mutex_locked(&ours), EBUSY);
	cr_expect_eq(rl_mutex_held(&ours), EPERM);
	cr_expect(they_free());
	cr_expect_eq(act_on(&ours, OWNER, 0), ENOENT);
	cr_expect_eq(rl_mutex_locked(&ours), 0);
}

/* They wake nobody; rl asks often. Late ones are counted, for busy machines. */
static inline void we_notice_their_release(void)
{
	enum { ROUNDS = 10, LATE_MS = 150, MAY_BE_LATE = 5 };
	struct peer *p = peer_start(PEER_PROCESS, &spec, NULL);
	int late = 0, i;

	recipe_init();
	for (i = 0; i < ROUNDS; i++) {
		int64_t freed;

		cr_assert(they_take(LEASE, WAIT_MS));
		peer_begin(p, LOCK, 0);
		cr_assert(!peer_answers(p, 120 + 7 * i));
		cr_assert(they_free());
		freed = wait_now_ms();
		cr_assert_eq(peer_answer(p).err, 0);
		late += wait_now_ms() - freed > LATE_MS;
		cr_assert_eq(peer_do(p, UNLOCK, 0), 0);
		/* The hand-off to nobody would last a second. */
		server_ask(srv, "FLUSHALL");
	}
	cr_expect_leq(late, MAY_BE_LATE);
	peer_end(p);
}

static inline void we_get_it_when_their_lease_runs_out(void)
{
	int64_t began = wait_now_ms();
	int64_t took;

	recipe_init();
	cr_assert(they_take(SHORT, 0));
	cr_expect_eq(rl_mutex_lock(&ours), 0);
	took = wait_now_ms() - began;
	cr_expect_geq(took, SHORT);
	cr_expect_lt(took, SHORT + 2000);
	/* It is not for them to free it now. */
	cr_expect(!they_free());
	cr_expect_eq(rl_mutex_held(&ours), 0);
	cr_expect_eq(rl_mutex_unlock(&ours), 0);
}

static inline void they_get_it_when_we_unlock(void)
{
	recipe_init();
	cr_assert_eq(rl_mutex_lock(&ours), 0);
	they_begin_to_take(LEASE, WAIT_MS);
	cr_expect(!client_heard(theirs, 150));
	cr_expect_eq(rl_mutex_unlock(&ours), 0);
	cr_expect_str_eq(client_hear(theirs), "yes");
	expect_theirs();
	cr_expect(they_free());
}

static inline void they_get_it_when_our_lease_runs_out(void)
{
	int64_t began;

	spec.lease_ms = SHORT;
	spec.refresh = RL_REFRESH_OFF;
	recipe_init();
	began = wait_now_ms();
	cr_assert_eq(rl_mutex_lock(&ours), 0);
	cr_assert(they_take(LEASE, WAIT_MS));
	cr_expect_geq(wait_now_ms() - began, SHORT);
	cr_expect_eq(act_on(&ours, EXTEND, LEASE + 10000), ESTALE);
	cr_expect_eq(rl_mutex_refresh(&ours), ESTALE);
	cr_expect_eq(rl_mutex_unlock(&ours), ESTALE);
	expect_theirs();
	cr_expect(they_free());
}

static inline void we_keep_our_lease_while_they_wait(void)
{
	spec.lease_ms = 2 * SHORT;
	spec.interval_ms = 50;
	recipe_init();
	cr_assert_eq(rl_mutex_lock(&ours), 0);
	they_begin_to_take(LEASE, WAIT_MS);
	cr_expect(!client_heard(theirs, 5 * SHORT / 2));
	cr_expect_eq(rl_mutex_held(&ours), 0);
	cr_expect_eq(rl_mutex_unlock(&ours), 0);
	cr_expect_str_eq(client_hear(theirs), "yes");
}

/* We believe to hold it, and it is theirs: the server knows better. */
static inline void our_unlock_does_not_free_theirs(void)
{
	int type;

	for (type = 0; type <= RL_MUTEX_REFRESH; type++) {
		spec.type = type;
		spec.refresh = RL_REFRESH_OFF;
		recipe_init();
		cr_assert_eq(rl_mutex_lock(&ours), 0);
		server_ask(srv, "DEL %s", spec.name);
		cr_assert(they_take(LEASE, 0));
		cr_expect_eq(rl_mutex_held(&ours), EPERM);
		cr_expect_eq(rl_mutex_unlock(&ours), ESTALE);
		expect_theirs();
		cr_expect(they_free());
		cr_expect_eq(rl_mutex_destroy(&ours), 0);
	}
}

static inline void what_is_theirs_we_do_not_touch(void)
{
	int granularity;

	cr_assert(they_take(LEASE, 0));
	for (granularity = 0; granularity <= BY_NAME; granularity++) {
		spec.granularity = granularity;
		recipe_init();
		cr_expect_eq(rl_mutex_unlock(&ours), EPERM);
		cr_expect_eq(rl_mutex_refresh(&ours), EPERM);
		cr_expect_eq(act_on(&ours, EXTEND, 2 * LEASE), EPERM);
		cr_expect_eq(rl_mutex_destroy(&ours), 0);
	}
	expect_theirs();
	cr_expect(they_free());
}

static void count_lost(rl_mutex_t *mutex, int error, void *arg)
{
	(void)mutex;
	if (error == ESTALE)
		atomic_fetch_add((atomic_int *)arg, 1);
}

static bool is_told(void *arg)
{
	return atomic_load((atomic_int *)arg) > 0;
}

static inline void the_keeper_does_not_renew_theirs(void)
{
	atomic_int lost = 0;

	spec.lease_ms = SHORT;
	spec.onlost = count_lost;
	spec.arg = &lost;
	recipe_init();
	cr_assert_eq(rl_mutex_lock(&ours), 0);
	server_ask(srv, "DEL %s", spec.name);
	cr_assert(they_take(LEASE, 0));
	cr_expect(wait_until(is_told, &lost, WAIT_MS));
	cr_expect_eq(rl_mutex_unlock(&ours), ESTALE);
	expect_theirs();
	cr_expect_eq(lost, 1);
}

static inline void what_is_ours_they_do_not_touch(void)
{
	char before[1300];

	recipe_init();
	cr_assert(they_take(LEASE, 0));
	cr_assert_eq(rl_mutex_reset(&ours), 0);
	cr_assert_eq(rl_mutex_lock(&ours), 0);
	snprintf(before, sizeof(before), "%s", value_of_k());
	cr_expect(!they_extend(2 * LEASE));
	cr_expect(!they_free());
	cr_expect_str_eq(value_of_k(), before);
	cr_expect_leq(lease_of_k(), 10000);
	cr_expect_eq(rl_mutex_unlock(&ours), 0);
}

static inline void two_of_us_wait_for_them_in_order(void)
{
	struct peer *first = peer_start(PEER_PROCESS, &spec, NULL);
	struct peer *second = peer_start(PEER_OWN_MUTEX, &spec, NULL);

	cr_assert(they_take(LEASE, 0));
	peer_begin(first, LOCK, 0);
	cr_assert(server_info_becomes(srv, "blocked_clients", 1));
	peer_begin(second, LOCK, 0);
	cr_assert(server_info_becomes(srv, "blocked_clients", 2));
	cr_expect(they_free());
	cr_expect_eq(peer_answer(first).err, 0);
	cr_expect(!peer_answers(second, 120));
	/* During the hand-off the key is never free. */
	cr_expect(!they_take(LEASE, 0));
	cr_expect_eq(peer_do(first, UNLOCK, 0), 0);
	cr_expect(!they_take(LEASE, 0));
	cr_expect_eq(peer_answer(second).err, 0);
	cr_expect_eq(peer_do(second, UNLOCK, 0), 0);
	/* A hand-off that nobody took may last a second. */
	cr_expect(they_take(LEASE, WAIT_MS));
	peer_end(first);
	peer_end(second);
}

static inline void their_death_is_not_an_owners_death(void)
{
	uint64_t before, after;

	spec.robust = RL_MUTEX_ROBUST;
	recipe_init();
	cr_assert_eq(rl_mutex_lock(&ours), 0);
	cr_assert_eq(rl_mutex_fence(&ours, &before), 0);
	cr_assert_eq(rl_mutex_unlock(&ours), 0);
	cr_assert(they_take(SHORT, 0));
	cr_expect_eq(rl_mutex_lock(&ours), 0);
	cr_expect_eq(rl_mutex_fence(&ours, &after), 0);
	cr_expect_gt(after, before);
	cr_expect_eq(rl_mutex_unlock(&ours), 0);
}

/* ---- a sum that is right only if the lock excludes both sides */

#define SUM_ROUNDS 60

static int add_ours(struct proc *self, void *arg)
{
	rl_mutex_t m;
	int i;

	(void)self;
	PROC_CHECK(spec_init(arg, &m) == 0);
	for (i = 0; i < SUM_ROUNDS; i++) {
		PROC_CHECK(rl_mutex_lock(&m) == 0);
		server_ask(srv, "SET sum %lld",
			   server_ask_int(srv, "GET sum") + 1);
		PROC_CHECK(rl_mutex_unlock(&m) == 0);
	}
	return 0;
}

static inline void a_sum_under_the_lock_is_exact(void)
{
	struct proc *p[3];
	int i;

	server_ask(srv, "SET sum 0");
	client_tell(theirs, "add %s sum %d", spec.name, SUM_ROUNDS);
	for (i = 0; i < 3; i++)
		p[i] = proc_start(i ? PROC_PROCESS : PROC_THREAD, add_ours,
				  &spec);
	for (i = 0; i < 3; i++)
		cr_expect_eq(proc_join(p[i]), 0);
	cr_assert(client_heard(theirs, 3 * WAIT_MS));
	cr_expect_str_eq(client_hear(theirs), "ok");
	cr_expect_eq(server_ask_int(srv, "GET sum"), 4 * SUM_ROUNDS);
}

#endif
