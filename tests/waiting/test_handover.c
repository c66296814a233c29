/*
 * Many hand-overs, judged by what the server did. RL_TEST_HANDOVERS says how
 * many for each size of the crowd; 10000 takes some minutes.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <sched.h>

#include "waiting/crowd.h"
#include "waiting/replay.h"

static struct server *srv;

static void setup(void)
{
	static const struct server_options options = { .tcp = true };

	srv = server_start(&options);
}

static void teardown(void)
{
	server_stop(srv);
}

TestSuite(waiting_handover, .init = setup, .fini = teardown);

static long handovers(void)
{
	const char *n = getenv("RL_TEST_HANDOVERS");

	return n ? atol(n) : 2000;
}

static void judge_field(const struct field *f)
{
	cr_expect_eq(f->errors, 0);
	cr_expect_eq(f->overlaps, 0);
	cr_expect_eq(f->fences_back, 0);
	cr_expect_eq(f->sum, f->target);
}

/* A claim is late if the machine stood still for a second. Where waiters find
 * tokens of others, most are. */
static void judge(const struct field *f, const struct replay *r)
{
	judge_field(f);
	cr_expect_eq(r->overtakings, 0, "%ld overtakings", r->overtakings);
	cr_expect_eq(r->lost_wake_ups, 0, "%ld lost wake-ups",
		     r->lost_wake_ups);
	/* A small crowd may find the lock free as often as not. */
	cr_expect_gt(r->hand_offs,
		     f->processes * f->threads < 8 ? 0 : f->target / 4,
		     "%ld hand-offs", r->hand_offs);
	cr_expect_leq(r->late_claims, f->target / 100, "%ld late claims",
		      r->late_claims);
}

struct size {
	int processes, threads;
};

ParameterizedTestParameters(waiting_handover, none_overtakes_none_is_forgotten)
{
	static struct size sizes[] = {
		{ 1, 2 }, { 2, 1 }, { 3, 1 }, { 2, 4 }, { 4, 4 },
		{ 8, 2 }, { 4, 8 }, { 1, 32 }, { 4, 16 }, { 32, 1 },
	};

	return cr_make_param_array(struct size, sizes, 10);
}

ParameterizedTest(struct size *size, waiting_handover,
		  none_overtakes_none_is_forgotten, .timeout = 900)
{
	struct plan plan = { .servers = srv->tcp_url };
	struct field *f = field_new(&plan, size->processes, size->threads,
				    handovers());
	struct replay replay;

	replay_begin(&replay, srv);
	cr_assert_eq(crowd(f), 0);
	replay_finish(&replay);
	crowd_report(f, "hand-overs");
	fprintf(stderr, "\t%ld hand-offs, %ld other grants\n",
		replay.hand_offs, replay.grants);
	judge(f, &replay);
	field_free(f);
}

/* Who may run on one core only awaits claim and release awake. */
static void keep_to_one_core(void)
{
	cpu_set_t set;
	int core = 0;

	cr_assert_eq(sched_getaffinity(0, sizeof(set), &set), 0);
	while (!CPU_ISSET(core, &set))
		core++;
	CPU_ZERO(&set);
	CPU_SET(core, &set);
	cr_assert_eq(sched_setaffinity(0, sizeof(set), &set), 0);
}

ParameterizedTestParameters(waiting_handover, one_core_is_enough)
{
	static struct size sizes[] = { { 2, 1 }, { 1, 4 }, { 8, 2 } };

	return cr_make_param_array(struct size, sizes, 3);
}

/* The order is not judged: others that want the core may keep all from running
 * for longer than a hand-off lasts. */
ParameterizedTest(struct size *size, waiting_handover, one_core_is_enough,
		  .timeout = 900)
{
	struct plan plan = { .servers = srv->url };
	struct field *f = field_new(&plan, size->processes, size->threads,
				    handovers());

	keep_to_one_core();
	cr_assert_eq(crowd(f), 0);
	crowd_report(f, "on one core");
	judge_field(f);
	field_free(f);
}
