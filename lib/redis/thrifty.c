/*
 * Asking no more nodes than are needed: docs/quorum.md, "Thrift".
 *
 * All loads and stores are relaxed: a thread that sees old numbers asks some
 * nodes once more, or once less, than it would have.
 */
#include "base/clock.h"
#include "redis/quorum.h"
#include "redis/spare.h"

/* Once somebody was in the way, so many acquires ask all nodes. */
#define UPSET 48
/* Those behind them are a trial: by turns, so many are asked in one way and so
 * many in the next, until all have had so many … */
#define BY_TURNS 16
#define TRIED 64
/* … and so many as was quicker, before that is tried again. */
#define RUN 4096
/* It is not worth the early renewal where locks are taken less often. */
#define OFTEN (5 * RLI_MS)
/* Who took longer than so many times the mean does not count for more. */
#define OUTLIER 4
/* The others are asked after so many times what it takes to ask all, or later. */
#define LATE 8
#define LATE_LEAST (2 * RLI_MS)

static int get(const atomic_int *n)
{
	return atomic_load_explicit(n, memory_order_relaxed);
}

static void set(atomic_int *n, int value)
{
	atomic_store_explicit(n, value, memory_order_relaxed);
}

static int64_t mean(const struct rli_notes *notes, int way)
{
	int n = get(&notes->timed[way]);

	return n ? atomic_load_explicit(&notes->took[way],
					memory_order_relaxed) / n : 0;
}

/* How many ways there are; one more than the majority may be all. */
static int ways(const struct rli_round *r)
{
	return r->n - r->majority > 1 ? RLI_ASK_WAYS : RLI_ASK_WAYS - 1;
}

static int trial(const struct rli_round *r)
{
	return ways(r) * TRIED;
}

/* The next one's, from the beginning of a trial. */
static int turn_of(const struct rli_round *r)
{
	int turn = get(&r->place.notes->turn);

	return turn < trial(r) + RUN ? turn : 0;
}

static bool is_trial(const struct rli_round *r)
{
	return !get(&r->place.notes->upset) && turn_of(r) < trial(r);
}

static int quickest(const struct rli_round *r)
{
	const struct rli_notes *notes = r->place.notes;
	int way, best = RLI_ASK_ALL;

	for (way = RLI_ASK_BARE; way < ways(r); way++)
		if (get(&notes->timed[way]) &&
		    mean(notes, way) < mean(notes, best))
			best = way;
	return best;
}

/* How the next one is asked, if nothing speaks against it. */
static int wanted(const struct rli_round *r)
{
	if (get(&r->place.notes->upset))
		return RLI_ASK_ALL;
	return is_trial(r) ? turn_of(r) / BY_TURNS % ways(r) : quickest(r);
}

static bool is_often(const struct rli_round *r)
{
	return r->op->sent - atomic_load_explicit(&r->place.notes->won,
						  memory_order_relaxed) <
	       OFTEN;
}

/* Nothing but the lock is asked for, and where some have failed, or cannot be
 * waited at, others may wait at another node. */
static bool is_usual(const struct rli_round *r)
{
	int i;

	if (r->flags & ~(RLI_DO_ROBUST | RLI_Q_HERE) || r->tries)
		return false;
	for (i = 0; i < r->n; i++)
		if (!rli_spare_does_well(r->vote[i].session->node))
			return false;
	return r->majority < r->n;
}

/* The first in the order in which nodes are waited at: so one of them is that
 * at which all wait. */
static unsigned first_nodes(const struct rli_round *r, int way)
{
	bool out[RLI_NODES_MAX] = { false };
	int i, k = r->majority + (way == RLI_ASK_ONE_MORE);
	unsigned nodes = 0;

	for (; k && way != RLI_ASK_ALL; k--) {
		i = rli_quorum_first(r, out);
		out[i] = true;
		nodes |= 1u << i;
	}
	return nodes;
}

static bool are_ready(const struct rli_round *r, unsigned nodes)
{
	int i;

	for (i = 0; i < r->n; i++)
		if (nodes & 1u << i &&
		    r->vote[i].session->state != RLI_READY)
			return false;
	return true;
}

unsigned rli_thrifty_nodes(const struct rli_round *r)
{
	unsigned nodes = r->few;

	if (r->verb == RLI_Q_ACQUIRE)
		nodes = is_often(r) && is_usual(r) ? first_nodes(r, wanted(r))
						   : 0;
	return are_ready(r, nodes) ? nodes : 0;
}

int64_t rli_thrifty_patience(const struct rli_notes *notes)
{
	int64_t late = LATE * mean(notes, RLI_ASK_ALL);

	return late > LATE_LEAST ? late : LATE_LEAST;
}

void rli_thrifty_upset(struct rli_notes *notes)
{
	set(&notes->upset, UPSET);
}

/* How this one was asked at first. */
static int way_of(const struct rli_round *r)
{
	if (!r->few)
		return RLI_ASK_ALL;
	return __builtin_popcount(r->few) > r->majority ? RLI_ASK_ONE_MORE
							: RLI_ASK_BARE;
}

static void time_it(const struct rli_round *r)
{
	struct rli_notes *notes = r->place.notes;
	int64_t took = rli_now() - r->op->sent;
	int way = way_of(r);
	int64_t most = OUTLIER * mean(notes, way);

	if (most && took > most)
		took = most;
	atomic_fetch_add_explicit(&notes->took[way], took,
				  memory_order_relaxed);
	atomic_fetch_add_explicit(&notes->timed[way], 1, memory_order_relaxed);
}

/* Those that were asked took so long that the others were, too. */
static bool was_late(const struct rli_round *r)
{
	return r->few && !r->thrifty;
}

static void begin_trial(struct rli_notes *notes)
{
	int way;

	for (way = 0; way < RLI_ASK_WAYS; way++) {
		atomic_store_explicit(&notes->took[way], 0,
				      memory_order_relaxed);
		set(&notes->timed[way], 0);
	}
	set(&notes->turn, 0);
}

void rli_thrifty_won(const struct rli_round *r)
{
	struct rli_notes *notes = r->place.notes;
	int upset = get(&notes->upset);
	bool counts = !upset && is_often(r);

	atomic_store_explicit(&notes->won, r->op->sent, memory_order_relaxed);
	if (upset)
		set(&notes->upset, upset - 1);
	if (!counts)
		return;
	if (get(&notes->turn) >= trial(r) + RUN)
		begin_trial(notes);
	if (is_trial(r))
		time_it(r);
	set(&notes->turn, get(&notes->turn) + 1);
	if (was_late(r))
		rli_thrifty_upset(notes);
}

void rli_thrifty_released(const struct rli_round *r)
{
	if (is_trial(r))
		time_it(r);
	if (was_late(r))
		rli_thrifty_upset(r->place.notes);
}
