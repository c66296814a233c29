/*
 * interpose/hook.h - how each hook begins.
 *
 *	if (!rli_caught(mutex))
 *		return rli_real.lock(mutex);
 *
 * is all that happens to a mutex that is not bound.
 */
#ifndef RLI_INTERPOSE_HOOK_H
#define RLI_INTERPOSE_HOOK_H

#include "interpose/allocator.h"
#include "interpose/binding.h"
#include "interpose/hold.h"
#include "interpose/kind.h"
#include "interpose/real.h"
#include "interpose/stats.h"

#define rli_caught(mutex) rli_caught_from(mutex, __builtin_return_address(0))

static inline bool rli_caught_from(const void *mutex, const void *caller)
{
	if (__builtin_expect(!rli_may_be_bound(mutex), 1))
		return false;
	if (rli_is_allocator(caller))
		return false;
	if (rli_counting)
		rli_count(&rli_counts.intercepted);
	return rli_watch != RLI_WATCH_SHARED || rli_is_pshared(mutex) ||
	       rli_binding_find(mutex);
}

#define RLI_ALIAS(alias, of) \
	__asm__(".globl " #alias "\n.set " #alias "," #of)

#endif /* RLI_INTERPOSE_HOOK_H */
