#include "base/gate.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "support/wait.h"

static struct rli_gate gate;
static atomic_int state;
static atomic_bool go;

static bool state_is(void *wanted)
{
	return atomic_load(&state) == *(int *)wanted;
}

static bool reaches(int wanted)
{
	return wait_until(state_is, &wanted, WAIT_MS);
}

/* 1: inside; then, told to go: 2: outside. */
static void *work(void *arg)
{
	(void)arg;
	if (!rli_gate_enter(&gate)) {
		atomic_store(&state, -1);
		return NULL;
	}
	atomic_store(&state, 1);
	while (!atomic_load(&go))
		;
	atomic_store(&state, 2);
	rli_gate_leave(&gate);
	return NULL;
}

Test(gate, many_are_inside_at_a_time)
{
	cr_expect(rli_gate_enter(&gate));
	cr_expect(rli_gate_enter(&gate));
	rli_gate_leave(&gate);
	rli_gate_leave(&gate);
	rli_gate_shut(&gate, RLI_FOREVER);
	rli_gate_open(&gate);
	cr_expect(rli_gate_enter(&gate));
	rli_gate_leave(&gate);
}

static void *shut_it(void *arg)
{
	(void)arg;
	rli_gate_shut(&gate, RLI_FOREVER);
	/* Whoever was inside has left. */
	cr_expect_eq(atomic_exchange(&state, 3), 2);
	return NULL;
}

Test(gate, shutting_waits_for_who_is_inside)
{
	pthread_t worker, closer;

	pthread_create(&worker, NULL, work, NULL);
	cr_assert(reaches(1));
	pthread_create(&closer, NULL, shut_it, NULL);
	while (!(atomic_load(&gate.word) & RLI_GATE_SHUT))
		;
	cr_expect_eq(atomic_load(&state), 1);
	atomic_store(&go, true);
	pthread_join(closer, NULL);
	cr_expect_eq(atomic_load(&state), 3);
	pthread_join(worker, NULL);
}

Test(gate, who_comes_while_it_is_shut_waits)
{
	pthread_t worker;

	atomic_store(&go, true);
	rli_gate_shut(&gate, RLI_FOREVER);
	pthread_create(&worker, NULL, work, NULL);
	cr_expect_eq(atomic_load(&state), 0);
	rli_gate_open(&gate);
	pthread_join(worker, NULL);
	cr_expect_eq(atomic_load(&state), 2);
}

Test(gate, at_its_end_who_waits_turns_back)
{
	pthread_t worker;

	rli_gate_shut(&gate, RLI_FOREVER);
	pthread_create(&worker, NULL, work, NULL);
	rli_gate_end(&gate, RLI_FOREVER);
	pthread_join(worker, NULL);
	cr_expect_eq(atomic_load(&state), -1);
	rli_gate_open(&gate);
	cr_expect(!rli_gate_enter(&gate));
	rli_gate_reset(&gate);
	cr_expect(!rli_gate_enter(&gate));
}

Test(gate, the_end_does_not_wait_for_ever)
{
	int64_t until = rli_now() + 20 * RLI_MS;

	cr_expect(rli_gate_enter(&gate));
	rli_gate_end(&gate, until);
	cr_expect_geq(rli_now(), until);
}

Test(gate, a_child_finds_it_open)
{
	cr_expect(rli_gate_enter(&gate));
	atomic_fetch_or(&gate.word, RLI_GATE_SHUT);
	rli_gate_reset(&gate);
	cr_expect(rli_gate_enter(&gate));
	rli_gate_leave(&gate);
	rli_gate_shut(&gate, RLI_FOREVER);
}
