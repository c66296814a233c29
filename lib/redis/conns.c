#include "redis/conns.h"

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/direct.h"
#include "base/error.h"
#include "base/guard.h"
#include "redis/op.h"
#include "redis/quorum.h"
#include "redis/spare.h"
#include "redis/tls.h"

/*
 * All connections of the process, so that a forked child can close those of
 * threads that it does not have. A leaf: nothing else is taken under it.
 */
static struct rli_guard registry_guard;
static struct rli_conns *registry;
/* Of the parent, in a child: their memory may be in the middle of a change, so
 * it is kept as it was. */
static struct rli_conns *inherited;

int rli_conns_open(struct rli_conns **conns)
{
	struct rli_conns *c = rli_calloc(1, sizeof(*c));

	if (!c)
		return rli_fail_nomem();
	rli_guard_lock(&registry_guard);
	c->next = registry;
	c->link = &registry;
	if (c->next)
		c->next->link = &c->next;
	registry = c;
	rli_guard_unlock(&registry_guard);
	*conns = c;
	return 0;
}

void rli_conns_before_fork(void)
{
	rli_guard_lock(&registry_guard);
	rli_tls_before_fork();
}

void rli_conns_after_fork_parent(void)
{
	rli_tls_after_fork_parent();
	rli_guard_unlock(&registry_guard);
}

void rli_conns_after_fork_child(void)
{
	struct rli_conns *c;
	struct rli_session *s;

	rli_tls_after_fork_child();
	rli_guard_reset(&registry_guard);
	for (c = registry; c; c = c->next)
		for (s = c->sessions; s; s = s->next)
			rli_session_forget(s);
	if (registry) {
		for (c = registry; c->next; c = c->next)
			;
		c->next = inherited;
		inherited = registry;
		registry = NULL;
	}
}

static int add_session(struct rli_conns *c, struct rli_node *node,
		       struct rli_session **session)
{
	size_t room = (size_t)c->n + 2;
	struct pollfd *fds = rli_realloc(c->fds, room * sizeof(*fds));
	int err;

	if (!fds)
		return rli_fail_nomem();
	c->fds = fds;
	err = rli_session_open(node, session);
	if (err)
		return err;
	(*session)->next = c->sessions;
	c->sessions = *session;
	c->n++;
	return 0;
}

static struct rli_session *find_session(const struct rli_conns *c,
					const struct rli_node *node,
					bool listens)
{
	struct rli_session *s = c->sessions;

	while (s && (s->node != node || s->listens != listens))
		s = s->next;
	return s;
}

int rli_conns_session(struct rli_conns *c, struct rli_node *node,
		      struct rli_session **session)
{
	*session = find_session(c, node, false);
	return *session ? 0 : add_session(c, node, session);
}

int rli_conns_listener(struct rli_conns *c, struct rli_node *node,
		       struct rli_session **session)
{
	int err = 0;

	*session = find_session(c, node, true);
	if (!*session)
		err = add_session(c, node, session);
	if (!err)
		(*session)->listens = true;
	return err;
}

/* How long an answer is awaited awake; and how long one look takes at most on a
 * core that nobody else wants. */
#define AWAKE (50 * RLI_US)
#define LOOK (5 * RLI_US)
/* So many misses: of 1 << MISSES_MAX requests one is awaited awake. In a crowd
 * some are to be expected, and the first few cost nothing. */
#define MISSES_MAX 12u
#define MISSES_SPARED 4u
/* The claim, the release, and a few holds that may follow. */
#define CROWDED 8
#define HANDED 2

/* Of answers that some thread awaited awake, less the hits: [1] in a crowd,
 * [0] else. Relaxed, and not counted exactly: it is a guess at what pays. */
static atomic_uint misses[2] = { 3, 0 };

/* How long the end of a thread waits for what it sent to be answered. */
#define LINGER (200 * RLI_MS)

static bool may_use_one_core_only(void)
{
	cpu_set_t set;

	return !sched_getaffinity(0, sizeof(set), &set) && CPU_COUNT(&set) == 1;
}

void rli_conns_waited(struct rli_conns *c)
{
	if (!c->crowded)
		c->one_core = may_use_one_core_only();
	c->crowded = CROWDED;
}

/* How many misses it was; 0: *got is an answer. In a crowd each look lets those
 * run that came before, which takes its time; but a core that comes back later
 * than that is wanted by others, who do not give it back soon. */
static unsigned look_for_a_while(struct pollfd *fds, int n, bool crowded,
				 int *got)
{
	int64_t now = rli_now(), end = now + AWAKE, then;

	while (!(*got = rli_poll(fds, (size_t)n, 0)) && now < end) {
		then = now;
		sched_yield();
		now = rli_now();
		if (now - then > LOOK && !crowded)
			return 1;
	}
	if (crowded && now > end + AWAKE)
		return MISSES_SPARED + 1;
	return !*got;
}

/*
 * A core that has gone to sleep takes longer to wake than a server to answer a
 * script. So the answer is awaited awake for a moment, but only where that has
 * been seen to pay: each miss doubles the number of requests of a thread until
 * its next try, and that somebody else wants the core is a miss.
 *
 * Whoever waited in a line just now is not alone, and where the scheduler has a
 * choice of cores it serves a crowd best if each sleeps. On one core there is
 * no choice: while the claim and the release are awaited awake the core does
 * not go to sleep under the next who is handed the lock, and each look lets
 * him run.
 */
static int poll_awake(struct rli_conns *c, struct pollfd *fds, int n)
{
	bool crowded = c->crowded;
	unsigned m = atomic_load_explicit(&misses[crowded],
					  memory_order_relaxed);
	unsigned spared = crowded ? MISSES_SPARED : 0, missed;
	int got;

	if (crowded && (c->crowded-- <= CROWDED - HANDED || !c->one_core))
		return 0;
	if (m > spared && c->slept[crowded]++ < 1u << (m - spared))
		return 0;
	c->slept[crowded] = 0;
	missed = look_for_a_while(fds, n, crowded, &got);
	m = missed ? m + missed : m - (m > 0);
	atomic_store_explicit(&misses[crowded], m < MISSES_MAX ? m : MISSES_MAX,
			      memory_order_relaxed);
	return got;
}

/* Polls what there is to poll, at most until; true: wakefd is readable. */
static bool poll_all(struct rli_conns *c, int64_t until, int wakefd)
{
	struct pollfd self, *fds = c->fds ? c->fds : &self;
	struct rli_session *s;
	int n = 0, k = 0, got;
	bool soon = true;
	int64_t rounds = rli_rounds_due(c);

	if (rounds < until)
		until = rounds;
	for (s = c->sessions; s; s = s->next) {
		int64_t due;

		if (!s->head)
			continue;
		rli_session_flush(s);
		due = rli_session_due(s);
		if (due < until)
			until = due;
		n += rli_session_poll(s, &fds[n]);
		soon = soon && rli_session_answers_soon(s);
	}
	if (wakefd >= 0)
		fds[n] = (struct pollfd){ .fd = wakefd, .events = POLLIN };
	got = n && soon && wakefd < 0 ? poll_awake(c, fds, n) : 0;
	if (!got)
		got = rli_poll(fds, (size_t)(n + (wakefd >= 0)),
			   rli_poll_timeout(until));
	for (s = c->sessions; s; s = s->next) {
		struct pollfd probe;
		short revents = 0;

		if (!s->head)
			continue;
		/* Only advance can change what it polls for: the same question
		 * gives the same answer as above. */
		if (rli_session_poll(s, &probe) && k < n &&
		    fds[k].fd == probe.fd)
			revents = fds[k++].revents;
		rli_session_advance(s, got > 0 ? revents : 0);
	}
	rli_rounds_check(c);
	return wakefd >= 0 && got > 0 && fds[n].revents;
}

void rli_conns_pump(struct rli_conns *c, int64_t until, int wakefd)
{
	unsigned before = c->finished;
	bool woken;

	do
		woken = poll_all(c, until, wakefd);
	while (c->finished == before && !woken &&
	       (until == RLI_FOREVER || rli_now() < until));
}

/* Not what is waited for at leisure, nor a node that is known to be down. */
static bool owes_an_answer(const struct rli_session *s)
{
	return s->head && (s->state != RLI_READY || s->head->patience) &&
	       !rli_spare_looks_bad(s->node);
}

static const struct rli_session *in_debt(const struct rli_session *s)
{
	while (s && !owes_an_answer(s))
		s = s->next;
	return s;
}

/*
 * A server that cannot write an answer does not read on: if the connection ends
 * between an acquire and the release behind it, that may never be run. Whoever
 * keeps one thread waiting for it does not so to the next.
 */
static void linger(struct rli_conns *c)
{
	int64_t until = rli_after(rli_now(), LINGER);
	const struct rli_session *s;

	while (in_debt(c->sessions) && rli_now() < until)
		poll_all(c, until, -1);
	for (s = in_debt(c->sessions); s; s = in_debt(s->next)) {
		if (!rli_round_of(s->head))
			continue;
		rli_fail(ENOLCK, "%s: no answer in time", s->node->url.label);
		rli_spare_failed(s->node);
	}
}

void rli_conns_close(struct rli_conns *c)
{
	bool tls = false;

	rli_quorum_settle(c);
	linger(c);
	c->closing = true;
	/* A child that is forked until now finds the sockets here. */
	rli_guard_lock(&registry_guard);
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	rli_guard_unlock(&registry_guard);
	while (c->sessions) {
		struct rli_session *s = c->sessions;

		tls |= s->node->url.scheme == RLI_REDISS;
		c->sessions = s->next;
		rli_session_close(s);
	}
	if (tls)
		rli_tls_thread_ends();
	rli_posts_free(c->posts);
	rli_rounds_free(c);
	rli_out_free(&c->same);
	rli_free(c->fds);
	rli_free(c);
}
