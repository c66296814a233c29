#include "redis/spare.h"

#include <errno.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

#define LEAST (50 * RLI_MS)
#define MOST RLI_S
/* Who has failed so often has done so for some four seconds. */
#define DOWN 8
/* Failures that come together, of several threads, are one. */
#define TOGETHER (20 * RLI_MS)
/* For so long nobody tries again whether a node can be waited at: whoever does
 * asks once in vain. */
#define NO_HOME (10 * RLI_S)
/*
 * A node that owes so many answers is asked no more, but for the releases of
 * what it may have been asked for.
 */
#define QUEUE_MAX 32
#define QUEUE_MAX_RELEASES 128
/* An answer that is owed for so long is late. */
#define LAG (50 * RLI_MS)

/*
 * All loads and stores are relaxed: a thread that sees old numbers asks a node
 * once more, or once less, than it would have.
 */
static int64_t get(const _Atomic int64_t *moment)
{
	return atomic_load_explicit(moment, memory_order_relaxed);
}

static void set(_Atomic int64_t *moment, int64_t value)
{
	atomic_store_explicit(moment, value, memory_order_relaxed);
}

static unsigned failures(const struct rli_node *node)
{
	return atomic_load_explicit(&node->failures, memory_order_relaxed);
}

void rli_spare_failed(struct rli_node *node)
{
	int64_t now = rli_now(), pause = LEAST;
	unsigned before = failures(node), i;

	if (before && now - get(&node->failed_at) < TOGETHER)
		return;
	for (i = 0; i < before && pause < MOST; i++)
		pause *= 2;
	set(&node->failed_at, now);
	set(&node->spared_until, now + (pause < MOST ? pause : MOST));
	atomic_store_explicit(&node->failures, before + 1,
			      memory_order_relaxed);
	if (!before)
		rli_log(RL_LOG_INFO, "one node of a quorum fails: %s",
			rli_error_message());
}

void rli_spare_answered(struct rli_node *node)
{
	if (!failures(node))
		return;
	atomic_store_explicit(&node->failures, 0, memory_order_relaxed);
	rli_log(RL_LOG_INFO, "%s: the node answers again", node->url.label);
}

bool rli_spare_looks_bad(const struct rli_node *node)
{
	return failures(node) && rli_now() < get(&node->spared_until);
}

bool rli_spare_is_down(const struct rli_node *node)
{
	return failures(node) >= DOWN;
}

bool rli_spare_failed_since(const struct rli_node *node, int64_t moment)
{
	return failures(node) && get(&node->failed_at) >= moment;
}

/* If not, and it failed before, then it is the caller who asks it again, and
 * others leave it alone for a moment more. */
static bool is_left_alone(struct rli_node *node)
{
	int64_t until, now;

	if (!failures(node))
		return false;
	until = get(&node->spared_until);
	now = rli_now();
	return now < until || !atomic_compare_exchange_strong_explicit(
				      &node->spared_until, &until, now + LEAST,
				      memory_order_relaxed,
				      memory_order_relaxed);
}

void rli_spare_no_home(struct rli_node *node)
{
	if (!rli_spare_is_no_home(node))
		rli_log(RL_LOG_ERROR, "no lock is waited for at this node of "
			"a quorum: %s", rli_error_message());
	set(&node->no_home_at, rli_now());
}

bool rli_spare_no_home_since(const struct rli_node *node, int64_t moment)
{
	int64_t at = get(&node->no_home_at);

	return at && at >= moment;
}

bool rli_spare_is_no_home(const struct rli_node *node)
{
	return get(&node->no_home_at) &&
	       rli_spare_no_home_since(node, rli_now() - NO_HOME);
}

bool rli_spare_does_well(const struct rli_node *node)
{
	return !failures(node) && !rli_spare_is_no_home(node);
}

static bool is_late(const struct rli_session *s, int64_t now)
{
	return s->head && s->head->since && now - s->head->since > LAG;
}

/* Whether it owes an answer for so long that it may be hanging. */
static bool lags(struct rli_session *s)
{
	int64_t now = s->head ? rli_now() : 0;

	if (!is_late(s, now))
		return false;
	/* It may have come while nobody looked. */
	rli_session_advance(s, POLLIN);
	return is_late(s, now);
}

static bool owes(const struct rli_session *s, int most)
{
	const struct rli_request *r = s->head;

	while (r && most-- > 0)
		r = r->next;
	return r;
}

/* With room for the releases of all that was sent before. */
bool rli_spare_is_full(const struct rli_session *s)
{
	return owes(s, QUEUE_MAX_RELEASES / 2);
}

bool rli_spare_release(const struct rli_session *s)
{
	if (s->state == RLI_CLOSED)
		return !s->owed && rli_spare_looks_bad(s->node);
	return owes(s, QUEUE_MAX_RELEASES);
}

bool rli_spare_request(struct rli_session *s, bool look)
{
	if (is_left_alone(s->node))
		return true;
	if (!look || (!lags(s) && !owes(s, QUEUE_MAX)))
		return false;
	rli_fail(ENOLCK, "%s: no answer in time", s->node->url.label);
	rli_spare_failed(s->node);
	return true;
}
