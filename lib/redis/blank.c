/*
 * Nodes that may have forgotten what others count on: docs/quorum.md, "Blank
 * nodes".
 */
#include "base/clock.h"
#include "redis/quorum.h"

/* Who may have had it, and is the same one after so long, holds it. */
#define DOUBT (100 * RLI_MS)

/* For how long the node has known of the lock; a blank node says it, ms. */
static int64_t age(const struct rli_vote *v)
{
	if (!v->plain && v->number[0] == RLI_Q_GRANTED)
		return v->number[2];
	/* Busy. */
	return v->numbers == 5 ? v->number[4] : INT64_MAX;
}

/* Nodes that have granted an acquire, and are so much younger than another one
 * that they have forgotten the lock, or were not there. */
static int younger(const struct rli_round *r)
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

/* The blank ones may have granted it to another before, and forgotten that:
 * then he has a majority, if so many others have him. */
static bool is_outdone(const struct rli_round *r, const struct rli_grants *g,
		       int blank, int others)
{
	return g->granted - blank < r->majority &&
	       others + rli_quorum_forgot(r, blank) >= r->majority;
}

bool rli_quorum_known_outdone(const struct rli_round *r,
			      const struct rli_grants *g)
{
	return is_outdone(r, g, younger(r), g->refused);
}

bool rli_quorum_doubtful(const struct rli_round *r, const struct rli_grants *g)
{
	if (r->flags & RLI_Q_VOUCH)
		return rli_quorum_known_outdone(r, g);
	return is_outdone(r, g, g->blank, r->n - g->granted);
}

bool rli_quorum_stays_so(const struct rli_round *r, uint64_t holder)
{
	struct rli_notes *notes = r->place.notes;
	int64_t now = rli_now();

	/* Relaxed: at worst one try more, or one question. */
	if (atomic_exchange_explicit(&notes->doubt, holder,
				     memory_order_relaxed) != holder)
		atomic_store_explicit(&notes->doubt_since, now,
				      memory_order_relaxed);
	return holder && now - atomic_load_explicit(&notes->doubt_since,
						    memory_order_relaxed) >
				 DOUBT;
}
