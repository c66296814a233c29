/*
 * base/watch.h - the time, for where reading the clock is half of the work.
 *
 * A watch remembers when the clock was last read, and what the processor's
 * counter said. For some thousand ticks from there the counter alone tells how
 * much later it is; then the clock is read again. One tick counts as a
 * nanosecond: the counters that are used run at 0.5 GHz or more, so a watch is
 * wrong by less than RLI_WATCH_WRONG, either way, and two readings of one may
 * be out of order by as much. The margin that a lease keeps is thirty times
 * that.
 *
 * The counter is used only where the kernel itself keeps time by it, and so has
 * seen that it is the same on all processors. One that stands still or starts
 * anew in a suspend tells nothing wrong: threads are frozen, for much longer
 * than a watch is believed, before the machine goes and after it comes.
 */
#ifndef RLI_BASE_WATCH_H
#define RLI_BASE_WATCH_H

#include <stdint.h>

#define RLI_WATCH_TICKS 32768u
#define RLI_WATCH_WRONG (2 * RLI_WATCH_TICKS)	/* ns */

/* All zero bytes: never read. Guarded by its owner. */
struct rli_watch {
	uint64_t tick;
	int64_t now;
};

/* Whether counters are used. Called once, before any watch is read. */
void rli_watches_init(void);

/* As rli_now(), or wrong by less than RLI_WATCH_WRONG. */
int64_t rli_watch_read(struct rli_watch *watch);

#endif /* RLI_BASE_WATCH_H */
