#include "redis/awake.h"

#include <sched.h>
#include <stdatomic.h>

#include "base/clock.h"

/* How long an answer is awaited awake: as a rule, and where threads of this
 * process have the core. */
#define AWAKE (100 * RLI_US)
#define AWAKE_AMONG_OURS (100 * RLI_MS)
/* How long one look takes at most on a core that nobody else wants, and all of
 * them where only a crowd does. */
#define LOOK (5 * RLI_US)
#define AWAY (250 * RLI_US)
/* Answers come to a process at least so often while its threads yield to each
 * other, and to nobody else. */
#define PACE (30 * RLI_US)
/* So many misses: of 1 << MISSES_MAX requests one is awaited awake. In a crowd
 * some are to be expected, and the first few cost nothing. */
#define MISSES_MAX 12u
#define MISSES_SPARED 4u
/* The claim, the release, and a few holds that may follow. */
#define CROWDED 8
#define HANDED 2

/* Of answers that some thread awaited awake, less the hits: [1] in a crowd,
 * [0] else. Relaxed, and not counted exactly: it is a guess at what pays. */
static atomic_uint misses[2] = { 3, 0 };
static _Atomic int64_t missed_at[2];
/* How many have come, to all threads. Likewise. */
static atomic_uint answers;

static bool may_use_one_core_only(void)
{
	cpu_set_t set;

	return !sched_getaffinity(0, sizeof(set), &set) && CPU_COUNT(&set) == 1;
}

void rli_awake_crowd(struct rli_awake *a)
{
	if (!a->crowded)
		a->one_core = may_use_one_core_only();
	a->crowded = CROWDED;
}

static unsigned missed(bool crowded)
{
	return atomic_load_explicit(&misses[crowded], memory_order_relaxed);
}

/* Of many that tried at once one that missed tells as much as all of them. */
static bool is_news(bool crowded, bool miss, int64_t began, int64_t now)
{
	_Atomic int64_t *at = &missed_at[crowded];
	int64_t last = atomic_load_explicit(at, memory_order_relaxed);

	return began >= last &&
	       (!miss || atomic_compare_exchange_strong_explicit(
				 at, &last, now, memory_order_relaxed,
				 memory_order_relaxed));
}

static void count(bool crowded, unsigned more, int64_t began, int64_t now)
{
	unsigned old = missed(crowded), m = more ? old + more : old - (old > 0);

	if (m > MISSES_MAX)
		m = MISSES_MAX;
	if (m != old && is_news(crowded, more, began, now))
		atomic_store_explicit(&misses[crowded], m,
				      memory_order_relaxed);
}

static unsigned answered(void)
{
	return atomic_load_explicit(&answers, memory_order_relaxed);
}

void rli_awake_answered(void)
{
	atomic_store_explicit(&answers, answered() + 1, memory_order_relaxed);
}

/* In a crowd each look lets those run that came before, which takes its time;
 * but a core that comes back later than that is wanted by others, who do not
 * give it back soon. */
static bool look_in_crowd(int64_t until, bool (*look)(void *arg), void *arg)
{
	int64_t began = rli_now(), now = began;
	bool seen = look(arg);

	while (!seen && now - began < AWAKE && now < until) {
		sched_yield();
		seen = look(arg);
		now = rli_now();
	}
	count(true, now - began > AWAY ? MISSES_SPARED + 1 : !seen,
	      began, now);
	return seen;
}

/* Whether it was threads of this process that had the core, which await answers
 * as this one does: for all of them together it is less work so. */
static bool are_ours(int64_t yielded, int64_t took, unsigned others)
{
	return yielded >= LOOK && took < others * PACE &&
	       took < AWAKE_AMONG_OURS;
}

/* Whoever sleeps is woken at once, and leaves the core to a server for longer:
 * a look that takes long is a miss. */
static bool look_for_a_while(struct rli_awake *a, int64_t until,
			     bool (*look)(void *arg), void *arg)
{
	int64_t began = rli_now(), now = began, then = began;
	unsigned before = answered();
	bool seen = !a->among_ours && look(arg), ours = false;

	while (!seen && now < until &&
	       (ours || (now - then < LOOK && now - began < AWAKE))) {
		then = now;
		sched_yield();
		seen = look(arg);
		now = rli_now();
		ours = are_ours(now - then, now - began, answered() - before);
	}
	count(false, !seen || (now - then >= LOOK && !ours), began, now);
	a->among_ours = ours;
	return seen;
}

static bool is_tried_in_crowd(struct rli_awake *a)
{
	unsigned m = missed(true);

	if (a->crowded-- <= CROWDED - HANDED || !a->one_core)
		return false;
	return m <= MISSES_SPARED ||
	       !(a->turn[1]++ % (1u << (m - MISSES_SPARED)));
}

bool rli_awake_look(struct rli_awake *a, int64_t until,
		    bool (*look)(void *arg), void *arg)
{
	if (a->crowded)
		return is_tried_in_crowd(a) && look_in_crowd(until, look, arg);
	return !(++a->turn[0] % (1u << missed(false))) &&
	       look_for_a_while(a, until, look, arg);
}
