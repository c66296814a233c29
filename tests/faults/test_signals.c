/*
 * What a program expects of any call: no SIGPIPE, no EINTR, errno left alone.
 */
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>

#include "faults/faults.h"
#include "support/proc.h"

static struct server *srv;
static atomic_int pipes, alarms;
static rl_mutex_t m, rival;

static void setup(void)
{
	srv = server_start(&(struct server_options){ .tcp = true });
}

static void teardown(void)
{
	server_stop(srv);
}

TestSuite(faults_signals, .init = setup, .fini = teardown);

static void on_pipe(int sig)
{
	(void)sig;
	atomic_fetch_add(&pipes, 1);
}

/* With an answer still to come a connection is written to unseen. */
static void break_one(struct proxy *proxy, bool async, enum proxy_action action)
{
	cr_assert_eq(rl_mutex_lock(&m), 0, "%s", rl_last_error());
	if (async)
		cr_assert_eq(rl_mutex_unlock(&m), 0);
	proxy_act(proxy, TO_CLIENT, action);
	if (!async)
		cr_assert_eq(rl_mutex_unlock(&m), 0, "%s", rl_last_error());
}

static void break_pipes(bool tcp)
{
	struct sigaction act = { .sa_handler = on_pipe };
	struct proxy *proxy = proxy_start(&srv->addr, tcp);
	int i;

	sigaction(SIGPIPE, &act, NULL);
	for (i = 0; i < 40; i++) {
		make(&m, &(struct want){ .url = proxy->url, .async = i < 20,
					 .options = "outage_timeout=2000" });
		break_one(proxy, i < 20, i % 2 ? PROXY_CUT : PROXY_RST);
		cr_assert_eq(rl_mutex_destroy(&m), 0);
	}
	make(&m, &(struct want){ .url = proxy->url,
				 .options = "outage_timeout=50" });
	proxy_stop(proxy);
	cr_expect_eq(rl_mutex_trylock(&m), ENOLCK);
	cr_expect_eq(rl_mutex_lock(&m), ENOLCK);
	cr_expect_eq(atomic_load(&pipes), 0);
}

Test(faults_signals, a_broken_unix_socket_raises_no_sigpipe)
{
	break_pipes(false);
}

Test(faults_signals, a_broken_tcp_connection_raises_no_sigpipe)
{
	break_pipes(true);
}

/* ------------------------------------------------------------------- EINTR */

static void on_alarm(int sig)
{
	(void)sig;
	atomic_fetch_add(&alarms, 1);
}

static void storm(int us)
{
	struct sigaction act = { .sa_handler = on_alarm };
	struct itimerval it = { { 0, us }, { 0, us } };

	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &it, NULL);
}

/* Holds, and lets go when it hears. Does not take the signals of the test. */
static int holder(struct proc *self, void *arg)
{
	sigset_t all;

	(void)arg;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	PROC_CHECK(rl_mutex_lock(&rival) == 0);
	proc_tell(self, 1);
	proc_hear(self);
	return rl_mutex_unlock(&rival);
}

static void lock_in_a_storm(const char *url)
{
	int64_t began;
	int i;

	make(&m, &(struct want){ .url = url });
	for (i = 0; i < 300; i++) {
		cr_assert_eq(rl_mutex_lock(&m), 0);
		cr_assert_eq(rl_mutex_trylock(&m), EBUSY);
		cr_assert_eq(rl_mutex_refresh(&m), 0);
		cr_assert_eq(rl_mutex_held(&m), 0);
		cr_assert_eq(rl_mutex_unlock(&m), 0);
	}
	cr_assert_eq(rl_mutex_lock(&m), 0);
	began = wait_now_ms();
	cr_expect_eq(timedlock_ms(&m, 150), ETIMEDOUT);
	cr_expect(wait_now_ms() - began >= 149);
	cr_assert_eq(rl_mutex_unlock(&m), 0);
	server_ask(srv, "HSET %s w 0", meta(NULL));
	server_ask(srv, "DEL %s", key(NULL));
	rl_mutex_destroy(&m);
}

Test(faults_signals, signals_every_millisecond_change_nothing)
{
	storm(1000);
	lock_in_a_storm(srv->url);
	lock_in_a_storm(srv->tcp_url);
	storm(0);
	cr_expect_gt(atomic_load(&alarms), 100);
}

Test(faults_signals, signals_do_not_end_a_wait)
{
	struct proc *p;

	make(&m, &(struct want){ .url = srv->url });
	make(&rival, &(struct want){ .url = srv->url, .owner = "rival" });
	p = proc_start(PROC_THREAD, holder, NULL);
	proc_hear(p);
	storm(1000);
	proc_tell(p, 1);
	cr_expect_eq(rl_mutex_lock(&m), 0);
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	storm(0);
	cr_expect_eq(proc_join(p), 0);
}

Test(faults_signals, signals_do_not_shorten_an_outage)
{
	int64_t began;

	make(&m, &(struct want){ .url = srv->tcp_url,
				 .options = "outage_timeout=300" });
	server_kill(srv);
	storm(1000);
	began = wait_now_ms();
	cr_expect_eq(rl_mutex_lock(&m), ENOLCK);
	cr_expect(wait_now_ms() - began >= 299);
	storm(0);
}

/* ------------------------------------------------------------------- errno */

#define KEEPS(expected, call)                                             \
	do {                                                              \
		errno = 4711;                                             \
		cr_expect_eq((call), (expected), "%s: %s", #call,         \
			     rl_last_error());                            \
		cr_expect_eq(errno, 4711, "%s changed errno", #call);     \
	} while (0)

static void every_call(int lock, int ask)
{
	struct timespec second = { .tv_sec = 1 }, left;
	int held = lock ? EPERM : 0;
	char owner[1200];
	uint64_t fence;

	KEEPS(lock, rl_mutex_trylock(&m));
	KEEPS(held, rl_mutex_fence(&m, &fence));
	KEEPS(held, rl_mutex_remaining(&m, &left));
	KEEPS(held, rl_mutex_refresh(&m));
	KEEPS(held, rl_mutex_extend(&m, &second));
	KEEPS(EINVAL, rl_mutex_consistent(&m));
	KEEPS(ask, rl_mutex_held(&m));
	KEEPS(lock ? ask : EBUSY, rl_mutex_locked(&m));
	KEEPS(ask, rl_mutex_owner(&m, owner, sizeof(owner)));
	KEEPS(held, rl_mutex_unlock(&m));
	KEEPS(EPERM, rl_mutex_unlock(&m));
	KEEPS(lock, rl_mutex_lock(&m));
	KEEPS(held, rl_mutex_unlock(&m));
	KEEPS(ask, rl_mutex_reset(&m));
}

Test(faults_signals, errno_is_left_alone)
{
	struct want w = { .url = srv->tcp_url, .options =
		"outage_timeout=300&command_timeout=5000" };
	rl_mutexattr_t attr;
	size_t n;

	set_attr(&attr, &w);
	KEEPS(0, rl_mutex_init(&m, "n", &attr));
	KEEPS(EINVAL, rl_mutex_init(&m, "", &attr));
	every_call(0, 0);
	KEEPS(0, rl_reset_all(&attr, &n));
	server_kill(srv);
	every_call(ENOLCK, ENOLCK);
	KEEPS(ETIMEDOUT, timedlock_ms(&m, 30));
	KEEPS(ENOLCK, rl_reset_all(&attr, &n));
	KEEPS(0, rl_mutex_destroy(&m));
	KEEPS(EINVAL, rl_mutex_lock(&m));
	KEEPS(EINVAL, rl_mutexattr_setservers(&attr, "redis://:99999999"));
	KEEPS(EINVAL, rl_mutexattr_setlease(&attr, 3));
	KEEPS(0, rl_mutexattr_destroy(&attr));
}
