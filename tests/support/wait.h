#ifndef TESTS_SUPPORT_WAIT_H
#define TESTS_SUPPORT_WAIT_H

/*
 * Waiting in tests: for a state that can be asked for, until a deadline.
 * Never sleep to give something time to happen.
 */

#include <stdbool.h>
#include <stdint.h>

/* How long a test waits for what should happen at once. */
#define WAIT_MS 10000

/* Milliseconds, and nanoseconds, of CLOCK_MONOTONIC. */
int64_t wait_now_ms(void);
int64_t wait_now_ns(void);

/*
 * Ask `predicate` every millisecond until it says true or `timeout_ms` have
 * passed; it is asked at least once. Returns what it said last.
 */
bool wait_until(bool (*predicate)(void *arg), void *arg, int timeout_ms);

/* The rest of a test environment that broke: say where and why, and abort. */
_Noreturn void test_die(const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#define TEST_DIE(...) test_die(__FILE__, __LINE__, __VA_ARGS__)
#define TEST_MUST(expr)                        \
	do {                                   \
		if (!(expr))                   \
			TEST_DIE("%s", #expr); \
	} while (0)

#endif
