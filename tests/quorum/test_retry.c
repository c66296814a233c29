/*
 * Where nobody gets a majority: how often it is tried, and how long it is left
 * to others in between.
 */
#include "quorum.h"

static rl_mutex_t m;

static void setup(void)
{
	nodes_begin(3, NULL);
}

static void teardown(void)
{
	rl_mutex_destroy(&m);
	nodes_end();
}

TestSuite(quorum_retry, .init = setup, .fini = teardown);

/* Two that hold a node each, and neither a majority: as rl would leave it, with
 * a number of its own for each. */
static void split(void)
{
	int i;

	become_known(&m, "n");
	for (i = 0; i < 2; i++) {
		server_ask(node[i], "SET rl:n name:split-%d#%s PX 60000", i,
			   "8000000000000000");
		lay_open(i, "n");
		server_ask(node[i], "HINCRBY {rl:n}:rl:meta t %d", 1 + 2 * i);
	}
}

static void use(int count, int delay_ms, int jitter_ms)
{
	int retry[] = { count, delay_ms, jitter_ms };

	make(&m, &(struct want){ .retry = retry });
	/* Connections and scripts are there. */
	split();
	EXPECT(rl_mutex_trylock(&m), EBUSY);
}

static void expect_retries(int n, int64_t least_ms)
{
	long long before = scripts_run(0);
	int64_t t = wait_now_ms();

	EXPECT(rl_mutex_lock(&m), ETIMEDOUT);
	t = wait_now_ms() - t;
	cr_expect(strstr(rl_last_error(), "retries: none got a majority"), "%s",
		  rl_last_error());
	cr_expect_geq(t, least_ms, "%lld ms", (long long)t);
	fprintf(stderr, "%d retries: %lld requests to a node, %lld ms\n", n,
		scripts_run(0) - before, (long long)t);
	/* Each an acquire, its undo, and a question at times; and four more
	 * acquires if the node that is ours is the first. */
	cr_expect_geq(scripts_run(0) - before, n + 1);
	cr_expect_leq(scripts_run(0) - before, 7 * (n + 1) + 4);
	cr_expect(holding("n") == 2);
}

Test(quorum_retry, count_is_how_often_it_is_tried_again)
{
	use(5, 10, 0);
	expect_retries(5, 50);
}

Test(quorum_retry, none_means_one_round)
{
	use(0, 10, 0);
	expect_retries(0, 0);
}

Test(quorum_retry, delay_is_waited_between_rounds)
{
	use(3, 200, 0);
	expect_retries(3, 600);
}

Test(quorum_retry, jitter_is_added)
{
	int64_t t;

	use(8, 0, 100);
	t = wait_now_ms();
	EXPECT(rl_mutex_lock(&m), ETIMEDOUT);
	/* On average 400 ms: less than 40 is one in a billion. */
	cr_expect_geq(wait_now_ms() - t, 40);
}

Test(quorum_retry, without_a_count_the_deadline_ends_it)
{
	int64_t t;

	use(-1, 20, 20);
	t = wait_now_ms();
	EXPECT(timedlock_ms(&m, 500), ETIMEDOUT);
	t = wait_now_ms() - t;
	cr_expect(t >= 499 && t < 2000, "%lld ms", (long long)t);
}

static int frees(struct proc *self, void *arg)
{
	(void)arg;
	proc_hear(self);
	server_ask(node[0], "DEL rl:n");
	return 0;
}

Test(quorum_retry, it_is_had_when_a_majority_is_free)
{
	struct proc *p = proc_start(PROC_THREAD, frees, NULL);

	use(-1, 20, 20);
	proc_tell(p, 1);
	OK(timedlock_ms(&m, 5000));
	OK(rl_mutex_unlock(&m));
	cr_expect_eq(proc_join(p), 0);
}

/* ------------------------------------------------------------ who gives way */

static bool has_undone(void *arg)
{
	return !holds(*(int *)arg, "n");
}

/* Of two nodes, i is taken with the number t; how many scripts a try runs on the
 * other one. */
static long long tried(int i, const char *t)
{
	int other = 1 - i;
	long long before = scripts_run(other);

	server_ask(node[i], "SET rl:n name:other#%s PX 60000",
		   "8000000000000000");
	lay_open(i, "n");
	server_ask(node[i], "HSET {rl:n}:rl:meta t %s", t);
	EXPECT(rl_mutex_trylock(&m), EBUSY);
	cr_assert(wait_until(has_undone, &other, WAIT_MS));
	server_ask(node[i], "DEL rl:n");
	return scripts_run(other) - before;
}

static void two_of_three(void)
{
	make(&m, &(struct want){ 0 });
	become_known(&m, "n");
	server_kill(node[2]);
	MUST(rl_mutex_lock(&m));
	MUST(rl_mutex_unlock(&m));
}

/* Some seconds from now: as young as can be. */
static const char *young(void)
{
	static char text[32];
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(text, sizeof(text), "%lld",
		 ((long long)now.tv_sec + 60) * 1000000 + 1);
	return text;
}

/* Else both give way, or neither, and the lock is nobody's for a while. */
Test(quorum_retry, of_two_who_split_the_nodes_one_insists)
{
	long long a, b;

	two_of_three();
	a = tried(0, young());
	b = tried(1, young());
	/* An acquire and its undo; four acquires more. */
	cr_expect((a == 2 && b == 6) || (a == 6 && b == 2), "%lld and %lld", a,
		  b);
}

/* It was not taken now: who did either holds the lock, or left it behind. */
Test(quorum_retry, a_node_that_was_taken_long_ago_is_not_contended)
{
	char t[2][32];
	int i;

	two_of_three();
	for (i = 0; i < 2; i++) {
		lay_open(i, "n");
		snprintf(t[i], sizeof(t[i]), "%lld", 1 + server_ask_int(node[i],
			 "HGET {rl:n}:rl:meta t"));
	}
	usleep(1100000);
	for (i = 0; i < 2; i++)
		cr_expect_eq(tried(i, t[i]), 6, "%d", i);
}
