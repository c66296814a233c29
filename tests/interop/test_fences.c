/* Fences: each new hold has a greater one, whatever the server forgot. */
#include "mutex/peer.h"

#include <stdatomic.h>

static rl_mutex_t m;
static struct spec spec;

static void setup(void)
{
	lock_setup();
	spec = (struct spec){ .name = "" };
	spec_fresh(&spec);
}

TestSuite(fences, .init = setup, .fini = lock_teardown);

static void begin(void)
{
	cr_assert_eq(spec_init(&spec, &m), 0);
}

static uint64_t fence(void)
{
	uint64_t f = 0;

	cr_expect_eq(rl_mutex_fence(&m, &f), 0);
	cr_expect_lt(f, UINT64_C(1) << 53);
	cr_expect_gt(f, 0);
	return f;
}

/* The fence of one hold; what happens during it is `during`. */
static uint64_t next_fence(void (*during)(void))
{
	uint64_t f;

	cr_assert_eq(rl_mutex_lock(&m), 0, "%s", rl_last_error());
	f = fence();
	if (during)
		during();
	rl_mutex_unlock(&m);
	return f;
}

static const char *meta(const char *command)
{
	return server_ask(srv, "%s {rl:%s}:rl:meta", command, spec.name);
}

static void delete_meta(void)
{
	cr_expect_str_eq(meta("DEL"), "1");
}

static bool is_gone(void *arg)
{
	(void)arg;
	return !strcmp(meta("EXISTS"), "0");
}

static void expire_meta(void)
{
	cr_expect_eq(server_ask_int(srv, "PEXPIRE {rl:%s}:rl:meta 20",
				    spec.name), 1);
	cr_expect(wait_until(is_gone, NULL, WAIT_MS));
}

static void flush(void)
{
	server_ask(srv, "FLUSHALL");
}

static void restart(void)
{
	server_restart(srv, false);
}

static void delete_k(void)
{
	server_ask(srv, "DEL rl:%s", spec.name);
}

static void reset(void)
{
	cr_expect_eq(rl_mutex_reset(&m), 0);
}

static void nothing(void)
{
}

static const struct loss {
	const char *name;
	void (*happens)(void);
} losses[] = {
	{ "nothing", nothing },
	{ "deletion of meta", delete_meta },
	{ "expiry of meta", expire_meta },
	{ "FLUSHALL", flush },
	{ "restart without persistence", restart },
	{ "deletion of K", delete_k },
	{ "reset", reset },
};

#define N_LOSSES (sizeof(losses) / sizeof(losses[0]))

Test(fences, grow_with_each_hold)
{
	uint64_t last = 0, f;

	begin();
	for (int i = 0; i < 200; i++) {
		f = next_fence(NULL);
		cr_expect_gt(f, last);
		last = f;
	}
}

Test(fences, grow_though_the_server_forgets_while_it_is_held)
{
	uint64_t last = 0, f;

	begin();
	for (size_t i = 0; i < N_LOSSES; i++) {
		f = next_fence(losses[i].happens);
		cr_expect_gt(f, last, "before %s", losses[i].name);
		last = f;
		f = next_fence(NULL);
		cr_expect_gt(f, last, "after %s", losses[i].name);
		last = f;
	}
}

Test(fences, grow_though_the_server_forgets_while_it_is_free)
{
	uint64_t last = 0, f;

	begin();
	for (size_t i = 0; i < N_LOSSES; i++) {
		f = next_fence(NULL);
		cr_expect_gt(f, last);
		last = f;
		losses[i].happens();
		f = next_fence(NULL);
		cr_expect_gt(f, last, "after %s", losses[i].name);
		last = f;
	}
}

/* One waits while the server forgets, in the hands of one who holds it. */
Test(fences, grow_along_the_line_though_the_server_forgets)
{
	struct peer *p = peer_start(PEER_PROCESS, &spec, NULL);
	uint64_t last = 0, f;

	begin();
	for (size_t i = 0; i < N_LOSSES; i++) {
		if (losses[i].happens == restart)
			continue;
		cr_assert_eq(rl_mutex_lock(&m), 0);
		f = fence();
		cr_expect_gt(f, last, "before %s", losses[i].name);
		last = f;
		peer_begin(p, LOCK, 0);
		cr_assert(server_info_becomes(srv, "blocked_clients", 1));
		losses[i].happens();
		rl_mutex_unlock(&m);
		cr_assert_eq(peer_answer(p).err, 0, "%s", losses[i].name);
		f = (uint64_t)peer_ask(p, FENCE, 0).value;
		cr_expect_gt(f, last, "after %s", losses[i].name);
		last = f;
		cr_expect_eq(peer_do(p, UNLOCK, 0), 0, "%s", losses[i].name);
	}
	peer_end(p);
}

Test(fences, grow_when_a_lease_runs_out)
{
	struct peer *p;
	struct answer a;

	spec.lease_ms = 100;
	spec.refresh = RL_REFRESH_OFF;
	begin();
	p = peer_start(PEER_PROCESS, &spec, NULL);
	cr_assert_eq(peer_do(p, LOCK, 0), 0);
	a = peer_ask(p, FENCE, 0);
	cr_expect_eq(a.err, 0);
	cr_expect_gt(next_fence(NULL), (uint64_t)a.value);
	peer_end(p);
}

Test(fences, inner_locks_renewals_and_extensions_keep_them)
{
	uint64_t f;

	spec.type = RL_MUTEX_RECURSIVE;
	begin();
	cr_assert_eq(rl_mutex_lock(&m), 0);
	f = fence();
	cr_expect_eq(rl_mutex_lock(&m), 0);
	cr_expect_eq(fence(), f);
	cr_expect_eq(rl_mutex_refresh(&m), 0);
	cr_expect_eq(act_on(&m, EXTEND, 20000), 0);
	cr_expect_eq(fence(), f);
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	cr_expect_eq(fence(), f);
	delete_meta();
	cr_expect_eq(rl_mutex_refresh(&m), 0);
	cr_expect_eq(fence(), f);
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	cr_expect_gt(next_fence(NULL), f);
}

enum { THREADS = 4, ROUNDS = 250 };

static uint64_t seen[THREADS * ROUNDS];	/* in this order; under the lock */
static int n_seen;			/* likewise */
static atomic_int here;

static int lock_often(struct proc *self, void *arg)
{
	(void)self;
	(void)arg;
	atomic_fetch_add(&here, 1);
	for (int i = 0; i < ROUNDS; i++) {
		PROC_CHECK(rl_mutex_lock(&m) == 0);
		PROC_CHECK(rl_mutex_fence(&m, &seen[n_seen++]) == 0);
		PROC_CHECK(rl_mutex_unlock(&m) == 0);
	}
	return 0;
}

static bool all_are_here(void *arg)
{
	(void)arg;
	return atomic_load(&here) == THREADS;
}

/* They begin together: one that is alone has nobody to pass it on to. */
Test(fences, passing_on_inside_a_process_keeps_them)
{
	struct proc *p[THREADS];
	int kept = 0;

	setenv("RL_SLICE_US", "20000", 1);
	spec.granularity = RL_GRANULARITY_PROCESS;
	begin();
	cr_assert_eq(rl_mutex_lock(&m), 0);
	for (int i = 0; i < THREADS; i++)
		p[i] = proc_start(PROC_THREAD, lock_often, NULL);
	cr_assert(wait_until(all_are_here, NULL, WAIT_MS));
	cr_assert_eq(rl_mutex_unlock(&m), 0);
	for (int i = 0; i < THREADS; i++)
		cr_expect_eq(proc_join(p[i]), 0);
	cr_assert_eq(n_seen, THREADS * ROUNDS);
	for (int i = 1; i < n_seen; i++) {
		cr_expect_geq(seen[i], seen[i - 1]);
		kept += seen[i] == seen[i - 1];
	}
	cr_expect_gt(kept, n_seen / 4);
}

Test(fences, are_the_same_for_whoever_of_the_owner_asks)
{
	struct peer *p;

	spec.granularity = BY_NAME;
	begin();
	p = peer_start(PEER_PROCESS, &spec, NULL);
	cr_assert_eq(rl_mutex_lock(&m), 0);
	cr_expect_eq((uint64_t)peer_ask(p, FENCE, 0).value, fence());
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	cr_expect_eq(peer_do(p, FENCE, 0), EPERM);
	peer_end(p);
}
