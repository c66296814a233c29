/* The last row of the table of owners: the locking thread ends, holding. */
#include "peer.h"

TestSuite(mutex_thread_end, .init = lock_setup, .fini = lock_teardown);

static const struct {
	const char *name;
	int how;
} ends[] = { { "returns", PEER_RETURN }, { "pthread_exit", PEER_EXIT },
	     { "cancelled", PEER_CANCEL } };

static void each_end(void (*check)(struct spec *s, int how, const char *name),
		     int robust, int from, int to)
{
	for (int g = from; g <= to; g++)
		for (size_t i = 0; i < 3; i++) {
			struct spec s = { .granularity = g, .robust = robust };

			spec_fresh(&s);
			check(&s, ends[i].how, ends[i].name);
		}
}

/* A thread of this process that locked, and ended so. */
static void lock_and_end(struct spec *s, rl_mutex_t *m, int how)
{
	struct peer *p;

	cr_assert_eq(spec_init(s, m), 0);
	p = peer_start(PEER_SAME_MUTEX, s, m);
	cr_assert_eq(peer_do(p, LOCK, 0), 0);
	peer_leaves(p, how);
	peer_end(p);
}

/* A lease that is not over yet: it is the end of the thread that tells. */
static void robust_is_told(struct spec *s, int how, const char *name)
{
	MUTEX m;

	s->lease_ms = 600000;
	lock_and_end(s, &m, how);
	cr_expect_eq(rl_mutex_trylock(&m), EOWNERDEAD, "%s", name);
	cr_expect_eq(rl_mutex_consistent(&m), 0, "%s", name);
	cr_expect_eq(rl_mutex_unlock(&m), 0, "%s", name);
}

Test(mutex_thread_end, by_thread_robust_the_next_gets_eownerdead_at_once)
{
	each_end(robust_is_told, RL_MUTEX_ROBUST, RL_GRANULARITY_THREAD,
		 RL_GRANULARITY_THREAD);
}

static void waiter_is_told(struct spec *s, int how, const char *name)
{
	struct peer *holder, *waiter;
	MUTEX m;

	s->lease_ms = 600000;
	cr_assert_eq(spec_init(s, &m), 0);
	holder = peer_start(PEER_SAME_MUTEX, s, &m);
	waiter = peer_start(PEER_PROCESS, s, NULL);
	cr_assert_eq(peer_do(holder, LOCK, 0), 0);
	peer_begin(waiter, LOCK, 0);
	cr_expect(server_info_becomes(srv, "blocked_clients", 1));
	peer_leaves(holder, how);
	cr_expect_eq(peer_answer(waiter).err, EOWNERDEAD, "%s", name);
	peer_end(waiter);
	peer_end(holder);
}

Test(mutex_thread_end, by_thread_robust_one_who_waits_gets_eownerdead_at_once)
{
	each_end(waiter_is_told, RL_MUTEX_ROBUST, RL_GRANULARITY_THREAD,
		 RL_GRANULARITY_THREAD);
}

/* Nobody renews: the next gets it when the lease has run out, not before. */
static void lease_runs_out(struct spec *s, int how, const char *name)
{
	int64_t began;
	MUTEX m;

	s->lease_ms = 200;
	began = wait_now_ms();
	lock_and_end(s, &m, how);
	cr_expect_eq(rl_mutex_lock(&m), 0, "%s", name);
	cr_expect_geq(wait_now_ms() - began, 200, "%s", name);
	cr_expect_eq(rl_mutex_unlock(&m), 0, "%s", name);
}

Test(mutex_thread_end, by_thread_not_robust_the_lease_runs_out)
{
	each_end(lease_runs_out, RL_MUTEX_STALLED, RL_GRANULARITY_THREAD,
		 RL_GRANULARITY_THREAD);
}

/* The keeper goes on, and another thread has all rights. */
static void owner_goes_on(struct spec *s, int how, const char *name)
{
	MUTEX m;

	s->lease_ms = 4000;
	s->interval_ms = 50;
	lock_and_end(s, &m, how);
	for (int i = 0; i < 2; i++)
		cr_expect(spec_is_renewed(s), "%s", name);
	cr_expect_eq(rl_mutex_held(&m), 0, "%s", name);
	cr_expect_eq(rl_mutex_refresh(&m), 0, "%s", name);
	cr_expect_eq(rl_mutex_trylock(&m), EBUSY, "%s", name);
	cr_expect_eq(rl_mutex_unlock(&m), 0, "%s", name);
	cr_expect_eq(rl_mutex_unlock(&m), EPERM, "%s", name);
	cr_expect_eq(rl_mutex_lock(&m), 0, "%s", name);
	cr_expect_eq(rl_mutex_unlock(&m), 0, "%s", name);
	cr_expect_eq(rl_mutex_destroy(&m), 0, "%s", name);
}

Test(mutex_thread_end, by_process_or_host_or_name_the_owner_goes_on_holding)
{
	each_end(owner_goes_on, RL_MUTEX_STALLED, RL_GRANULARITY_PROCESS,
		 BY_NAME);
	each_end(owner_goes_on, RL_MUTEX_ROBUST, RL_GRANULARITY_PROCESS,
		 BY_NAME);
}

/* The owner goes on holding when the whole process is gone, but the keeper
 * that renewed is gone with it. */
static void another_process_unlocks(int granularity)
{
	struct spec s = { .granularity = granularity, .lease_ms = 600000 };
	struct peer *p;
	MUTEX m;

	spec_fresh(&s);
	cr_assert_eq(spec_init(&s, &m), 0);
	p = peer_start(PEER_PROCESS, &s, NULL);
	cr_assert_eq(peer_do(p, LOCK, 0), 0);
	peer_leaves(p, PEER_RETURN);
	peer_end(p);
	cr_expect_eq(rl_mutex_held(&m), 0);
	cr_expect_eq(rl_mutex_refresh(&m), 0);
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	cr_expect_eq(rl_mutex_lock(&m), 0);
	cr_expect_eq(rl_mutex_unlock(&m), 0);
}

Test(mutex_thread_end, by_host_or_name_another_process_may_unlock_it)
{
	another_process_unlocks(RL_GRANULARITY_HOST);
	another_process_unlocks(BY_NAME);
}

static bool clients_are_as_before(void *arg)
{
	return server_info(srv, "connected_clients") <= *(long long *)arg;
}

Test(mutex_thread_end, the_connection_of_the_thread_is_closed)
{
	struct spec s = { .refresh = RL_REFRESH_OFF };
	long long before;
	MUTEX m;

	spec_fresh(&s);
	cr_assert_eq(spec_init(&s, &m), 0);
	cr_assert_eq(rl_mutex_lock(&m), 0);
	before = server_info(srv, "connected_clients");
	for (int how = 0; how < 3; how++) {
		struct peer *p[8];

		for (int i = 0; i < 8; i++) {
			p[i] = peer_start(PEER_SAME_MUTEX, &s, &m);
			cr_expect_eq(peer_do(p[i], TRYLOCK, 0), EBUSY);
		}
		cr_expect_eq(server_info(srv, "connected_clients"), before + 8);
		for (int i = 0; i < 8; i++) {
			peer_leaves(p[i], ends[how].how);
			peer_end(p[i]);
		}
		cr_expect(wait_until(clients_are_as_before, &before, WAIT_MS),
			  "%s", ends[how].name);
	}
	cr_expect_eq(rl_mutex_unlock(&m), 0);
}
