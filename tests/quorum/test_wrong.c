/*
 * A node that answers, but wrongly: it refuses a command, or what it says makes
 * no sense. It costs nothing but itself; only where no majority is left without
 * such nodes does anybody hear of it.
 */
#include "quorum.h"

/* What waits needs another command's name for what it does: then BLPOP is
 * refused, or is answered as that command would be. */
#define REFUSES(command) "rename-command " command " \"\"\n"
#define ANSWERS_AS(command, other) \
	REFUSES(command) "rename-command " other " " command "\n"

/* Its home is a node that depends on its name: one of these is at any node, but
 * in one case of some thousand. */
#define LOCKS 20

static void start(int wrong, const char *config)
{
	int i;

	alarm(TEST_SECONDS);
	unsetenv("RL_SERVERS");
	for (i = 0; i < 3; i++)
		node[i] = server_start(&(struct server_options){
			.config = i < wrong ? config : NULL });
	nodes = 3;
	list_nodes(all, sizeof(all), 0, 3);
}

TestSuite(quorum_wrong, .fini = nodes_end);

/* ----------------------------------------------------------------- waiting */

struct waiter {
	char name[8];
	_Atomic int64_t got_it;
	rl_mutex_t m;
};

static int lock_once(struct proc *self, void *arg)
{
	struct waiter *w = arg;
	rl_mutex_t mine;
	int err;

	(void)self;
	make(&mine, &(struct want){ .name = w->name });
	err = rl_mutex_lock(&mine);
	if (err)
		fprintf(stderr, "%s: %d, %s\n", w->name, err, rl_last_error());
	PROC_CHECK(err == 0);
	atomic_store(&w->got_it, wait_now_ms());
	PROC_CHECK(rl_mutex_unlock(&mine) == 0);
	PROC_CHECK(rl_mutex_destroy(&mine) == 0);
	return 0;
}

static long long scripts_of_all(void)
{
	return scripts_run(0) + scripts_run(1) + scripts_run(2);
}

/* Nobody polls, and each is woken by the unlock of his lock. */
static void wait_for_each(void)
{
	static struct waiter w[LOCKS];
	struct proc *p[LOCKS];
	long long asked;
	int64_t released, end, took = 0;
	int i;

	for (i = 0; i < LOCKS; i++) {
		snprintf(w[i].name, sizeof(w[i].name), "n%d", i);
		make(&w[i].m, &(struct want){ .name = w[i].name });
		MUST(rl_mutex_lock(&w[i].m));
		p[i] = proc_start(PROC_THREAD, lock_once, &w[i]);
	}
	cr_assert(waiters_become(LOCKS));
	asked = scripts_of_all();
	for (end = wait_now_ms() + 1500; wait_now_ms() < end;)
		usleep(10000);
	asked = scripts_of_all() - asked;
	/* A question a second for each lock, at each node. */
	cr_expect_leq(asked, 3 * 3 * LOCKS, "%lld", asked);
	for (i = 0; i < LOCKS; i++) {
		released = wait_now_ms();
		OK(rl_mutex_unlock(&w[i].m));
		cr_expect_eq(proc_join(p[i]), 0, "%s", w[i].name);
		took += w[i].got_it - released;
		rl_mutex_destroy(&w[i].m);
	}
	/* The next question is up to a second away for each, the lease ten. */
	cr_expect_lt(took, 100 * LOCKS, "%lld ms", (long long)took);
}

Test(quorum_wrong, a_wait_that_one_refuses_is_waited_elsewhere)
{
	start(1, REFUSES("BLPOP"));
	wait_for_each();
}

Test(quorum_wrong, a_wait_that_one_answers_with_a_number_is_waited_elsewhere)
{
	start(1, ANSWERS_AS("BLPOP", "PUBLISH"));
	wait_for_each();
}

Test(quorum_wrong, a_wait_that_one_answers_with_nothing_is_waited_elsewhere)
{
	start(1, ANSWERS_AS("BLPOP", "MGET"));
	wait_for_each();
}

/* It can be waited at, but nobody would ever be woken there. */
Test(quorum_wrong, who_answers_scripts_with_nonsense_is_not_waited_at)
{
	start(1, ANSWERS_AS("EVALSHA", "MGET") ANSWERS_AS("EVAL", "MSET"));
	wait_for_each();
}

Test(quorum_wrong, who_refuses_scripts_is_not_waited_at)
{
	start(1, REFUSES("EVALSHA") REFUSES("EVAL"));
	wait_for_each();
}

/* Two of three refuse it: the third will do. */
Test(quorum_wrong, a_single_node_is_enough_to_wait_at)
{
	start(2, REFUSES("BLPOP"));
	wait_for_each();
}

/* The third is away when somebody comes who has to wait: until it is back, the
 * waiter asks again. */
Test(quorum_wrong, the_single_node_that_is_left_may_be_away_for_a_moment)
{
	struct waiter w = { .name = "n" };
	struct proc *p;
	long long asked;

	start(2, REFUSES("BLPOP"));
	make(&w.m, &(struct want){ .name = w.name });
	MUST(rl_mutex_lock(&w.m));
	server_kill(node[2]);
	asked = scripts_run(0);
	p = proc_start(PROC_PROCESS, lock_once, &w);
	while (scripts_run(0) < asked + 3)
		usleep(1000);
	server_restart(node[2], false);
	cr_assert(waiters_become(1));
	OK(rl_mutex_unlock(&w.m));
	cr_expect_eq(proc_join(p), 0);
	rl_mutex_destroy(&w.m);
}

static void expect_no_wait(int err, const char *why)
{
	static struct want plain;
	struct proc *holder = party_start(PROC_THREAD, &plain);
	rl_mutex_t m;
	int i;

	make(&m, &plain);
	DID(holder, LOCK, 0, 0);
	for (i = 0; i < 3; i++) {
		EXPECT(rl_mutex_lock(&m), err);
		cr_expect(strstr(rl_last_error(), why), "%s", rl_last_error());
		EXPECT(timedlock_ms(&m, 3000), err);
	}
	DID(holder, UNLOCK, 0, 0);
	/* Who need not wait is not told. */
	OK(rl_mutex_lock(&m));
	OK(rl_mutex_unlock(&m));
	party_end(holder);
	rl_mutex_destroy(&m);
}

Test(quorum_wrong, a_wait_that_all_refuse_is_eacces)
{
	start(3, REFUSES("BLPOP"));
	expect_no_wait(EACCES, "unknown command");
}

/* The third does not come back. */
Test(quorum_wrong, a_wait_that_all_but_one_that_is_down_refuse_is_eacces)
{
	start(2, REFUSES("BLPOP"));
	server_kill(node[2]);
	expect_no_wait(EACCES, "unknown command");
}

Test(quorum_wrong, a_wait_that_all_answer_with_nonsense_is_eproto)
{
	start(3, ANSWERS_AS("BLPOP", "PUBLISH"));
	expect_no_wait(EPROTO, "BLPOP: unexpected answer");
}

/* ----------------------------------------------------------------- asking */

static void every_call(void)
{
	struct timespec ten = { .tv_sec = 10 };
	char owner[256];
	rl_mutex_t m;
	int i;

	make(&m, &(struct want){ .robust = true });
	for (i = 0; i < 20; i++) {
		OK(rl_mutex_lock(&m));
		OK(rl_mutex_refresh(&m));
		OK(rl_mutex_extend(&m, &ten));
		OK(rl_mutex_held(&m));
		OK(rl_mutex_owner(&m, owner, sizeof(owner)));
		EXPECT(rl_mutex_locked(&m), EBUSY);
		OK(rl_mutex_unlock(&m));
		OK(rl_mutex_locked(&m));
	}
	OK(rl_mutex_lock(&m));
	OK(rl_mutex_reset(&m));
	EXPECT(rl_mutex_unlock(&m), ESTALE);
	OK(rl_mutex_trylock(&m));
	OK(rl_mutex_unlock(&m));
	rl_mutex_destroy(&m);
}

Test(quorum_wrong, one_that_refuses_scripts_is_one_less)
{
	start(1, REFUSES("EVALSHA") REFUSES("EVAL"));
	every_call();
}

Test(quorum_wrong, one_that_answers_nonsense_is_one_less)
{
	start(1, ANSWERS_AS("EVALSHA", "MGET") ANSWERS_AS("EVAL", "MSET"));
	every_call();
}

static void expect_all_say(int err, const char *why)
{
	rl_mutex_t m;

	make(&m, &(struct want){ 0 });
	EXPECT(rl_mutex_trylock(&m), err);
	cr_expect(strstr(rl_last_error(), why), "%s", rl_last_error());
	EXPECT(rl_mutex_lock(&m), err);
	EXPECT(rl_mutex_locked(&m), err);
	EXPECT(rl_mutex_reset(&m), err);
	rl_mutex_destroy(&m);
}

Test(quorum_wrong, two_of_three_that_refuse_are_eacces)
{
	start(2, REFUSES("EVALSHA") REFUSES("EVAL"));
	expect_all_say(EACCES, "unknown command");
}

Test(quorum_wrong, two_of_three_that_make_no_sense_are_eproto)
{
	start(2, ANSWERS_AS("EVALSHA", "MGET") ANSWERS_AS("EVAL", "MSET"));
	expect_all_say(EPROTO, "makes no sense");
}
