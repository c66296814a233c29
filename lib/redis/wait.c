#include "redis/wait.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "redis/quorum.h"
#include "redis/spare.h"

/*
 * A server looks at its clients' time-outs when it wakes, which an idle one
 * does ten times a second. Any byte wakes it, so at the deadline it gets a
 * PING. An answer that has not come GRACE later will not come in time.
 */
#define GRACE (200 * RLI_MS)
/* The server's time-out ends a moment before ours, so that the PING finds it
 * over; the rest of the time is waited here. */
#define EARLY (1 * RLI_MS)
/* A time-out that comes sooner than this before the deadline is none: somebody
 * sent CLIENT UNBLOCK, or set the server's clock. */
#define CLOCK_SLACK (50 * RLI_MS)
/* How often one who waits at a node of a quorum looks whether it is there. */
#define LOOK_EVERY RLI_S

struct line {
	struct rli_request request;	/* BLPOP */
	struct rli_request nudge;	/* PING */
	struct rli_conns *conns;
	struct rli_session *session;
	int result;			/* EINPROGRESS: not answered yet */
	bool nudged;
	bool nudge_due;			/* its answer is to come */
	int64_t began;
};

_Static_assert(sizeof(struct line) + sizeof(struct rli_wait *) <=
	       sizeof(((struct rli_wait *)0)->backend),
	       "rli_wait.backend is too small");

static struct line *line_of(struct rli_wait *wait)
{
	return (struct line *)wait->backend.bytes;
}

static struct rli_wait *wait_of(struct line *line)
{
	return (struct rli_wait *)((char *)line -
				   offsetof(struct rli_wait, backend));
}

static bool is_quorum(struct line *line)
{
	return wait_of(line)->servers->n > 1;
}

static int timed_out(const struct rli_wait *wait)
{
	return rli_now() < wait->deadline - CLOCK_SLACK ? EAGAIN : ETIMEDOUT;
}

/* The list's name and "#n K" or "! K"; or nil if the time-out came first. */
static int popped(struct line *line, const struct rli_reply *reply)
{
	struct rli_wait *wait = wait_of(line);
	size_t len;

	if (reply->type == REDIS_REPLY_NIL)
		return timed_out(wait);
	if (reply->items != 2 || reply->text_len == 0)
		return rli_reply_nonsense(line->session->node->url.label,
					  "BLPOP", reply);
	len = strcspn(reply->text, " ");
	if (reply->text[0] != '#' || len >= sizeof(wait->token))
		return EAGAIN;
	memcpy(wait->token, reply->text, len);
	wait->token[len] = '\0';
	wait->token_len = len;
	return 0;
}

/*
 * A node has refused: what becomes of the call, as far as the others go. EAGAIN:
 * one of them will do. ENOLCK: one that fails may do in a moment. Else err: none
 * is left, and too many to make a majority without have said so.
 */
static int after_refusal(const struct rli_servers *servers, int err)
{
	int i, refused = 0, well = 0, down = 0;

	for (i = 0; i < servers->n; i++) {
		const struct rli_node *node = servers->node[i];

		if (rli_spare_is_no_home(node))
			refused++;
		else if (!rli_spare_looks_bad(node))
			well++;
		else
			down += rli_spare_is_down(node);
	}
	if (well || refused < servers->n - servers->n / 2)
		return EAGAIN;
	return refused + down < servers->n ? ENOLCK : err;
}

/* One node has failed, or refused, or makes no sense: another will do. */
static int go_elsewhere(struct line *line, int err)
{
	if (err == 0 || err == EAGAIN || err == ETIMEDOUT)
		return err;
	if (err != EACCES && err != EPROTO)
		return EAGAIN;
	rli_spare_no_home(line->session->node);
	return after_refusal(wait_of(line)->servers, err);
}

static void answered(struct rli_request *r, int err, bool unsent,
		     const struct rli_reply *reply)
{
	struct line *line = (struct line *)r;

	(void)unsent;
	if (line->result != EINPROGRESS)
		return;
	if (!err && reply->type == REDIS_REPLY_ERROR)
		err = rli_reply_error(line->session->node->url.label, reply);
	if (!err)
		err = popped(line, reply);
	line->result = is_quorum(line) ? go_elsewhere(line, err) : err;
	line->conns->finished++;
}

/* The deadline is past, and the server says nothing: leave. A token that is on
 * its way is lost; the next question of those who wait repairs that. */
static void expired(struct rli_request *r, struct rli_session *session)
{
	struct line *line = (struct line *)r;

	line->result = ENOLCK;
	line->conns->finished++;
	rli_session_break(session, ENOLCK);
}

static void nudge_answered(struct rli_request *r, int err, bool unsent,
			   const struct rli_reply *reply)
{
	struct line *line = (struct line *)((char *)r -
					    offsetof(struct line, nudge));

	(void)err;
	(void)unsent;
	(void)reply;
	line->nudge_due = false;
	line->conns->finished++;
}

/* Seconds with three decimals; 0 is for ever. */
static size_t put_timeout(char *buf, int64_t deadline)
{
	int64_t ms = (deadline - rli_now() - EARLY) / RLI_MS;
	size_t len;

	if (deadline == RLI_FOREVER) {
		buf[0] = '0';
		return 1;
	}
	if (ms < 1)
		ms = 1;
	len = rli_decimal(buf, ms / 1000);
	buf[len++] = '.';
	buf[len++] = (char)('0' + ms % 1000 / 100);
	buf[len++] = (char)('0' + ms % 100 / 10);
	buf[len++] = (char)('0' + ms % 10);
	return len;
}

static int find_session(struct line *line, const struct rli_wait *wait)
{
	if (is_quorum(line))
		return rli_quorum_wait_session(line->conns, wait,
					       &line->session);
	return rli_conns_session(line->conns, wait->servers->node[0],
				 &line->session);
}

static int begin_to_wait(struct line *line, const struct rli_wait *wait)
{
	struct rli_arg arg[3] = { RLI_ARG("BLPOP") };
	char timeout[32];

	arg[1] = (struct rli_arg){ wait->place->wake, wait->place->wake_len };
	arg[2] = (struct rli_arg){ timeout,
				   put_timeout(timeout, wait->deadline) };
	return rli_session_submit(line->session, &line->request, arg, 3);
}

int rli_wait_begin(struct rli_conns *conns, struct rli_wait *wait)
{
	struct line *line = line_of(wait);
	int err;

	memset(line, 0, sizeof(*line));
	line->conns = conns;
	line->result = EINPROGRESS;
	line->request.done = answered;
	line->request.expired = expired;
	line->request.deadline = rli_after(wait->deadline, GRACE);
	line->nudge.done = nudge_answered;
	rli_awake_crowd(&conns->awake);
	line->began = rli_now();
	err = find_session(line, wait);
	if (!err)
		err = begin_to_wait(line, wait);
	/* Then there is nothing to end. */
	if (err)
		line->result = err;
	return err;
}

static void send_nudge(struct line *line)
{
	struct rli_arg ping = RLI_ARG("PING");

	line->nudged = true;
	line->nudge.deadline = line->request.deadline;
	if (!rli_session_submit(line->session, &line->nudge, &ping, 1))
		line->nudge_due = true;
}

/* Others have found out that the node does not answer, or not well. */
static bool is_lost(struct line *line)
{
	const struct rli_node *node = line->session->node;

	return is_quorum(line) && line->result == EINPROGRESS &&
	       (rli_spare_failed_since(node, line->began) ||
		rli_spare_no_home_since(node, line->began));
}

static void pump_until_answered(struct line *line, int64_t deadline,
				int64_t until)
{
	while (line->result == EINPROGRESS && rli_now() < until &&
	       !is_lost(line)) {
		int64_t next = !line->nudged && deadline < until ? deadline
								 : until;
		int64_t look = rli_after(rli_now(), LOOK_EVERY);

		if (is_quorum(line) && look < next)
			next = look;
		rli_conns_pump(line->conns, next, -1);
		if (line->result == EINPROGRESS && !line->nudged &&
		    rli_now() >= deadline)
			send_nudge(line);
	}
}

int rli_wait_poll(struct rli_conns *conns, struct rli_wait *wait,
		  int64_t until)
{
	struct line *line = line_of(wait);

	pump_until_answered(line, wait->deadline, until);
	if (is_lost(line))
		return EAGAIN;
	/* The nudge is this frame's memory; its answer follows at once. */
	while (line->result != EINPROGRESS && line->nudge_due)
		rli_conns_pump(conns, RLI_FOREVER, -1);
	while (line->result == ETIMEDOUT && rli_now() < wait->deadline)
		rli_conns_pump(conns, wait->deadline, -1);
	return line->result;
}

void rli_wait_end(struct rli_conns *conns, struct rli_wait *wait)
{
	struct line *line = line_of(wait);

	if (line->result == EINPROGRESS || line->nudge_due) {
		line->result = ETIMEDOUT;
		rli_fail(ENOLCK, "%s: the wait was given up",
			 line->session->node->url.label);
		rli_session_break(line->session, ENOLCK);
	}
	if (wait->servers->n > 1)
		rli_quorum_settle(conns);
}
