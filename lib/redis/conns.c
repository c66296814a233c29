#include "redis/conns.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/guard.h"
#include "redis/op.h"
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

void rli_conns_close(struct rli_conns *c)
{
	bool tls = false;

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
	rli_free(c->fds);
	rli_free(c);
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

int rli_conns_session(struct rli_conns *c, struct rli_node *node,
		      struct rli_session **session)
{
	struct rli_session *s = c->sessions;

	while (s && s->node != node)
		s = s->next;
	*session = s;
	return s ? 0 : add_session(c, node, session);
}

/* Polls what there is to poll, at most until; true: wakefd is readable. */
static bool poll_all(struct rli_conns *c, int64_t until, int wakefd)
{
	struct pollfd self, *fds = c->fds ? c->fds : &self;
	struct rli_session *s;
	int n = 0, k = 0, got;

	for (s = c->sessions; s; s = s->next) {
		int64_t due;

		if (!s->head)
			continue;
		rli_session_flush(s);
		due = rli_session_due(s);
		if (due < until)
			until = due;
		n += rli_session_poll(s, &fds[n]);
	}
	if (wakefd >= 0)
		fds[n] = (struct pollfd){ .fd = wakefd, .events = POLLIN };
	got = poll(fds, (nfds_t)(n + (wakefd >= 0)),
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
