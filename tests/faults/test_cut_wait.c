/*
 * The connection of a waiter is cut behind the n-th byte of its wait and of
 * its claim: it gets the lock all the same, at the latest when a hand-off that
 * nobody took is over and the question has been asked. Many at a time, each
 * with a lock, a proxy and a thread of its own, as that second adds up.
 */
#include "faults/faults.h"
#include "support/proc.h"

#define LANES 16
#define BYTES_MAX 700	/* what a wait and a claim send is shorter */

static struct server *srv;

struct lane {
	struct proxy *proxy;
	char name[16];
	enum proxy_dir dir;
	int first, cuts;	/* byte to begin with; cuts so far */
	rl_mutex_t m, rival;
	uint64_t fence;		/* of m's last hold; the waiter's */
};

static struct lane lanes[LANES];

/* Says what a call said if that was not what was wanted. */
static bool says(int err, int wanted)
{
	if (err != wanted)
		fprintf(stderr, "%d: %s\n", err, rl_last_error());
	return err == wanted;
}

static int check_hold(struct lane *l)
{
	char owner[1200];
	uint64_t fence;

	PROC_CHECK(says(rl_mutex_owner(&l->m, owner, sizeof(owner)), 0));
	PROC_CHECK(held_by(srv, l->name, owner));
	PROC_CHECK(says(rl_mutex_fence(&l->m, &fence), 0));
	PROC_CHECK(fence == fence_of(srv, l->name));
	PROC_CHECK(fence > l->fence);
	l->fence = fence;
	PROC_CHECK(says(rl_mutex_trylock(&l->rival), EBUSY));
	return 0;
}

/* Is connected and says so, waits when it is told to, says that it had it. */
static int waiter(struct proc *self, void *arg)
{
	struct lane *l = arg;

	while (proc_hear(self) == 1) {
		PROC_CHECK(rl_mutex_trylock(&l->m) == EBUSY);
		proc_tell(self, 1);
		proc_hear(self);
		errno = 4711;
		PROC_CHECK(says(rl_mutex_lock(&l->m), 0));
		PROC_CHECK(errno == 4711);
		proxy_disarm(l->proxy);
		PROC_CHECK(check_hold(l) == 0);
		PROC_CHECK(says(rl_mutex_unlock(&l->m), 0));
		proc_tell(self, 2);
	}
	return 0;
}

static bool is_waited_for(void *arg)
{
	struct lane *l = arg;

	return strcmp(server_ask(srv, "HGET %s w", meta(l->name)), "0") != 0;
}

static int one_wait(struct lane *l, struct proc *w, int64_t n)
{
	struct proxy_rule rule = { .dir = l->dir, .action = PROXY_CUT,
				   .bytes = n };

	PROC_CHECK(rl_mutex_lock(&l->rival) == 0);
	proc_tell(w, 1);
	PROC_CHECK(proc_hear(w) == 1);
	server_ask(srv, "HSET %s w 0", meta(l->name));
	proxy_arm(l->proxy, &rule);
	proc_tell(w, 1);
	PROC_CHECK(wait_until(is_waited_for, l, WAIT_MS));
	PROC_CHECK(rl_mutex_unlock(&l->rival) == 0);
	PROC_CHECK(proc_hear(w) == 2);
	return 0;
}

/* Every LANES-th byte until one is behind the end of what is said. */
static int drive(struct proc *self, void *arg)
{
	struct lane *l = arg;
	struct proc *w = proc_start(PROC_THREAD, waiter, l);
	int64_t n;
	int before;

	(void)self;
	for (n = l->first; n < BYTES_MAX; n += LANES) {
		before = proxy_stats(l->proxy).accepted;
		PROC_CHECK(one_wait(l, w, n) == 0);
		if (n > l->first &&
		    proxy_stats(l->proxy).accepted == before)
			break;
		l->cuts++;
	}
	proc_tell(w, 0);
	PROC_CHECK(n < BYTES_MAX);
	return proc_join(w);
}

static void prepare(struct lane *l, int i, enum proxy_dir dir)
{
	snprintf(l->name, sizeof(l->name), "n%d", i);
	l->dir = dir;
	l->first = i;
	l->proxy = proxy_start(&srv->addr, false);
	make(&l->m, &(struct want){ .url = l->proxy->url, .name = l->name,
				    .robust = true });
	make(&l->rival, &(struct want){ .url = srv->url, .name = l->name,
					.owner = "rival", .robust = true });
}

static void cut_waits(enum proxy_dir dir)
{
	struct proc *p[LANES];
	int i, cuts = 0;

	srv = server_start(NULL);
	for (i = 0; i < LANES; i++)
		prepare(&lanes[i], i, dir);
	for (i = 0; i < LANES; i++)
		p[i] = proc_start(PROC_THREAD, drive, &lanes[i]);
	for (i = 0; i < LANES; i++) {
		cr_expect_eq(proc_join_ms(p[i], 50000), 0, "lane %d", i);
		cuts += lanes[i].cuts;
		proxy_stop(lanes[i].proxy);
	}
	cr_expect_gt(cuts, 2 * LANES);
	server_stop(srv);
}

Test(faults_cut_wait, a_waiter_cut_while_asking_gets_the_lock)
{
	cut_waits(TO_SERVER);
}

Test(faults_cut_wait, a_waiter_cut_while_it_is_answered_gets_the_lock)
{
	cut_waits(TO_CLIENT);
}

/* -------------------------------------------- a claim that is cut for good */

static struct lane *lane = &lanes[0];

static int timed_waiter(struct proc *self, void *arg)
{
	int err;

	(void)arg;
	PROC_CHECK(rl_mutex_trylock(&lane->m) == EBUSY);
	proc_tell(self, 1);
	err = timedlock_ms(&lane->m, 700);
	PROC_CHECK(rl_mutex_unlock(&lane->m) == (err ? EPERM : 0));
	return err;
}

static bool waits_in_line(void *arg)
{
	(void)arg;
	return server_info(srv, "blocked_clients") == 1;
}

/* What a waiter says whose claim, or the answer to it, is lost for good. */
static int lose_claim(enum proxy_dir dir)
{
	/* The server does not know the script yet: it is sent by EVAL. */
	static const struct proxy_rule
		answer = { .dir = TO_CLIENT, .command = "EVAL" },
		request = { .dir = TO_SERVER, .bytes = 30 };
	struct proc *p;
	int err;

	srv = server_start(NULL);
	prepare(lane, 0, dir);
	cr_assert_eq(rl_mutex_lock(&lane->rival), 0);
	p = proc_start(PROC_THREAD, timed_waiter, NULL);
	proc_hear(p);
	cr_assert(wait_until(waits_in_line, NULL, WAIT_MS));
	proxy_arm(lane->proxy, dir == TO_CLIENT ? &answer : &request);
	proxy_refuse(lane->proxy, true);
	cr_assert_eq(rl_mutex_unlock(&lane->rival), 0);
	err = proc_join(p);
	cr_expect(proxy_fired(lane->proxy));
	/* It is nobody's, for as long as a hand-off or a lease lasts. */
	cr_expect_eq(rl_mutex_held(&lane->rival), EPERM);
	cr_expect(server_ask_int(srv, "PTTL %s", key(lane->name)) <= 10000);
	proxy_stop(lane->proxy);
	server_stop(srv);
	return err;
}

Test(faults_cut_wait, a_claim_that_is_lost_for_good_is_no_grant)
{
	cr_expect_eq(lose_claim(TO_SERVER), ETIMEDOUT);
}

Test(faults_cut_wait, a_claim_whose_answer_is_lost_for_good_is_no_grant)
{
	cr_expect_eq(lose_claim(TO_CLIENT), ETIMEDOUT);
}
