/*
 * What users of older lock libraries know: whoever holds the lock acquires it
 * again to renew it, extends it, asks who holds it, and lets another process
 * of the same owner free it.
 */
#include "mutex/peer.h"

#define LEASE	2000	/* ms, not renewed by itself */
#define WORN	1500	/* what is left of it when it is renewed */

static rl_mutex_t m;
static struct spec spec;

static void setup(void)
{
	lock_setup();
	spec = (struct spec){ .type = RL_MUTEX_REFRESH, .lease_ms = LEASE,
			      .refresh = RL_REFRESH_OFF };
}

TestSuite(reacquire, .init = setup, .fini = lock_teardown);

static long long lease_of_k(void)
{
	return server_ask_int(srv, "PTTL rl:%s", spec.name);
}

static bool is_worn(void *arg)
{
	(void)arg;
	return lease_of_k() <= WORN;
}

static void let_it_wear(void)
{
	cr_assert(wait_until(is_worn, NULL, LEASE));
	cr_assert_gt(lease_of_k(), 0);
}

static void expect_lease(long long ms)
{
	long long left = lease_of_k();

	cr_expect(left > ms - (LEASE - WORN) && left <= ms, "%lld of %lld",
		  left, ms);
}

static void begin(void)
{
	spec_fresh(&spec);
	cr_assert_eq(spec_init(&spec, &m), 0);
	cr_assert_eq(rl_mutex_lock(&m), 0);
}

static void begin_worn(void)
{
	begin();
	let_it_wear();
}

static void expect_one_unlock_frees_it(void)
{
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	cr_expect_str_eq(server_ask(srv, "GET rl:%s", spec.name), "(nil)");
	cr_expect_eq(rl_mutex_unlock(&m), EPERM);
}

Test(reacquire, the_holder_locks_again_and_its_lease_starts_anew)
{
	for (int g = 0; g <= BY_NAME; g++) {
		uint64_t before, after;

		spec.granularity = g;
		begin_worn();
		cr_expect_eq(rl_mutex_fence(&m, &before), 0);
		cr_expect_eq(rl_mutex_lock(&m), 0);
		expect_lease(LEASE);
		cr_expect_eq(rl_mutex_fence(&m, &after), 0);
		cr_expect_eq(before, after);
		cr_expect_eq(rl_mutex_trylock(&m), 0);
		expect_one_unlock_frees_it();
	}
}

Test(reacquire, another_thread_of_the_owner_renews_it)
{
	for (int g = RL_GRANULARITY_PROCESS; g <= BY_NAME; g++) {
		struct peer *p;

		spec.granularity = g;
		begin_worn();
		p = peer_start(g % 2 ? PEER_SAME_MUTEX : PEER_OWN_MUTEX, &spec,
			       &m);
		cr_expect_eq(peer_do(p, LOCK, 0), 0);
		expect_lease(LEASE);
		cr_expect_eq(peer_ask(p, FENCE, 0).value,
			     act_full(&m, FENCE, 0).value);
		let_it_wear();
		cr_expect_eq(peer_do(p, REFRESH, 0), 0);
		expect_lease(LEASE);
		expect_one_unlock_frees_it();
		peer_end(p);
	}
}

Test(reacquire, another_thread_is_another_owner_with_thread_granularity)
{
	struct peer *p;

	begin_worn();
	p = peer_start(PEER_SAME_MUTEX, &spec, &m);
	cr_expect_eq(peer_do(p, TRYLOCK, 0), EBUSY);
	cr_expect_eq(peer_do(p, REFRESH, 0), EPERM);
	cr_expect_eq(peer_do(p, EXTEND, 60000), EPERM);
	cr_expect_leq(lease_of_k(), WORN);
	expect_one_unlock_frees_it();
	peer_end(p);
}

Test(reacquire, another_process_of_the_host_or_of_the_name_renews_it)
{
	for (int g = RL_GRANULARITY_HOST; g <= BY_NAME; g++) {
		struct peer *p;

		spec.granularity = g;
		begin_worn();
		p = peer_start(PEER_PROCESS, &spec, NULL);
		cr_expect_eq(peer_do(p, LOCK, 0), 0);
		expect_lease(LEASE);
		cr_expect_eq(peer_ask(p, FENCE, 0).value,
			     act_full(&m, FENCE, 0).value);
		let_it_wear();
		cr_expect_eq(peer_do(p, EXTEND, LEASE), 0);
		expect_lease(LEASE);
		expect_one_unlock_frees_it();
		peer_end(p);
	}
}

Test(reacquire, another_process_is_another_owner_with_process_granularity)
{
	struct peer *p;

	spec.granularity = RL_GRANULARITY_PROCESS;
	begin_worn();
	p = peer_start(PEER_PROCESS, &spec, NULL);
	cr_expect_eq(peer_do(p, TRYLOCK, 0), EBUSY);
	cr_expect_eq(peer_do(p, REFRESH, 0), EPERM);
	cr_expect_leq(lease_of_k(), WORN);
	expect_one_unlock_frees_it();
	peer_end(p);
}

Test(reacquire, extend_gives_the_first_lease_or_another_one)
{
	for (int type = 0; type <= RL_MUTEX_REFRESH; type++) {
		spec.type = type;
		begin();
		cr_expect_eq(act_on(&m, EXTEND, LEASE), 0);
		expect_lease(LEASE);
		cr_expect_eq(act_on(&m, EXTEND, 60000), 0);
		expect_lease(60000);
		cr_expect_eq(act_on(&m, EXTEND, LEASE / 2), 0);
		expect_lease(LEASE / 2);
		cr_expect_eq(rl_mutex_refresh(&m), 0);
		expect_lease(LEASE);
		expect_one_unlock_frees_it();
	}
}

Test(reacquire, held_is_asked_of_the_server)
{
	for (int g = 0; g <= BY_NAME; g++) {
		spec.granularity = g;
		begin();
		cr_expect_eq(rl_mutex_held(&m), 0);
		server_ask(srv, "SET rl:%s somebody", spec.name);
		cr_expect_eq(rl_mutex_held(&m), EPERM);
		cr_expect_eq(rl_mutex_locked(&m), EBUSY);
		server_ask(srv, "DEL rl:%s", spec.name);
		cr_expect_eq(rl_mutex_held(&m), EPERM);
		cr_expect_eq(rl_mutex_locked(&m), 0);
		cr_expect_eq(rl_mutex_unlock(&m), ESTALE);
	}
}

/* What a person reads in the servers is what rl_mutex_owner says. */
Test(reacquire, the_owner_is_readable)
{
	static const char *const kind[] = { "thrd:here/", "proc:here/",
					    "host:here", "name:the owner" };

	setenv("RL_HOST_ID", "here", 1);
	for (int g = 0; g <= BY_NAME; g++) {
		struct answer a;
		const char *value;

		spec.granularity = g;
		begin();
		a = act_full(&m, OWNER, 0);
		cr_expect_eq(a.err, 0);
		cr_expect_eq(strncmp(a.text, kind[g], strlen(kind[g])), 0,
			     "%s", a.text);
		value = server_ask(srv, "GET rl:%s", spec.name);
		cr_expect_eq(strncmp(value, a.text, strlen(a.text)), 0);
		cr_expect_eq(value[strlen(a.text)], '#');
		cr_expect_eq(strlen(value), strlen(a.text) + 17);
		expect_one_unlock_frees_it();
	}
}

static void count(rl_mutex_t *mutex, int error, void *arg)
{
	(void)mutex;
	(void)error;
	++*(int *)arg;
}

Test(reacquire, a_process_with_the_owners_name_frees_it)
{
	struct spec elsewhere;
	struct peer *same, *other;
	int lost = 0;

	spec = (struct spec){ .granularity = BY_NAME, .owner = "nightly job",
			      .onlost = count, .arg = &lost };
	spec_fresh(&spec);
	cr_assert_eq(spec_init(&spec, &m), 0);
	cr_assert_eq(rl_mutex_lock(&m), 0);
	elsewhere = spec;
	same = peer_start(PEER_PROCESS, &elsewhere, NULL);
	elsewhere.owner = "another job";
	other = peer_start(PEER_PROCESS, &elsewhere, NULL);
	cr_expect_eq(peer_do(other, UNLOCK, 0), EPERM);
	cr_expect_eq(rl_mutex_held(&m), 0);
	cr_expect_eq(peer_do(same, HELD, 0), 0);
	cr_expect_eq(peer_do(same, UNLOCK, 0), 0);
	cr_expect_eq(peer_do(same, LOCKED, 0), 0);
	cr_expect_eq(rl_mutex_unlock(&m), EPERM);
	cr_expect_eq(peer_do(other, TRYLOCK, 0), 0);
	cr_expect_eq(peer_do(other, UNLOCK, 0), 0);
	cr_expect_eq(lost, 0);
	peer_end(same);
	peer_end(other);
}

Test(reacquire, without_a_lease_it_never_expires)
{
	struct peer *p;

	spec = (struct spec){ .lease_ms = LEASE_NEVER };
	spec_fresh(&spec);
	p = peer_start(PEER_PROCESS, &spec, NULL);
	cr_assert_eq(spec_init(&spec, &m), 0);
	cr_assert_eq(peer_do(p, LOCK, 0), 0);
	cr_expect_eq(lease_of_k(), -1);
	cr_expect_eq(peer_do(p, REFRESH, 0), ENOTSUP);
	peer_kill(p);
	cr_expect_eq(act_on(&m, TIMEDLOCK, 200), ETIMEDOUT);
	cr_expect_eq(lease_of_k(), -1);
	cr_expect_eq(rl_mutex_reset(&m), 0);
	cr_expect_eq(rl_mutex_lock(&m), 0);
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	peer_end(p);
}
