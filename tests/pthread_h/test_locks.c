/*
 * What a mutex of <rl/pthread.h> does on the server: names, leases, trouble.
 * Its own behaviour is compared with pthreads in programs/.
 */
#define RL_PTHREAD_NO_NAMES_
#include <rl/pthread.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <rl/rl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "support/server.h"
#include "support/wait.h"

#define NORMAL PTHREAD_MUTEX_TIMED_NP

static struct server *srv;

static void setup(void)
{
	srv = server_start(NULL);
	setenv("RL_SERVERS", srv->url, 1);
	setenv("RL_NAMESPACE", "ns", 1);
}

static void teardown(void)
{
	server_stop(srv);
}

TestSuite(pthread_h_locks, .init = setup, .fini = teardown);

static bool held(const char *name)
{
	return server_ask_int(srv, "EXISTS rl:ns:%s", name) == 1;
}

/* The lock of a mutex that is locked now: who else is? Without "rl:". */
static const char *only_key(void)
{
	const char *key = server_ask(srv, "EVAL %s 0",
		"for _, k in ipairs(redis.call('KEYS', '*')) do "
		"if redis.call('TYPE', k).ok == 'string' and "
		"not k:find(':rl:meta', 1, true) then return k end end "
		"return 'none'");

	return strncmp(key, "rl:", 3) == 0 ? key + 3 : key;
}

static const char *name_of(rl_pthread_mutex_t *m)
{
	const char *key;

	cr_assert_eq(rl_pthread_mutex_lock(m), 0);
	key = only_key();
	cr_assert_eq(rl_pthread_mutex_unlock(m), 0);
	cr_assert_str_eq(only_key(), "none");
	return key;
}

/* -------------------------------------------------------------------- names */

/* As PTHREAD_MUTEX_INITIALIZER in that place. */
#define IN(place) { { RL_PTHREAD_STATIC_, place, NORMAL, 0 } }

static rl_pthread_mutex_t one = IN("place.c:100");
static rl_pthread_mutex_t many[3] = {
	IN("place.c:101"), IN("place.c:101"), IN("place.c:101")
};
static rl_pthread_mutex_t zeroed[1];

Test(pthread_h_locks, a_static_mutex_is_called_after_its_line)
{
	cr_expect_str_eq(name_of(&one), "ns:place.c:100");
}

Test(pthread_h_locks, static_ones_of_a_line_are_numbered_in_memory)
{
	cr_expect_str_eq(name_of(&many[2]), "ns:place.c:101#3");
	cr_expect_str_eq(name_of(&many[0]), "ns:place.c:101");
	cr_expect_str_eq(name_of(&many[1]), "ns:place.c:101#2");
}

Test(pthread_h_locks, a_zeroed_one_is_called_after_its_offset)
{
	const char *name = name_of(&zeroed[0]);
	const char *plus = strchr(name, '+');

	cr_assert_not_null(plus, "%s", name);
	cr_expect_gt(strtol(plus + 1, NULL, 16), 0);
}

Test(pthread_h_locks, mutexes_of_one_line_are_numbered_as_they_are_made)
{
	rl_pthread_mutex_t m[4];

	for (int i = 0; i < 3; i++)
		cr_assert_eq(rl_pthread_mutex_init_at(&m[i], NULL, "p.c:1"),
			     0);
	cr_expect_str_eq(name_of(&m[0]), "ns:p.c:1");
	cr_expect_str_eq(name_of(&m[2]), "ns:p.c:1#3");
	cr_assert_eq(rl_pthread_mutex_destroy(&m[1]), 0);
	cr_assert_eq(rl_pthread_mutex_init_at(&m[3], NULL, "p.c:1"), 0);
	cr_expect_str_eq(name_of(&m[3]), "ns:p.c:1#2");
	/* The same place and address once more: the same mutex, made anew. */
	cr_assert_eq(rl_pthread_mutex_init_at(&m[0], NULL, "p.c:1"), 0);
	cr_expect_str_eq(name_of(&m[0]), "ns:p.c:1");
	/* Another one at the address takes the number of none. */
	cr_assert_eq(rl_pthread_mutex_init_at(&m[0], NULL, "q.c:1"), 0);
	cr_expect_str_eq(name_of(&m[0]), "ns:q.c:1");
}

Test(pthread_h_locks, a_long_place_is_cut_at_its_front)
{
	char place[200];
	rl_pthread_mutex_t m;
	const char *name;

	memset(place, 'x', sizeof(place));
	strcpy(place + 150, "file.c:12");
	cr_assert_eq(rl_pthread_mutex_init_at(&m, NULL, place), 0);
	name = name_of(&m);
	cr_expect_str_eq(name + strlen(name) - 9, "file.c:12");
}

Test(pthread_h_locks, the_namespace_is_else_the_program)
{
	char name[300];

	unsetenv("RL_NAMESPACE");
	snprintf(name, sizeof(name), "%s:place.c:100",
		 program_invocation_short_name);
	cr_expect_str_eq(name_of(&one), name);
}

Test(pthread_h_locks, sites_that_are_not_wanted_stay_plain)
{
	rl_pthread_mutex_t m;

	setenv("RL_SITES", " other.c:*; place.c:101#2 ;\nplace.c:10[0]=my lock",
	       1);
	cr_assert_eq(rl_pthread_mutex_init_at(&m, NULL, "p.c:1"), 0);
	cr_expect_str_eq(name_of(&m), "none");
	cr_expect_str_eq(name_of(&many[0]), "none");
	cr_expect_str_eq(name_of(&one), "my lock");
	cr_assert_eq(rl_pthread_mutex_destroy(&m), 0);
	cr_expect_eq(rl_pthread_mutex_lock(&m), EINVAL);
}

Test(pthread_h_locks, sites_given_one_name_are_one_lock)
{
	rl_pthread_mutex_t m[2];

	setenv("RL_SITES", "p.c:*=pool", 1);
	for (int i = 0; i < 2; i++)
		cr_assert_eq(rl_pthread_mutex_init_at(&m[i], NULL, "p.c:1"),
			     0);
	cr_assert_eq(rl_pthread_mutex_lock(&m[0]), 0);
	cr_expect_str_eq(only_key(), "pool");
	cr_expect_eq(rl_pthread_mutex_trylock(&m[1]), EBUSY);
	cr_assert_eq(rl_pthread_mutex_unlock(&m[0]), 0);
	cr_expect_str_eq(name_of(&m[1]), "pool");
}

Test(pthread_h_locks, sites_that_make_no_sense_end_the_program,
     .signal = SIGABRT)
{
	setenv("RL_SITES", "p.c:1=", 1);
	rl_pthread_mutex_lock(&one);
}

Test(pthread_h_locks, settings_that_make_no_sense_end_the_program,
     .signal = SIGABRT)
{
	setenv("RL_LEASE_MS", "soon", 1);
	rl_pthread_mutex_lock(&one);
}

/* -------------------------------------------------------------------- holds */

Test(pthread_h_locks, the_inner_levels_of_a_recursive_one_ask_nobody)
{
	static rl_pthread_mutex_t m =
		RL_PTHREAD_INITIALIZER_(PTHREAD_MUTEX_RECURSIVE_NP);
	long long before;

	cr_assert_eq(rl_pthread_mutex_lock(&m), 0);
	before = server_info(srv, "total_commands_processed");
	for (int i = 0; i < 100; i++)
		cr_assert_eq(rl_pthread_mutex_lock(&m), 0);
	for (int i = 0; i < 100; i++)
		cr_assert_eq(rl_pthread_mutex_unlock(&m), 0);
	cr_expect_leq(server_info(srv, "total_commands_processed") - before,
		      20);
	cr_expect_str_neq(only_key(), "none");
	cr_assert_eq(rl_pthread_mutex_unlock(&m), 0);
	cr_expect_str_eq(only_key(), "none");
}

struct waiting {
	pthread_cond_t cond;
	rl_pthread_mutex_t m;
	int waits;	/* under m */
	int go;		/* under m */
};

static void *wait_for_go(void *arg)
{
	struct waiting *w = arg;

	rl_pthread_mutex_lock(&w->m);
	w->waits = 1;
	while (!w->go)
		rl_pthread_cond_wait(&w->cond, &w->m);
	w->waits = held("w.c:1") ? 2 : 3;
	rl_pthread_mutex_unlock(&w->m);
	return NULL;
}

static bool it_waits(void *arg)
{
	struct waiting *w = arg;
	bool waits;

	rl_pthread_mutex_lock(&w->m);
	waits = w->waits == 1;
	rl_pthread_mutex_unlock(&w->m);
	return waits;
}

Test(pthread_h_locks, nobody_waits_on_a_condition_with_the_lease)
{
	struct waiting w = { .cond = PTHREAD_COND_INITIALIZER };
	pthread_t thread;

	cr_assert_eq(rl_pthread_mutex_init_at(&w.m, NULL, "w.c:1"), 0);
	cr_assert_eq(pthread_create(&thread, NULL, wait_for_go, &w), 0);
	cr_assert(wait_until(it_waits, &w, WAIT_MS));
	cr_expect_not(held("w.c:1"));
	cr_assert_eq(rl_pthread_mutex_lock(&w.m), 0);
	w.go = 1;
	cr_expect(held("w.c:1"));
	pthread_cond_signal(&w.cond);
	cr_assert_eq(rl_pthread_mutex_unlock(&w.m), 0);
	pthread_join(thread, NULL);
	cr_expect_eq(w.waits, 2, "it has the lock when the wait is over");
	cr_expect_not(held("w.c:1"));
}

Test(pthread_h_locks, a_wait_that_is_refused_keeps_the_lease)
{
	const struct timespec bad = { .tv_nsec = 1000000000 };
	pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
	char before[200];

	cr_assert_eq(rl_pthread_mutex_lock(&one), 0);
	strcpy(before, server_ask(srv, "GET rl:ns:place.c:100"));
	cr_expect_eq(rl_pthread_cond_timedwait(&cond, &one, &bad), EINVAL);
	cr_expect_eq(rl_pthread_cond_clockwait(&cond, &one, CLOCK_REALTIME,
					       &bad), EINVAL);
	cr_expect_str_eq(server_ask(srv, "GET rl:ns:place.c:100"), before,
			 "it is another hold");
	cr_assert_eq(rl_pthread_mutex_unlock(&one), 0);
}

/* ------------------------------------------------------------------ trouble */

Test(pthread_h_locks, a_lost_hold_ends_the_program, .signal = SIGABRT)
{
	rl_pthread_mutex_lock(&one);
	server_ask(srv, "DEL rl:ns:place.c:100");
	rl_pthread_mutex_unlock(&one);
}

Test(pthread_h_locks, a_lost_hold_is_told_and_the_program_goes_on)
{
	setenv("RL_ON_LOST", "log", 1);
	cr_assert_eq(rl_pthread_mutex_lock(&one), 0);
	server_ask(srv, "DEL rl:ns:place.c:100");
	cr_expect_eq(rl_pthread_mutex_unlock(&one), 0);
	cr_expect_str_eq(name_of(&one), "ns:place.c:100");
}

static void outage_of_ms(int ms)
{
	char url[300];

	snprintf(url, sizeof(url), "%s%soutage_timeout=%d", srv->url,
		 strchr(srv->url, '?') ? "&" : "?", ms);
	setenv("RL_SERVERS", url, 1);
}

Test(pthread_h_locks, an_outage_ends_the_program, .signal = SIGABRT)
{
	outage_of_ms(100);
	rl_pthread_mutex_lock(&one);
	rl_pthread_mutex_unlock(&one);
	server_kill(srv);
	rl_pthread_mutex_lock(&one);
}

Test(pthread_h_locks, an_outage_ends_a_trylock_too, .signal = SIGABRT)
{
	outage_of_ms(100);
	server_kill(srv);
	rl_pthread_mutex_trylock(&one);
}

Test(pthread_h_locks, a_timedlock_answers_at_its_deadline_in_an_outage)
{
	struct timespec soon;

	outage_of_ms(100);
	server_kill(srv);
	clock_gettime(CLOCK_REALTIME, &soon);
	soon.tv_sec++;
	cr_expect_eq(rl_pthread_mutex_timedlock(&one, &soon), ETIMEDOUT);
	server_restart(srv, false);
	cr_expect_eq(rl_pthread_mutex_lock(&one), 0);
	cr_expect_eq(rl_pthread_mutex_unlock(&one), 0);
}

static void *lock_it(void *arg)
{
	*(int *)arg = rl_pthread_mutex_lock(&one);
	rl_pthread_mutex_unlock(&one);
	return NULL;
}

/* Longer than one outage_timeout: three of them. */
Test(pthread_h_locks, an_outage_is_waited_for_where_it_is_asked_for)
{
	int64_t began = wait_now_ms();
	pthread_t thread;
	int err = -1;

	setenv("RL_ON_OUTAGE", "wait", 1);
	outage_of_ms(100);
	server_kill(srv);
	cr_assert_eq(pthread_create(&thread, NULL, lock_it, &err), 0);
	while (wait_now_ms() < began + 300)
		sched_yield();
	server_restart(srv, false);
	pthread_join(thread, NULL);
	cr_expect_eq(err, 0);
}

Test(pthread_h_locks, a_refused_password_ends_the_program, .signal = SIGABRT)
{
	server_ask(srv, "CONFIG SET requirepass secret");
	rl_pthread_mutex_lock(&one);
}
