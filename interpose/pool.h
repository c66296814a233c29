/*
 * interpose/pool.h - the objects of mutexes that no symbol names, by address.
 */
#ifndef RLI_INTERPOSE_POOL_H
#define RLI_INTERPOSE_POOL_H

#include <stdbool.h>

struct rli_object;
struct rli_pattern;

/* The object of an address, or NULL. */
struct rli_object *rli_pool_find(const void *address);
/* The same, or one that becomes its; busy until put. */
struct rli_object *rli_pool_take(const void *address,
				 const struct rli_pattern *pattern);
void rli_pool_put(struct rli_object *object);
/* Nobody's from now on. */
void rli_pool_release(struct rli_object *object);

void rli_pool_before_fork(void);
void rli_pool_after_fork(bool child);

#endif /* RLI_INTERPOSE_POOL_H */
