/*
 * Nodes that may have forgotten what others count on: docs/quorum.md, "Blank
 * nodes".
 */
#include "redis/quorum.h"

/* For how long the node has known of the lock; a blank node says it, ms. */
static int64_t age(const struct rli_vote *v)
{
	if (!v->plain && v->number[0] == RLI_Q_GRANTED)
		return v->number[2];
	/* Busy. */
	return v->numbers == 5 ? v->number[4] : INT64_MAX;
}

int rli_quorum_younger(const struct rli_round *r)
{
	int64_t oldest = 0;
	int i, n = 0;

	for (i = 0; i < r->n; i++)
		if (r->vote[i].state == RLI_ANSWERED &&
		    age(&r->vote[i]) > oldest)
			oldest = age(&r->vote[i]);
	for (i = 0; i < r->n; i++)
		n += r->vote[i].state == RLI_ANSWERED &&
		     rli_quorum_granted(&r->vote[i]) &&
		     age(&r->vote[i]) < oldest - RLI_Q_YOUNGER_MS;
	return n;
}

int rli_quorum_forgot(const struct rli_round *r, int blank)
{
	int most = r->n - r->majority;

	return blank < most ? blank : most;
}
