/*
 * Without a majority: what each call says, that nothing is lost silently, and
 * that all goes on when the nodes are back.
 */
#include "quorum.h"

#define LEASE 2000

static rl_mutex_t m;
static struct want others;
static struct proc *other;
static atomic_int told, told_what;
static int64_t told_at;

static void tell(rl_mutex_t *mutex, int error, void *arg)
{
	(void)mutex, (void)arg;
	told_at = wait_now_ms();
	atomic_store(&told_what, error);
	atomic_fetch_add(&told, 1);
}

static void setup(void)
{
	nodes_begin(3, &(struct server_options){ .persist = true });
	make(&m, &(struct want){ .lease_ms = LEASE, .onlost = tell });
	others = (struct want){ .lease_ms = LEASE };
	other = party_start(PROC_THREAD, &others);
}

static void teardown(void)
{
	party_end(other);
	rl_mutex_destroy(&m);
	nodes_end();
}

TestSuite(quorum_majority, .init = setup, .fini = teardown);

static void kill_two(void)
{
	server_kill(node[0]);
	server_kill(node[2]);
}

static void restart_two(bool keep_data)
{
	server_resurrect(node[0], keep_data);
	server_resurrect(node[2], keep_data);
	server_wait_ready(node[0]);
	server_wait_ready(node[2]);
}

static bool was_told(void *arg)
{
	(void)arg;
	return atomic_load(&told) > 0;
}

static void lock_within_a_lease(void)
{
	OK(timedlock_ms(&m, LEASE + 3000));
	OK(rl_mutex_unlock(&m));
}

static void other_locks_within_a_lease(void)
{
	DID(other, TIMEDLOCK, LEASE + 3000, 0);
	DID(other, UNLOCK, 0, 0);
}

/* Trylock makes one try, timedlock goes on until its time. */
static void expect_outage(void)
{
	int64_t t = wait_now_ms();

	EXPECT(rl_mutex_trylock(&m), ENOLCK);
	cr_expect(strstr(rl_last_error(), "of 3 servers"), "%s", rl_last_error());
	t = wait_now_ms();
	EXPECT(timedlock_ms(&m, 400), ETIMEDOUT);
	t = wait_now_ms() - t;
	cr_expect(t >= 399 && t < 1900, "%lld ms", (long long)t);
	EXPECT(rl_mutex_locked(&m), ENOLCK);
}

Test(quorum_majority, that_is_gone_is_an_outage, .timeout = 30)
{
	kill_two();
	expect_outage();
	restart_two(true);
	lock_within_a_lease();
	other_locks_within_a_lease();
}

Test(quorum_majority, that_stands_still_is_an_outage)
{
	OK(rl_mutex_lock(&m));
	OK(rl_mutex_unlock(&m));
	server_pause(node[0]);
	server_pause(node[1]);
	expect_outage();
	server_resume(node[0]);
	server_resume(node[1]);
	lock_within_a_lease();
	other_locks_within_a_lease();
}

/* What the one node that is left has taken for attempts that failed does not
 * stay there. */
Test(quorum_majority, leaves_nothing_behind_at_the_rest)
{
	kill_two();
	EXPECT(rl_mutex_trylock(&m), ENOLCK);
	DID(other, TIMEDLOCK, 200, ETIMEDOUT);
	cr_expect(holding_becomes("n", 0));
	restart_two(true);
	lock_within_a_lease();
}

static void lose_while_holding(bool keep_data)
{
	int64_t began = wait_now_ms();

	OK(rl_mutex_lock(&m));
	kill_two();
	cr_expect(wait_until(was_told, NULL, WAIT_MS));
	cr_expect_eq(atomic_load(&told_what), ESTALE);
	/* Its last renewal may have been sent just before they died. */
	cr_expect_lt(told_at - began, 2 * LEASE + 1000, "%lld ms",
		     (long long)(told_at - began));
	EXPECT(rl_mutex_unlock(&m), ESTALE);
	EXPECT(rl_mutex_unlock(&m), EPERM);
	restart_two(keep_data);
	other_locks_within_a_lease();
	lock_within_a_lease();
	cr_expect_eq(atomic_load(&told), 1);
}

Test(quorum_majority, lost_while_holding_is_told_by_the_deadline)
{
	lose_while_holding(true);
}

Test(quorum_majority, lost_while_holding_with_all_its_data_is_told)
{
	lose_while_holding(false);
}

Test(quorum_majority, that_is_back_in_time_costs_nothing)
{
	OK(rl_mutex_lock(&m));
	kill_two();
	restart_two(true);
	OK(rl_mutex_held(&m));
	DID(other, TRYLOCK, 0, EBUSY);
	OK(rl_mutex_refresh(&m));
	OK(rl_mutex_unlock(&m));
	cr_expect_eq(atomic_load(&told), 0);
	other_locks_within_a_lease();
}

/* Two that forgot while somebody holds: either he still has it and nobody else
 * gets in, or he is told. */
Test(quorum_majority, that_forgot_is_not_silent)
{
	int64_t err;

	OK(rl_mutex_lock(&m));
	kill_two();
	restart_two(false);
	err = party_do(other, TIMEDLOCK, LEASE + 3000);
	if (err == ETIMEDOUT) {
		OK(rl_mutex_held(&m));
		OK(rl_mutex_unlock(&m));
		other_locks_within_a_lease();
		return;
	}
	cr_assert_eq(err, 0, "%d", (int)err);
	cr_expect(wait_until(was_told, NULL, WAIT_MS));
	EXPECT(rl_mutex_unlock(&m), ESTALE);
	DID(other, UNLOCK, 0, 0);
}

Test(quorum_majority, lost_while_waiting_is_ridden_out)
{
	OK(rl_mutex_lock(&m));
	party_begin(other, LOCK, 0);
	cr_assert(waiters_become(1));
	kill_two();
	cr_expect_not(proc_heard(other, 300), "it gave up");
	restart_two(true);
	rl_mutex_unlock(&m);
	cr_expect_eq(proc_hear(other), 0);
	DID(other, UNLOCK, 0, 0);
}

Test(quorum_majority, lost_at_the_unlock_is_enolck_or_waited_for)
{
	int64_t t;

	OK(rl_mutex_lock(&m));
	kill_two();
	t = wait_now_ms();
	EXPECT(rl_mutex_unlock(&m), ENOLCK);
	cr_expect_lt(wait_now_ms() - t, LEASE + 1900);
	EXPECT(rl_mutex_unlock(&m), EPERM);
	restart_two(true);
	other_locks_within_a_lease();
}
