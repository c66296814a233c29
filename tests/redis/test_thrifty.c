/*
 * When not all nodes are asked: rounds that no server sees, on a clock that only
 * the test moves.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "redis/quorum.h"
#include "redis/spare.h"

#define BY_TURNS 16
#define TRIAL 128	/* of three nodes: all of them, or two */
#define TRIAL_OF_FIVE 192	/* or one more than a majority */
#define RUN 4096
#define UPSET 48

#define QUICK (50 * RLI_US)
#define SLOW (60 * RLI_US)

static int64_t now = RLI_S;
static struct rli_notes notes;
static struct rli_node node[5];
static struct rli_session session[5];
static struct rli_round *r;
static struct rli_op op;
static int64_t one_more = SLOW;	/* what takes so long that asks one node more than
				   a majority */

static int fake_clock(clockid_t clock, struct timespec *ts)
{
	(void)clock;
	ts->tv_sec = now / RLI_S;
	ts->tv_nsec = now % RLI_S;
	return 0;
}

static void three(void)
{
	int i;

	rli_clock_fn = fake_clock;
	r = calloc(1, sizeof(*r));
	r->op = &op;
	r->place.notes = &notes;
	notes.won = now;
	r->place.hash = 7;
	r->n = 3;
	r->majority = 2;
	for (i = 0; i < 5; i++) {
		node[i].hash = 12345u * (unsigned)i;
		session[i].node = &node[i];
		session[i].state = RLI_READY;
		r->vote[i].session = &session[i];
	}
}

static void done(void)
{
	free(r);
}

TestSuite(thrifty, .init = three, .fini = done, .timeout = 20);

static int bits(unsigned nodes)
{
	return __builtin_popcount(nodes);
}

/* What an acquire would ask. */
static unsigned asks(void)
{
	op.sent = now;
	r->verb = RLI_Q_ACQUIRE;
	return rli_thrifty_nodes(r);
}

/* A hold, of which each half takes so long, by how it is asked; whether it is
 * asked of some nodes only. */
static bool hold(int64_t all, int64_t bare)
{
	int64_t takes = all;

	r->few = asks();
	r->thrifty = r->few;
	if (r->few)
		takes = bits(r->few) == r->majority ? bare : one_more;
	now += takes;
	rli_thrifty_won(r);
	op.sent = now;
	r->verb = RLI_Q_RELEASE;
	now += takes;
	rli_thrifty_released(r);
	return r->few;
}

/* How many of so many holds are bare. */
static int bare_of(int holds, int64_t all, int64_t bare)
{
	int i, n = 0;

	for (i = 0; i < holds; i++)
		n += hold(all, bare);
	return n;
}

/* A whole trial. */
static void try_it(int64_t all, int64_t bare)
{
	cr_assert_eq(bare_of(TRIAL, all, bare), TRIAL / 2);
}

Test(thrifty, it_is_tried_by_turns)
{
	int i;

	for (i = 0; i < TRIAL; i++)
		cr_assert_eq(hold(QUICK, QUICK), i / BY_TURNS % 2, "%d", i);
}

Test(thrifty, if_it_is_quicker_it_is_done)
{
	try_it(SLOW, QUICK);
	cr_expect_eq(bare_of(RUN, SLOW, QUICK), RUN);
}

Test(thrifty, if_it_is_not_it_is_left)
{
	try_it(QUICK, SLOW);
	cr_expect_eq(bare_of(RUN, QUICK, SLOW), 0);
}

Test(thrifty, it_is_tried_again)
{
	try_it(QUICK, SLOW);
	bare_of(RUN, QUICK, SLOW);
	try_it(SLOW, QUICK);
	cr_expect_eq(bare_of(RUN, SLOW, QUICK), RUN);
	try_it(QUICK, SLOW);
	cr_expect_eq(bare_of(RUN, QUICK, SLOW), 0);
}

/* The half that unlocks counts as much. */
Test(thrifty, the_release_counts_too)
{
	int i;

	for (i = 0; i < TRIAL; i++) {
		r->few = asks();
		r->thrifty = r->few;
		now += r->few ? SLOW : QUICK;
		rli_thrifty_won(r);
		op.sent = now;
		now += r->few ? QUICK : 2 * SLOW;
		rli_thrifty_released(r);
	}
	cr_expect_eq(bare_of(RUN, SLOW, QUICK), RUN);
}

/* Where one took a second, the machine stood still. */
Test(thrifty, one_that_took_long_decides_nothing)
{
	bare_of(BY_TURNS + BY_TURNS / 2, SLOW, QUICK);
	cr_assert(hold(SLOW, RLI_S));
	now += QUICK;
	bare_of(TRIAL, SLOW, QUICK);
	cr_expect_eq(bare_of(RUN / 2, SLOW, QUICK), RUN / 2);
}

Test(thrifty, who_was_disturbed_asks_all_for_a_while)
{
	try_it(SLOW, QUICK);
	rli_thrifty_upset(&notes);
	cr_expect_eq(bare_of(UPSET, SLOW, QUICK), 0);
	cr_expect_eq(bare_of(UPSET, SLOW, QUICK), UPSET);
}

/* What a disturbance costs is not its way's fault. */
Test(thrifty, what_a_disturbance_takes_does_not_count)
{
	bare_of(TRIAL - 1, SLOW, QUICK);
	rli_thrifty_upset(&notes);
	bare_of(UPSET, QUICK / 8, QUICK);
	hold(SLOW, QUICK);
	cr_expect_eq(bare_of(RUN / 2, SLOW, QUICK), RUN / 2);
}

Test(thrifty, a_lock_taken_seldom_is_asked_of_all)
{
	try_it(SLOW, QUICK);
	now += 6 * RLI_MS;
	cr_expect(!asks());
	cr_expect(!hold(SLOW, QUICK));
	now += 4 * RLI_MS;
	cr_expect(asks());
}

/* It never knew which way is quicker. */
Test(thrifty, nor_is_it_tried_with_one_taken_seldom)
{
	int i;

	for (i = 0; i < 2 * TRIAL; i++) {
		now += 6 * RLI_MS;
		hold(SLOW, QUICK);
	}
	try_it(SLOW, QUICK);
	cr_expect_eq(bare_of(RUN, SLOW, QUICK), RUN);
}

/* A bare majority that was not there does not win. */
Test(thrifty, what_was_not_tried_is_not_done)
{
	session[0].state = session[1].state = session[2].state = RLI_CLOSED;
	cr_assert_eq(bare_of(TRIAL, SLOW, QUICK), 0);
	session[0].state = session[1].state = session[2].state = RLI_READY;
	cr_expect_eq(bare_of(RUN, SLOW, QUICK), 0);
}

/* The others were asked after all: so it counts as slow, and disturbed. */
Test(thrifty, one_that_came_too_late_counts)
{
	int i, late = 0;

	for (i = 0; i < TRIAL / 2 * (UPSET + 1) + TRIAL / 2; i++) {
		r->few = asks();
		r->thrifty = false;
		late += r->few != 0;
		now += r->few ? SLOW : QUICK;
		rli_thrifty_won(r);
	}
	cr_assert_eq(late, TRIAL / 2);
	bare_of(UPSET, QUICK, SLOW);
	cr_expect_eq(bare_of(RUN / 2, QUICK, SLOW), 0);
}

Test(thrifty, who_wants_more_than_the_lock_asks_all)
{
	static const unsigned more[] = { RLI_DO_SHARE, RLI_DO_KEEP,
					 RLI_Q_VOUCH };
	size_t i;

	try_it(SLOW, QUICK);
	for (i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
		r->flags = more[i];
		cr_expect(!asks(), "%x", more[i]);
	}
	r->flags = RLI_DO_ROBUST | RLI_Q_HERE;
	cr_expect(asks());
	r->tries = 1;
	cr_expect(!asks());
}

/* So many are asked, of whichever lock. */
static void expect(int many)
{
	static const bool none[RLI_NODES_MAX];
	unsigned nodes;

	for (r->place.hash = 0; r->place.hash < 1000; r->place.hash++) {
		nodes = asks();
		cr_assert_eq(bits(nodes), many);
		cr_assert_lt(nodes, 1u << r->n);
		cr_assert(nodes & 1u << rli_quorum_first(r, none));
	}
}

Test(thrifty, it_is_a_majority_with_the_node_where_all_wait)
{
	try_it(SLOW, QUICK);
	expect(2);
}

/* Behind the suite's own. */
static void of_five(void)
{
	r->n = 5;
	r->majority = 3;
}

Test(thrifty, of_five_there_are_three_ways, .init = of_five)
{
	static const int asked[] = { 0, 3, 4 };
	int i;

	for (i = 0; i < TRIAL_OF_FIVE; i++) {
		cr_assert_eq(bits(asks()), asked[i / BY_TURNS % 3], "%d", i);
		hold(QUICK, QUICK);
	}
}

static void try_three(int64_t all, int64_t bare, int64_t more)
{
	one_more = more;
	cr_assert_eq(bare_of(TRIAL_OF_FIVE, all, bare), TRIAL_OF_FIVE / 3 * 2);
}

Test(thrifty, the_quickest_of_the_three_is_done, .init = of_five)
{
	try_three(SLOW, QUICK, SLOW);
	expect(3);
	cr_assert_eq(bare_of(RUN, SLOW, QUICK), RUN);
	try_three(SLOW, QUICK + 1, QUICK);
	expect(4);
	cr_assert_eq(bare_of(RUN, SLOW, QUICK), RUN);
	try_three(QUICK, SLOW, SLOW);
	cr_expect(!asks());
	cr_assert_eq(bare_of(RUN, QUICK, SLOW), 0);
	try_three(SLOW, QUICK, QUICK + 1);
	expect(3);
}

/* Of four, one more than a majority are all. */
Test(thrifty, of_four_there_are_two)
{
	r->n = 4;
	r->majority = 3;
	try_it(SLOW, QUICK);
	expect(3);
}

/* Of different locks, different ones. */
Test(thrifty, all_nodes_have_their_share)
{
	int i, n[3] = { 0 };
	unsigned nodes;

	try_it(SLOW, QUICK);
	for (r->place.hash = 0; r->place.hash < 3000; r->place.hash++) {
		nodes = asks();
		for (i = 0; i < 3; i++)
			n[i] += nodes >> i & 1;
	}
	for (i = 0; i < 3; i++) {
		cr_expect_gt(n[i], 1800, "%d", n[i]);
		cr_expect_lt(n[i], 2200, "%d", n[i]);
	}
}

/* What comes to be known against a node, whichever; then the clock goes on. */
static void after(void (*fails)(struct rli_node *), int64_t pause,
		  void (*recovers)(struct rli_node *))
{
	int i;

	try_it(SLOW, QUICK);
	for (i = 0; i < 3; i++) {
		cr_expect(asks());
		rli_fail(ENOLCK, "not here");
		fails(&node[i]);
		now += pause;
		hold(SLOW, QUICK);
		cr_expect(!asks(), "%d", i);
		recovers(&node[i]);
		hold(SLOW, QUICK);
	}
}

static void ten_seconds_pass(struct rli_node *any)
{
	(void)any;
	now += 11 * RLI_S;
}

/* Others may wait at another one, and would not hear of the release. */
Test(thrifty, all_are_asked_where_one_cannot_be_waited_at)
{
	after(rli_spare_no_home, 0, ten_seconds_pass);
}

/* Until it has answered again. */
Test(thrifty, and_where_one_has_failed)
{
	after(rli_spare_failed, 2 * RLI_S, rli_spare_answered);
}

Test(thrifty, of_two_nodes_both_are_the_majority)
{
	r->n = 2;
	cr_expect_eq(bare_of(2 * TRIAL, SLOW, QUICK), 0);
}

Test(thrifty, all_are_asked_where_one_is_not_connected)
{
	unsigned nodes;
	int i;

	try_it(SLOW, QUICK);
	nodes = asks();
	for (i = 0; i < 3; i++) {
		session[i].state = RLI_GREETING;
		cr_expect_eq(!asks(), nodes >> i & 1, "%d", i);
		session[i].state = RLI_READY;
	}
}

Test(thrifty, who_is_slow_as_a_rule_is_waited_for_longer)
{
	cr_expect_eq(rli_thrifty_patience(&notes), 2 * RLI_MS);
	try_it(QUICK, RLI_MS / 4);
	cr_expect_eq(rli_thrifty_patience(&notes), 2 * RLI_MS);
	bare_of(RUN, QUICK, RLI_MS / 4);
	try_it(RLI_MS, QUICK);
	cr_expect_eq(rli_thrifty_patience(&notes), 8 * RLI_MS);
}

/* Whatever has been heard since: that is where the hold is. */
Test(thrifty, a_bare_hold_is_released_where_it_was_taken)
{
	int i;

	try_it(SLOW, QUICK);
	r->few = asks();
	cr_assert(r->few);
	r->verb = RLI_Q_RELEASE;
	rli_thrifty_upset(&notes);
	now += RLI_S;
	for (i = 0; i < 3; i++) {
		cr_expect_eq(rli_thrifty_nodes(r), r->few);
		rli_fail(EACCES, "not here");
		rli_spare_no_home(&node[i]);
	}
	cr_expect_eq(rli_thrifty_nodes(r), r->few);
}

Test(thrifty, any_other_is_released_everywhere)
{
	try_it(SLOW, QUICK);
	r->few = 0;
	r->verb = RLI_Q_RELEASE;
	cr_expect_eq(rli_thrifty_nodes(r), 0);
}
