/*
 * base/random.h - bytes that nobody else has: nonces, jitter, kept host ids.
 */
#ifndef RLI_BASE_RANDOM_H
#define RLI_BASE_RANDOM_H

#include <stddef.h>

/*
 * Fills buf. From the kernel; should that fail, from /dev/urandom; should
 * that fail too, from clocks, pid and addresses, which is unique enough for a
 * nonce and no secret. Holds no state, so a forked child differs from its
 * parent. errno is preserved; no cancellation point; never waits.
 */
void rli_random(void *buf, size_t len);

#endif /* RLI_BASE_RANDOM_H */
