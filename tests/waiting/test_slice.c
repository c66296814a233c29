/*
 * Threads of one process that lock again at once, faster than those who wait
 * can wake: these get it all the same, and other processes their turn.
 */
#include <criterion/criterion.h>

#include "waiting/party.h"

#define PATIENCE 10000 /* ms; a turn takes a few */
#define TURNS 5
#define BUSY 6 /* so many that somebody always waits */

static struct server *srv;
static struct plan plan;
static rl_mutex_t mutex; /* of the threads that lock again and again */

#include "waiting/busy.h"

static void setup(void)
{
	srv = server_start(NULL);
	plan = (struct plan){ .servers = srv->url,
			      .granularity = RL_GRANULARITY_PROCESS };
}

static void teardown(void)
{
	parties_end();
	server_stop(srv);
}

TestSuite(waiting_slice, .init = setup, .fini = teardown);

static void take_turns(struct proc *p)
{
	for (int i = 0; i < TURNS; i++) {
		cr_assert_eq(party(p, TIMEDLOCK, PATIENCE), 0);
		cr_assert_eq(party(p, UNLOCK, 0), 0);
	}
}

Test(waiting_slice, a_busy_thread_does_not_starve_the_others)
{
	struct proc *crew[3];

	plan.slice = 60000000;
	begin(1);
	for (int i = 0; i < 3; i++)
		crew[i] = party_start(PROC_THREAD, &plan);
	for (int i = 0; i < 3; i++)
		take_turns(crew[i]);
	end(1);
	cr_expect_eq(server_ask_int(srv, "EXISTS rl:lock"), 0);
}

/* Nobody else was there when the turn began: so they ask for themselves. */
Test(waiting_slice, busy_threads_give_another_process_its_turn)
{
	struct proc *other;

	plan.slice = 100000; /* an answer comes in time, whatever else runs */
	begin(BUSY);
	other = party_start(PROC_PROCESS, &plan);
	take_turns(other);
	end(BUSY);
}

static bool has_asked(void *calls)
{
	return calls_of(srv, "pexpire") >= *(long long *)calls;
}

/* At seven eighths of each slice: who finds that it is time wakes the keeper.
 * By itself it looks once a second, as threads stand in line. */
Test(waiting_slice, the_keeper_asks_in_each_slice)
{
	long long calls;

	plan.slice = 50000;
	plan.lease = 600000;
	begin(BUSY);
	calls = calls_of(srv, "pexpire") + 3 * PATIENCE / 1000;
	cr_expect(wait_until(has_asked, &calls, PATIENCE));
	end(BUSY);
}

/* No renewal that could ask: the lock is released at the end of the slice. */
Test(waiting_slice, a_lease_that_is_not_renewed_goes_round_as_well)
{
	struct proc *other;

	plan.refresh = RL_REFRESH_OFF;
	plan.lease = 60000;
	begin(BUSY);
	other = party_start(PROC_PROCESS, &plan);
	take_turns(other);
	end(BUSY);
}

Test(waiting_slice, a_lease_without_end_goes_round_as_well)
{
	struct proc *other;

	plan.lease = NEVER;
	begin(BUSY);
	other = party_start(PROC_PROCESS, &plan);
	take_turns(other);
	end(BUSY);
}
