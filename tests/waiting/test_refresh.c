/*
 * Type REFRESH: whoever is the same owner is let in, and starts the lease anew.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "waiting/inside.h"
#include "waiting/party.h"

#define MS 1000000LL

static struct server *srv;
static struct plan plan;
static rl_mutex_t probe; /* of this process, never locked */

static void setup(void)
{
	srv = server_start(NULL);
	plan = (struct plan){ .servers = srv->url, .type = RL_MUTEX_REFRESH,
			      .lease = 20000 };
}

static void teardown(void)
{
	parties_end();
	rl_mutex_destroy(&probe);
	server_stop(srv);
}

TestSuite(waiting_refresh, .init = setup, .fini = teardown);

struct who {
	enum proc_kind kind;
	int granularity;
	char owner[8];
	bool same; /* two of that kind are the same owner */
};

static struct who who[] = {
	{ PROC_THREAD, RL_GRANULARITY_THREAD, "", false },
	{ PROC_PROCESS, RL_GRANULARITY_THREAD, "", false },
	{ PROC_THREAD, RL_GRANULARITY_PROCESS, "", true },
	{ PROC_PROCESS, RL_GRANULARITY_PROCESS, "", false },
	{ PROC_THREAD, RL_GRANULARITY_HOST, "", true },
	{ PROC_PROCESS, RL_GRANULARITY_HOST, "", true },
	{ PROC_THREAD, RL_GRANULARITY_THREAD, "team", true },
	{ PROC_PROCESS, RL_GRANULARITY_THREAD, "team", true },
};

static void begin(struct who *w, struct proc **a, struct proc **b)
{
	plan.granularity = w->granularity;
	plan.owner = w->owner[0] ? w->owner : NULL;
	*a = party_start(w->kind, &plan);
	*b = party_start(w->kind, &plan);
	cr_assert_eq(party(*a, LOCK, 0), 0);
}

static long long left(void)
{
	return server_ask_int(srv, "PTTL rl:lock");
}

/* As if most of the lease had gone by. */
static void shorten(void)
{
	server_ask_int(srv, "PEXPIRE rl:lock 9000");
}

ParameterizedTestParameters(waiting_refresh, the_same_owner_joins)
{
	return cr_make_param_array(struct who, who, 8);
}

ParameterizedTest(struct who *w, waiting_refresh, the_same_owner_joins)
{
	struct proc *a, *b;

	begin(w, &a, &b);
	if (!w->same) {
		cr_expect_eq(party(b, TRYLOCK, 0), EBUSY);
		cr_expect_eq(party(b, TIMEDLOCK, 30), ETIMEDOUT);
		cr_expect_eq(party(b, UNLOCK, 0), EPERM);
		return;
	}
	shorten();
	cr_expect_eq(party(b, TRYLOCK, 0), 0);
	cr_expect_gt(left(), 15000);
	shorten();
	cr_expect_eq(party(b, LOCK, 0), 0);
	cr_expect_gt(left(), 15000);
	shorten();
	cr_expect_eq(party(b, TIMEDLOCK, 1000), 0);
	cr_expect_gt(left(), 15000);
	/* Not counted: the first unlock, by whomever, frees it. */
	cr_expect_eq(party(b, UNLOCK, 0), 0);
	cr_expect_eq(server_ask_int(srv, "EXISTS rl:lock"), 0);
	cr_expect_eq(party(a, UNLOCK, 0), EPERM);
	cr_expect_eq(party(b, UNLOCK, 0), EPERM);
}

ParameterizedTestParameters(waiting_refresh, the_owner_renews_from_elsewhere)
{
	return cr_make_param_array(struct who, who, 8);
}

ParameterizedTest(struct who *w, waiting_refresh,
		  the_owner_renews_from_elsewhere)
{
	struct outcome mine, its;
	struct proc *a, *b;

	begin(w, &a, &b);
	shorten();
	if (!w->same) {
		cr_expect_eq(party(b, REFRESH, 0), EPERM);
		cr_expect_eq(party(b, EXTEND, 60000), EPERM);
		cr_expect_leq(left(), 9000);
		return;
	}
	cr_expect_eq(party(b, REFRESH, 0), 0);
	cr_expect_gt(left(), 15000);
	cr_expect_eq(party(b, EXTEND, 60000), 0);
	cr_expect_gt(left(), 50000);
	cr_expect_eq(party(b, HELD, 0), 0);
	party_begin(a, FENCE, 0);
	mine = party_end(a);
	party_begin(b, FENCE, 0);
	its = party_end(b);
	cr_expect_eq(its.err, 0);
	cr_expect_eq(mine.value, its.value);
	cr_expect_eq(party(a, UNLOCK, 0), 0);
}

Test(waiting_refresh, the_holder_itself_locks_again)
{
	struct proc *a = party_start(PROC_PROCESS, &plan);
	struct outcome first, again;

	cr_assert_eq(party(a, LOCK, 0), 0);
	party_begin(a, FENCE, 0);
	first = party_end(a);
	shorten();
	cr_expect_eq(party(a, LOCK, 0), 0);
	cr_expect_gt(left(), 15000);
	party_begin(a, FENCE, 0);
	again = party_end(a);
	cr_expect_eq(first.value, again.value);
	cr_expect_eq(party(a, UNLOCK, 0), 0);
	cr_expect_eq(party(a, UNLOCK, 0), EPERM);
}

/* Two processes of one owner wait for a stranger. One gets it, and the other
 * is let in without waiting for an unlock. */
Test(waiting_refresh, a_waiter_joins_when_its_owner_gets_the_lock)
{
	struct plan strange = { .servers = srv->url };
	struct proc *stranger = party_start(PROC_PROCESS, &strange), *a, *b;
	int64_t freed;

	plan.owner = "team";
	a = party_start(PROC_PROCESS, &plan);
	b = party_start(PROC_PROCESS, &plan);
	cr_assert_eq(party(stranger, LOCK, 0), 0);
	party_begin(a, LOCK, 0);
	cr_assert(line_has(srv, 1));
	party_begin(b, LOCK, 0);
	cr_assert(line_has(srv, 2));
	freed = wait_now_ns();
	cr_assert_eq(party(stranger, UNLOCK, 0), 0);
	cr_assert_eq(party_end(a).err, 0);
	cr_assert_eq(party_end(b).err, 0);
	cr_expect_lt(wait_now_ns() - freed, 5000 * MS);
	cr_expect_eq(party(b, UNLOCK, 0), 0);
	cr_expect_eq(party(a, UNLOCK, 0), EPERM);
}

/* The same for threads: those behind the first stand in their own line. */
Test(waiting_refresh, all_threads_join_when_one_gets_the_lock)
{
	struct plan strange = { .servers = srv->url };
	struct proc *stranger = party_start(PROC_PROCESS, &strange);
	struct proc *crew[4];

	plan.granularity = RL_GRANULARITY_PROCESS;
	plan_mutex(&plan, &probe);
	cr_assert_eq(party(stranger, LOCK, 0), 0);
	for (int i = 0; i < 4; i++) {
		crew[i] = party_start(PROC_THREAD, &plan);
		party_begin(crew[i], LOCK, 0);
		if (i == 0)
			cr_assert(line_has(srv, 1));
		else
			cr_assert(turn_line_has(&probe, i));
	}
	cr_assert_eq(party(stranger, UNLOCK, 0), 0);
	for (int i = 0; i < 4; i++)
		cr_expect_eq(party_end(crew[i]).err, 0);
	cr_expect_eq(party(crew[2], UNLOCK, 0), 0);
	cr_expect_eq(party(crew[0], UNLOCK, 0), EPERM);
}

/* A NORMAL hold of the same owner is no hold to join. */
Test(waiting_refresh, a_hold_of_another_type_is_not_shared)
{
	struct plan normal = { .servers = srv->url, .owner = "team" };
	struct proc *a = party_start(PROC_PROCESS, &normal), *b, *c;

	plan.owner = "team";
	b = party_start(PROC_PROCESS, &plan);
	c = party_start(PROC_PROCESS, &normal);
	cr_assert_eq(party(a, LOCK, 0), 0);
	cr_expect_eq(party(b, TRYLOCK, 0), EBUSY);
	cr_expect_eq(party(a, UNLOCK, 0), 0);
	cr_expect_eq(party(b, LOCK, 0), 0);
	cr_expect_eq(party(c, TRYLOCK, 0), EBUSY);
	cr_expect_eq(party(b, UNLOCK, 0), 0);
}
