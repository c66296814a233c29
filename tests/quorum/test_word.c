/*
 * In what a node keeps of a lock, one word says what there is to say as a rule:
 * whatever else there is opens it, and goes with the unlock after it.
 */
#include "quorum.h"

static rl_mutex_t m;
static uint64_t fence;

static void setup(void)
{
	nodes_begin(3, NULL);
	make(&m, &(struct want){ .robust = true });
	become_known(&m, "n");
}

static void teardown(void)
{
	rl_mutex_destroy(&m);
	nodes_end();
}

TestSuite(quorum_word, .init = setup, .fini = teardown);

static const char *field(int i, const char *name)
{
	return server_ask(node[i], "HGET {rl:n}:rl:meta %s", name);
}

/* The word; "(nil)" if there is none. */
static const char *word(int i)
{
	char list[64];

	snprintf(list, sizeof(list), "%s", field(i, "q"));
	return field(i, list);
}

static bool is_at_rest(int i)
{
	char want[32];

	snprintf(want, sizeof(want), "%llu", (unsigned long long)fence + 1);
	return !strcmp(word(i), want) &&
	       server_ask_int(node[i], "HLEN {rl:n}:rl:meta") == 2;
}

static bool all_rest(void *arg)
{
	int i, n = 0;

	(void)arg;
	for (i = 0; i < nodes; i++)
		n += is_at_rest(i);
	return n == nodes;
}

static void lock_gives(int err)
{
	EXPECT(timedlock_ms(&m, 5000), err);
	OK(rl_mutex_fence(&m, &fence));
}

static void comes_to_rest(void)
{
	OK(rl_mutex_unlock(&m));
	cr_expect(wait_until(all_rest, NULL, WAIT_MS));
}

Test(quorum_word, is_all_there_is)
{
	char want[64];
	uint64_t before;
	int i;

	lock_gives(0);
	comes_to_rest();
	before = fence;
	lock_gives(0);
	cr_assert(holding_becomes("n", 3));
	snprintf(want, sizeof(want), "%llu %llu", (unsigned long long)fence,
		 (unsigned long long)before + 1);
	for (i = 0; i < nodes; i++)
		cr_expect_str_eq(word(i), want);
	comes_to_rest();
}

Test(quorum_word, of_one_that_died_is_opened)
{
	struct want want = { .lease_ms = 60000 };
	struct proc *p = party_start(PROC_PROCESS, &want);
	int i;

	DID(p, LOCK, 0, 0);
	cr_assert(holding_becomes("n", 3));
	proc_kill(p);
	for (i = 0; i < nodes; i++)
		server_ask(node[i], "DEL rl:n");
	lock_gives(EOWNERDEAD);
	cr_assert(holding_becomes("n", 3));
	for (i = 0; i < nodes; i++) {
		cr_expect_str_eq(word(i), "(nil)");
		cr_expect_str_eq(field(i, "d"), "1");
	}
	OK(rl_mutex_consistent(&m));
	comes_to_rest();
}

Test(quorum_word, is_back_after_a_reset)
{
	lock_gives(0);
	OK(rl_mutex_reset(&m));
	EXPECT(rl_mutex_unlock(&m), ESTALE);
	lock_gives(0);
	comes_to_rest();
}

Test(quorum_word, is_back_when_nobody_waits_any_more)
{
	struct want want = { .owner = "waiter" };
	struct proc *p = party_start(PROC_THREAD, &want);

	lock_gives(0);
	party_begin(p, LOCK, 0);
	cr_assert(waiters_become(1));
	OK(rl_mutex_unlock(&m));
	cr_expect_eq(proc_hear(p), 0);
	DID(p, UNLOCK, 0, 0);
	party_end(p);
	/* It is believed for three seconds that he waits. */
	usleep(3100000);
	lock_gives(0);
	comes_to_rest();
}

/* A hold was renewed on nodes that had lost K: that says all over again who has
 * it, and the unlock makes the word. */
Test(quorum_word, is_opened_where_k_is_set_again)
{
	rl_mutex_destroy(&m);
	make(&m, &(struct want){ .lease_ms = 600, .robust = true });
	lock_gives(0);
	cr_assert(holding_becomes("n", 3));
	server_ask(node[0], "DEL rl:n");
	cr_assert(holding_becomes("n", 3));
	cr_expect_str_eq(word(0), "(nil)");
	comes_to_rest();
}

/* Who comes with another list gives up what it may have got: that is noted with
 * the word of the first. */
Test(quorum_word, of_a_list_is_opened_by_another_one)
{
	rl_mutex_t other;
	char two[400];

	lock_gives(0);
	comes_to_rest();
	list_nodes(two, sizeof(two), 0, 2);
	make(&other, &(struct want){ .servers = two, .owner = "other" });
	EXPECT(rl_mutex_trylock(&other), EPROTO);
	lock_gives(0);
	EXPECT(rl_mutex_trylock(&other), EPROTO);
	OK(rl_mutex_unlock(&m));
	lock_gives(0);
	comes_to_rest();
	rl_mutex_destroy(&other);
}
