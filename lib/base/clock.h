/*
 * base/clock.h - the one kind of time inside rl.
 *
 * A moment is an int64_t of nanoseconds on CLOCK_BOOTTIME, which runs on while
 * the machine is suspended, so that a lease cannot outlive itself unnoticed.
 * Deadlines are moments; RLI_FOREVER is the one that never comes. Every sum
 * saturates there.
 */
#ifndef RLI_BASE_CLOCK_H
#define RLI_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define RLI_FOREVER	INT64_MAX
#define RLI_US		1000LL
#define RLI_MS		1000000LL
#define RLI_S		1000000000LL

/*
 * Where the time comes from: clock_gettime, or in tests a fake with the same
 * contract. Replaced only while no other thread uses rl.
 */
extern int (*rli_clock_fn)(clockid_t clock, struct timespec *now);

/* Now, on CLOCK_BOOTTIME (CLOCK_MONOTONIC where a kernel lacks it). */
int64_t rli_now(void);

/* from + ns; RLI_FOREVER in either stays RLI_FOREVER. */
int64_t rli_after(int64_t from, int64_t ns);

/* Milliseconds as nanoseconds. */
int64_t rli_ms(int64_t ms);

/*
 * A point of a caller's clock, converted once, at the call: a clock set
 * afterwards moves no deadline. EINVAL if the clock is neither CLOCK_REALTIME
 * nor CLOCK_MONOTONIC, or the nanoseconds are out of range.
 */
int rli_deadline(clockid_t clock, const struct timespec *abs,
		 int64_t *deadline);

/*
 * The time-out for poll(2): whole milliseconds, rounded up so that nobody
 * wakes before the deadline; -1 for RLI_FOREVER, 0 if it has passed.
 */
int rli_poll_timeout(int64_t deadline);

/*
 * Until when a lease of lease_ms, asked for at sent, is proved: less the drift
 * margin of 1 % and 2 ms. A lease of 0 never ends.
 */
int64_t rli_valid_until(int64_t sent, int64_t lease_ms);

/* A length of time; negative is none, RLI_FOREVER the largest there is. */
void rli_to_timespec(int64_t ns, struct timespec *ts);

/*
 * The length of a caller's interval. EINVAL if it is negative or its
 * nanoseconds are out of range.
 */
int rli_from_timespec(const struct timespec *ts, int64_t *ns);

#endif /* RLI_BASE_CLOCK_H */
