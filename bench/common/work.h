#ifndef BENCH_WORK_H
#define BENCH_WORK_H

/*
 * Work inside a lock: a loop of so many turns as take a time when nothing
 * disturbs it. Counted and not timed, so that a client that is interrupted in
 * it still has its work to do.
 */

/* How many turns last that long; best of many tries. */
long work_calibrate(int ns);

void work(long turns);

#endif
