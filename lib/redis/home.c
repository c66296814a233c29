/*
 * Where to wait. All who wait for a lock do so at one node, so that one
 * release wakes one of them: at the first in an order that depends on the
 * lock, so that locks spread over the nodes, among those that do well.
 */
#include <errno.h>

#include "base/error.h"
#include "redis/quorum.h"
#include "redis/spare.h"

/* Of both hashes, stirred. */
static uint32_t rank(const struct rli_place *place, const struct rli_node *node)
{
	uint32_t hash = place->hash ^ node->hash;

	hash = (hash ^ hash >> 16) * 0x7feb352du;
	hash = (hash ^ hash >> 15) * 0x846ca68bu;
	return hash ^ hash >> 16;
}

static int best_of(const struct rli_round *r, const bool *out)
{
	uint32_t highest = 0;
	int i, found = -1;

	for (i = 0; i < r->n; i++) {
		uint32_t its = rank(&r->place, r->vote[i].session->node);

		if (!out[i] && (found < 0 || its > highest)) {
			found = i;
			highest = its;
		}
	}
	return found;
}

int rli_quorum_first(const struct rli_round *r, const bool *spared)
{
	bool out[RLI_NODES_MAX];
	int i;

	for (i = 0; i < r->n; i++)
		out[i] = spared[i] ||
			 rli_spare_is_no_home(r->vote[i].session->node);
	i = best_of(r, out);
	/* Where none can be waited at, the next try tells why. */
	return i < 0 ? best_of(r, spared) : i;
}

struct rli_node *rli_quorum_home(const struct rli_round *r, const bool *spared)
{
	int i = rli_quorum_first(r, spared);

	return i < 0 ? NULL : r->vote[i].session->node;
}

static bool is_usable(const struct rli_session *s)
{
	return s->state == RLI_READY && !s->failed &&
	       !rli_spare_looks_bad(s->node);
}

/* The node does not know yet that we wait there, and the lock may have been
 * released since we asked: then it answers with a token at once. */
static void tell(struct rli_round *r, int i)
{
	r->flags = RLI_Q_HERE | RLI_Q_PUSH;
	r->home = r->vote[i].session->node;
	rli_round_ask(r, i);
}

int rli_quorum_wait_session(struct rli_conns *conns,
			    const struct rli_wait *wait,
			    struct rli_session **session)
{
	struct rli_op ask = { .servers = wait->servers, .place = wait->place };
	bool spared[RLI_NODES_MAX];
	struct rli_round *r;
	int i, err = rli_round_new(conns, &ask, RLI_Q_ASK, &r);

	if (err)
		return err;
	for (i = 0; i < r->n; i++)
		spared[i] = !is_usable(r->vote[i].session);
	for (i = 0; i < r->n; i++)
		if (r->vote[i].session->node == conns->waits_at && !spared[i])
			break;
	if (i == r->n) {
		i = rli_quorum_first(r, spared);
		if (i >= 0) {
			rli_quorum_settle_at(r->vote[i].session);
			tell(r, i);
		}
	}
	if (i >= 0)
		*session = r->vote[i].session;
	rli_round_leave(r);
	return i < 0 ? rli_fail_const(ENOLCK, "no server to wait at") : 0;
}
