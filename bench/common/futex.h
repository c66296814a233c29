#ifndef BENCH_FUTEX_H
#define BENCH_FUTEX_H

/* Sleeping on a word in memory that processes share. */

#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* timeout NULL: for ever. May return early. */
static inline void futex_wait(_Atomic uint32_t *word, uint32_t value,
			      const struct timespec *timeout)
{
	syscall(SYS_futex, word, FUTEX_WAIT, value, timeout, NULL, 0);
}

static inline void futex_wake_all(_Atomic uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

#endif
