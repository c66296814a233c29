/*
 * What becomes of an unlocked hold that threads of its process wait for. The
 * record, the hold and the waiter are made up, and nobody sleeps.
 */
#include <criterion/criterion.h>

#include "base/clock.h"
#include "lock/turn.h"

static struct rli_terms terms = { .kind = RLI_OWNER_PROCESS,
				  .lease_ms = 10000,
				  .slice = 60 * RLI_S };
static struct rli_terms others;
static struct rli_thread self = { .serial = 7 };
static struct rli_lock lock;
static struct rli_hold hold;
static struct rli_turn_waiter waiter;
static int64_t now;

static void setup(void)
{
	now = rli_now();
	others = terms;
	lock.turn_taken = true;
	lock.first = &waiter;
	lock.last = &waiter.next;
	waiter.terms = &terms;
	waiter.locker = 8;
	hold.lock = &lock;
	hold.terms = &terms;
	hold.state = RLI_LIVE;
	hold.locker = self.serial;
	hold.depth = 1;
	hold.owns_turn = true;
	hold.asked = now;
	hold.valid_until = now + 10 * RLI_S;
	rli_hold_add(&hold);
}

TestSuite(waiting_rest, .init = setup);

static bool pass(void)
{
	struct rli_wakes wakes;

	return rli_turn_pass(&hold, now, &wakes);
}

Test(waiting_rest, it_rests_and_the_first_in_line_is_called)
{
	cr_assert(pass());
	cr_expect_eq(hold.state, RLI_RESTING);
	cr_expect_eq(lock.resting, &hold);
	cr_expect_eq(waiter.word, RLI_TURN_LOOK);
	cr_expect_eq(lock.first, &waiter);
}

Test(waiting_rest, who_comes_takes_it)
{
	cr_assert(pass());
	cr_expect(rli_rest_catch(&lock, &self, &terms, true));
	cr_expect_eq(hold.state, RLI_LIVE);
	cr_expect_eq(hold.locker, self.serial);
	cr_expect_null(lock.resting);
	cr_expect_not(rli_rest_catch(&lock, &self, &terms, true));
}

Test(waiting_rest, who_would_not_wait_does_not_pass_those_who_do)
{
	cr_assert(pass());
	cr_expect_not(rli_rest_catch(&lock, &self, &terms, false));
	lock.first = NULL;
	cr_expect(rli_rest_catch(&lock, &self, &terms, false));
}

Test(waiting_rest, who_has_been_passed_over_for_long_gets_it_itself)
{
	struct rli_wakes wakes = { .keeper = false };

	cr_assert(pass());
	cr_assert(rli_rest_catch(&lock, &self, &terms, true));
	cr_assert(rli_turn_pass(&hold, now + 2 * RLI_MS, &wakes));
	cr_expect_eq(waiter.word, RLI_TURN_PASSED);
	cr_expect_eq(wakes.sleeper, &waiter.word);
	cr_expect_eq(waiter.hold, &hold);
	cr_expect_eq(hold.state, RLI_LIVE);
	cr_expect_eq(hold.locker, waiter.locker);
	cr_expect_null(lock.first);
	cr_expect_not(rli_rest_catch(&lock, &self, &terms, true));
}

Test(waiting_rest, not_for_who_wants_other_terms)
{
	cr_assert(pass());
	others.lease_ms = 20000;
	cr_expect_not(rli_rest_catch(&lock, &self, &others, true));
	cr_expect(rli_rest_catch(&lock, &self, &terms, true));
}

Test(waiting_rest, not_if_the_first_in_line_wants_other_terms)
{
	others.robust = true;
	waiter.terms = &others;
	cr_expect_not(pass());
}

Test(waiting_rest, not_with_less_than_half_of_the_lease)
{
	hold.valid_until = now + 4 * RLI_S;
	cr_expect_not(pass());
	hold.valid_until = now + 6 * RLI_S;
	cr_assert(pass());
	hold.valid_until = now + 4 * RLI_S;
	cr_expect_not(rli_rest_catch(&lock, &self, &terms, true));
}

Test(waiting_rest, not_while_the_state_is_to_be_mended)
{
	hold.inconsistent = true;
	cr_expect_not(pass());
}

Test(waiting_rest, not_after_the_slice_if_others_wait)
{
	lock.contended = true;
	hold.asked = now - terms.slice + RLI_S;
	cr_assert(pass());
	cr_assert(rli_rest_catch(&lock, &self, &terms, true));
	hold.asked = now - terms.slice;
	cr_expect_not(pass());
}

Test(waiting_rest, for_an_answer_it_waits_one_slice_more)
{
	hold.ask_turn = true;
	hold.asked = now - terms.slice;
	cr_assert(pass());
	cr_assert(rli_rest_catch(&lock, &self, &terms, true));
	hold.asked = now - 2 * terms.slice;
	cr_expect_not(pass());
}

Test(waiting_rest, never_without_a_slice)
{
	terms.slice = 0;
	cr_expect_not(pass());
}

/* It is nobody's, so nobody is told. */
Test(waiting_rest, a_loss_is_told_to_nobody)
{
	bool tell;

	cr_assert(pass());
	cr_expect_not(rli_hold_check(&hold, hold.valid_until, &tell));
	cr_expect_not(tell);
	cr_expect_eq(hold.state, RLI_FREE);
	cr_expect_null(lock.resting);
	cr_expect_eq(waiter.word, RLI_TURN_YOURS);
}

Test(waiting_rest, it_cannot_be_unlocked_or_used)
{
	hold.value = (char[]){ "proc:me#0123456789abcdef" };
	hold.id_len = 8;
	cr_expect_not(rli_value_over(&lock, "0123456789abcdef"));
	cr_assert(pass());
	cr_expect(rli_value_over(&lock, "0123456789abcdef"));
	cr_expect_null(rli_hold_find(&lock, &self, RLI_RIGHT_UNLOCK));
	cr_expect_null(rli_hold_find(&lock, &self, RLI_RIGHT_USE));
}
