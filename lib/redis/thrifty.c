/*
 * Asking a bare majority: docs/quorum.md, "Thrift".
 *
 * All loads and stores are relaxed: a thread that sees old numbers asks some
 * nodes once more, or once less, than it would have.
 */
#include "base/clock.h"
#include "redis/quorum.h"

/* Once somebody was in the way, so many acquires ask all nodes. */
#define UPSET 48
/* Of those behind them, so many are a trial: by turns, so many ask all nodes and
 * so many a bare majority … */
#define TRIAL 128
#define BY_TURNS 16
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

static int64_t mean(const struct rli_notes *notes, bool bare)
{
	int n = get(&notes->timed[bare]);

	return n ? atomic_load_explicit(&notes->took[bare],
					memory_order_relaxed) / n : 0;
}

/* The next one's, from the beginning of a trial. */
static int turn_of(const struct rli_notes *notes)
{
	int turn = get(&notes->turn);

	return turn < TRIAL + RUN ? turn : 0;
}

static bool is_trial(const struct rli_notes *notes)
{
	return !get(&notes->upset) && turn_of(notes) < TRIAL;
}

static bool is_wanted(const struct rli_notes *notes)
{
	int turn = turn_of(notes);

	if (get(&notes->upset))
		return false;
	if (turn < TRIAL)
		return turn / BY_TURNS % 2;
	return mean(notes, true) < mean(notes, false);
}

/* Nothing but the lock is asked for, and soon after the last time. */
static bool is_plain(const struct rli_round *r)
{
	int64_t last = atomic_load_explicit(&r->place.notes->won,
					    memory_order_relaxed);

	return !(r->flags & ~(RLI_DO_ROBUST | RLI_Q_HERE)) && !r->tries &&
	       r->op->sent - last < OFTEN;
}

/* The first in the order in which nodes are waited at: so one of them is that
 * at which all wait. */
static unsigned bare_majority(const struct rli_round *r)
{
	bool out[RLI_NODES_MAX] = { false };
	unsigned nodes = 0;
	int i, k;

	for (k = 0; k < r->majority; k++) {
		i = rli_quorum_first(r, out);
		if (r->vote[i].session->state != RLI_READY)
			return 0;
		out[i] = true;
		nodes |= 1u << i;
	}
	return nodes;
}

unsigned rli_thrifty_nodes(const struct rli_round *r)
{
	if (r->verb == RLI_Q_ACQUIRE &&
	    (!is_plain(r) || !is_wanted(r->place.notes)))
		return 0;
	return bare_majority(r);
}

int64_t rli_thrifty_patience(const struct rli_notes *notes)
{
	int64_t late = LATE * mean(notes, false);

	return late > LATE_LEAST ? late : LATE_LEAST;
}

void rli_thrifty_upset(struct rli_notes *notes)
{
	set(&notes->upset, UPSET);
}

static void time_it(const struct rli_round *r)
{
	struct rli_notes *notes = r->place.notes;
	int64_t took = rli_now() - r->op->sent;
	int64_t most = OUTLIER * mean(notes, r->thrifty);

	if (most && took > most)
		took = most;
	atomic_fetch_add_explicit(&notes->took[r->thrifty], took,
				  memory_order_relaxed);
	atomic_fetch_add_explicit(&notes->timed[r->thrifty], 1,
				  memory_order_relaxed);
}

static void begin_trial(struct rli_notes *notes)
{
	int bare;

	for (bare = 0; bare < 2; bare++) {
		atomic_store_explicit(&notes->took[bare], 0,
				      memory_order_relaxed);
		set(&notes->timed[bare], 0);
	}
	set(&notes->turn, 0);
}

void rli_thrifty_won(const struct rli_round *r)
{
	struct rli_notes *notes = r->place.notes;
	int upset = get(&notes->upset);

	atomic_store_explicit(&notes->won, r->op->sent, memory_order_relaxed);
	if (upset) {
		set(&notes->upset, upset - 1);
		return;
	}
	if (get(&notes->turn) >= TRIAL + RUN)
		begin_trial(notes);
	if (is_trial(notes))
		time_it(r);
	set(&notes->turn, get(&notes->turn) + 1);
}

void rli_thrifty_released(const struct rli_round *r)
{
	if (is_trial(r->place.notes))
		time_it(r);
}
