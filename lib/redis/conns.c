#include "redis/conns.h"

#include <errno.h>
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

/* How long the end of a thread waits for what it sent to be answered. */
#define LINGER (200 * RLI_MS)

/* Sends what there is to send; what to poll for answers, and until when. */
static int prepare(struct rli_conns *c, struct pollfd *fds, int64_t *until)
{
	int64_t due = rli_rounds_due(c);
	struct rli_session *s;
	int n = 0;

	if (due < *until)
		*until = due;
	for (s = c->sessions; s; s = s->next) {
		if (!s->head)
			continue;
		rli_session_flush(s);
		due = rli_session_due(s);
		if (due < *until)
			*until = due;
		n += rli_session_poll(s, &fds[n]);
	}
	return n;
}

/* By what poll(2) said. */
static void advance_all(struct rli_conns *c, const struct pollfd *fds, int n)
{
	struct rli_session *s;
	int k = 0;

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
		rli_session_advance(s, revents);
	}
	rli_rounds_check(c);
}

/* Polls what there is to poll, at most until; true: wakefd is readable. */
static bool poll_all(struct rli_conns *c, int64_t until, int wakefd)
{
	struct pollfd self, *fds = c->fds ? c->fds : &self;
	int n = prepare(c, fds, &until), all = n + (wakefd >= 0), i;
	bool woken;

	if (wakefd >= 0)
		fds[n] = (struct pollfd){ .fd = wakefd, .events = POLLIN };
	if (rli_poll(fds, (size_t)all, rli_poll_timeout(until)) <= 0)
		for (i = 0; i < all; i++)
			fds[i].revents = 0;
	woken = wakefd >= 0 && fds[n].revents;
	advance_all(c, fds, n);
	return woken;
}

/* Sends what there is to send; whether answers are due, all of them soon. */
static bool answers_soon(struct rli_conns *c)
{
	struct rli_session *s;
	bool any = false;

	for (s = c->sessions; s; s = s->next) {
		if (!s->head)
			continue;
		rli_session_flush(s);
		if (!rli_session_answers_soon(s))
			return false;
		any = true;
	}
	return any;
}

static bool look_at_all(struct rli_conns *c)
{
	int64_t until = RLI_FOREVER;
	int n = prepare(c, c->fds, &until);

	if (rli_poll(c->fds, (size_t)n, 0) <= 0)
		return false;
	advance_all(c, c->fds, n);
	return true;
}

/* To receive what is not there yet costs no more than to ask whether it is. */
static bool look_at(struct rli_conns *c, struct rli_session *s)
{
	const struct rli_request *head = s->head;
	unsigned before = c->finished;

	if (!rli_session_answers_soon(s))
		return true;
	rli_session_advance(s, POLLIN);
	rli_rounds_check(c);
	return s->head != head || c->finished != before;
}

static bool look(void *arg)
{
	struct rli_conns *c = arg;
	struct rli_session *only = NULL, *s;

	for (s = c->sessions; s; s = s->next) {
		if (s->head && only)
			return look_at_all(c);
		if (s->head)
			only = s;
	}
	return !only || look_at(c, only);
}

void rli_conns_pump(struct rli_conns *c, int64_t until, int wakefd)
{
	unsigned before = c->finished;
	bool soon, woken = false;

	do {
		soon = wakefd < 0 && answers_soon(c);
		if (!soon || !rli_awake_look(&c->awake, until, look, c))
			woken = poll_all(c, until, wakefd);
		if (soon && c->finished != before)
			rli_awake_answered();
	} while (c->finished == before && !woken &&
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
