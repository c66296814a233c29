/*
 * The proxy's process: one thread, one poll.
 *
 * A link is a client's connection and the one made for it to the server. Each
 * of its two flows has a queue of chunks with the time from which they may go
 * on. Reading never waits for writing, so that the order of what happens on
 * the two sides is kept apart by nothing but the rule, the holds, the delays.
 */

#include "support/proxy_flow.h"
#include "support/proxy_loop.h"
#include "support/wait.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINKS_MAX 512
#define CHUNK_MAX 65536

struct link {
	int fd[2];	     /* by who is at its end: TO_SERVER, TO_CLIENT */
	struct flow flow[2]; /* by direction */
	redisReader *reader; /* counts the commands to the server */
	bool counted;	     /* the rule counts on this link only */
};

static struct link links[LINKS_MAX];
static int n_links;
static struct sock_addr backend;
static int delay_ms[2];
static bool refuse;
static struct proxy_stats stats;

static struct proxy_rule rule;
static bool armed;
static int64_t bytes_left; /* of the rule, once it counts bytes */
static int commands_left;  /* before that */

static void reset_rule(const struct proxy_rule *new_rule)
{
	int i;

	armed = new_rule != NULL;
	stats.fired = 0;
	for (i = 0; i < n_links; i++)
		links[i].counted = false;
	if (!armed)
		return;
	rule = *new_rule;
	bytes_left = rule.bytes;
	commands_left = !rule.command[0] ? 0 : rule.nth > 1 ? rule.nth : 1;
}

static void link_init(struct link *l, int client, int server)
{
	memset(l, 0, sizeof(*l));
	l->fd[TO_CLIENT] = client;
	l->fd[TO_SERVER] = server;
	l->reader = redisReaderCreate();
	TEST_MUST(l->reader);
	stats.open++;
}

/* The link stays in the table, without descriptors, until it is swept. */
static void link_close(struct link *l)
{
	if (l->fd[0] < 0)
		return;
	close(l->fd[0]);
	close(l->fd[1]);
	l->fd[0] = l->fd[1] = -1;
	flow_clear(&l->flow[0]);
	flow_clear(&l->flow[1]);
	redisReaderFree(l->reader);
	stats.open--;
}

static void link_reset(struct link *l)
{
	struct linger now = { .l_onoff = 1 };

	setsockopt(l->fd[TO_CLIENT], SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	link_close(l);
}

static void act(struct link *l, enum proxy_dir dir, enum proxy_action action)
{
	struct flow *f = &l->flow[dir];

	switch (action) {
	case PROXY_CUT:
		link_close(l);
		break;
	case PROXY_RST:
		link_reset(l);
		break;
	case PROXY_HALF:
		shutdown(l->fd[dir], SHUT_WR);
		f->ended = true;
		flow_clear(f);
		break;
	case PROXY_HOLD:
		f->hold = true;
		break;
	case PROXY_DROP:
		f->drop = true;
		flow_clear(f);
		break;
	}
}

static void fire(struct link *l)
{
	armed = false;
	stats.fired++;
	act(l, rule.dir, rule.action);
}

static bool rule_counts(const struct link *l, enum proxy_dir dir)
{
	return armed && !commands_left && rule.dir == dir &&
	       (!rule.command[0] || l->counted);
}

/* Whether the command begins with the words of the rule. */
static bool is_command_of_rule(const redisReply *r)
{
	const char *word = rule.command;
	size_t i, len;

	for (i = 0; *word; i++) {
		len = strcspn(word, " ");
		if (i >= r->elements || r->element[i]->len != len ||
		    strncasecmp(r->element[i]->str, word, len))
			return false;
		word += len + strspn(word + len, " ");
	}
	return true;
}

static void count_commands(struct link *l, const char *data, size_t len)
{
	void *reply;

	redisReaderFeed(l->reader, data, len);
	while (redisReaderGetReply(l->reader, &reply) == REDIS_OK && reply) {
		stats.commands++;
		if (armed && commands_left && is_command_of_rule(reply))
			l->counted = --commands_left == 0;
		freeReplyObject(reply);
	}
}

/* How much of n bytes may go on now, as far as the rule knows. */
static size_t allowed(struct link *l, enum proxy_dir dir, size_t n)
{
	if (!rule_counts(l, dir) || (int64_t)n <= bytes_left)
		return n;
	return (size_t)bytes_left;
}

static void passed(struct link *l, enum proxy_dir dir, struct chunk *c,
		   size_t n)
{
	bool counts = rule_counts(l, dir);

	stats.bytes[dir] += (int64_t)n;
	if (dir == TO_SERVER)
		count_commands(l, c->data + c->sent, n);
	c->sent += n;
	if (!counts)
		return;
	bytes_left -= (int64_t)n;
	if (!bytes_left)
		fire(l);
}

/* Pass on what may go now. */
static void flush_flow(struct link *l, enum proxy_dir dir)
{
	struct flow *f = &l->flow[dir];
	struct chunk *c;
	size_t n;
	ssize_t sent;

	while (l->fd[0] >= 0 && flow_may_go(f)) {
		c = f->first;
		n = allowed(l, dir, c->len - c->sent);
		if (!n) {
			fire(l);
			continue;
		}
		sent = send(l->fd[dir], c->data + c->sent, n,
			    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0 && errno != EAGAIN && errno != EINTR)
			link_close(l);
		if (sent <= 0)
			return;
		passed(l, dir, c, (size_t)sent);
		if (f->first == c && c->sent == c->len)
			flow_drop_first(f);
	}
	if (l->fd[0] >= 0 && f->eof && !f->first && !f->ended && !f->hold) {
		shutdown(l->fd[dir], SHUT_WR);
		f->ended = true;
	}
}

/* Read what the sender of a direction has sent. */
static void fill_flow(struct link *l, enum proxy_dir dir)
{
	static char buf[CHUNK_MAX];
	struct flow *f = &l->flow[dir];
	ssize_t n = recv(l->fd[!dir], buf, sizeof(buf), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		link_close(l);
		return;
	}
	if (!n)
		f->eof = true;
	else if (!f->drop && !f->ended)
		flow_add(f, buf, (size_t)n, delay_ms[dir]);
}

static void accept_link(int listener)
{
	int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	int server;

	if (client < 0)
		return;
	stats.accepted++;
	server = refuse || n_links == LINKS_MAX ? -1 : sock_connect(&backend);
	if (server < 0)
		close(client);
	else
		link_init(&links[n_links++], client, server);
}

static void serve_request(int ctl)
{
	struct proxy_request r;
	int i;

	if (recv(ctl, &r, sizeof(r), 0) != sizeof(r))
		_exit(0);
	if (r.op == PROXY_OP_ARM || r.op == PROXY_OP_DISARM)
		reset_rule(r.op == PROXY_OP_ARM ? &r.rule : NULL);
	if (r.op == PROXY_OP_DELAY)
		delay_ms[r.rule.dir] = r.value;
	if (r.op == PROXY_OP_REFUSE)
		refuse = r.value;
	for (i = 0; i < n_links; i++) {
		if (r.op == PROXY_OP_ACT && links[i].fd[0] >= 0)
			act(&links[i], r.rule.dir, r.rule.action);
		if (r.op == PROXY_OP_RELEASE) {
			links[i].flow[0].hold = links[i].flow[0].drop = false;
			links[i].flow[1].hold = links[i].flow[1].drop = false;
		}
	}
	send(ctl, &stats, sizeof(stats), MSG_NOSIGNAL);
}

/* Forget the links that are closed, or have ended in both directions. */
static void sweep(void)
{
	int i, kept = 0;

	for (i = 0; i < n_links; i++) {
		struct link *l = &links[i];

		if (l->fd[0] >= 0 && l->flow[0].ended && l->flow[0].eof &&
		    l->flow[1].ended && l->flow[1].eof)
			link_close(l);
		if (l->fd[0] < 0)
			continue;
		links[kept++] = *l;
	}
	n_links = kept;
}

static short wanted(const struct link *l, enum proxy_dir at)
{
	const struct flow *out = &l->flow[at], *in = &l->flow[!at];

	return (short)((in->eof ? 0 : POLLIN) |
		       (flow_may_go(out) ? POLLOUT : 0));
}

static int patience(void)
{
	int64_t soonest = INT64_MAX, now = wait_now_ns();
	int i, d;

	for (i = 0; i < n_links; i++) {
		for (d = 0; d < 2; d++) {
			const struct flow *f = &links[i].flow[d];

			if (f->first && !f->hold && f->first->due_ns < soonest)
				soonest = f->first->due_ns;
		}
	}
	if (soonest == INT64_MAX)
		return -1;
	return soonest <= now ? 0 : (int)((soonest - now) / 1000000) + 1;
}

static void serve_link(struct link *l, const struct pollfd *pfd)
{
	int at, dir;

	for (at = 0; at < 2; at++) {
		/* A direction's sender is at the other end. */
		if (l->fd[0] >= 0 && !l->flow[!at].eof &&
		    pfd[at].revents & (POLLIN | POLLHUP | POLLERR))
			fill_flow(l, (enum proxy_dir) !at);
	}
	for (dir = 0; dir < 2; dir++)
		flush_flow(l, (enum proxy_dir)dir);
}

void proxy_loop(int ctl, int listener, const struct sock_addr *server)
{
	static struct pollfd pfd[2 + 2 * LINKS_MAX];
	int i, d, n;

	backend = *server;
	for (;;) {
		n = n_links;
		pfd[0] = (struct pollfd){ .fd = ctl, .events = POLLIN };
		pfd[1] = (struct pollfd){ .fd = listener, .events = POLLIN };
		for (i = 0; i < n; i++) {
			for (d = 0; d < 2; d++) {
				short events = wanted(&links[i], d);

				pfd[2 + 2 * i + d] = (struct pollfd){
					.fd = events ? links[i].fd[d] : -1,
					.events = events
				};
			}
		}
		if (poll(pfd, (nfds_t)(2 + 2 * n), patience()) < 0)
			continue;
		for (i = 0; i < n; i++)
			serve_link(&links[i], &pfd[2 + 2 * i]);
		if (pfd[1].revents)
			accept_link(listener);
		if (pfd[0].revents)
			serve_request(ctl);
		sweep();
	}
}
