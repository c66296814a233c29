/*
 * interpose/kind.h - what a pthread_mutex_t of glibc says about itself.
 *
 * The bits are glibc's own, and a part of its binary interface: static
 * initialisers compiled into programs contain them. They are in the mutex,
 * where the end of its life ends them too.
 */
#ifndef RLI_INTERPOSE_KIND_H
#define RLI_INTERPOSE_KIND_H

#include <pthread.h>
#include <stdbool.h>

#ifndef __GLIBC__
#error "the interposer is for glibc"
#endif

#define RLI_KIND_TYPE		3	/* PTHREAD_MUTEX_RECURSIVE and so on */
#define RLI_KIND_ROBUST		16
#define RLI_KIND_INHERIT	32
#define RLI_KIND_PSHARED	128

static inline int rli_kind(const pthread_mutex_t *mutex)
{
	int kind = __atomic_load_n(&mutex->__data.__kind, __ATOMIC_RELAXED);

	/* A destroyed one: the real functions say so. */
	return kind < 0 ? 0 : kind;
}

static inline bool rli_is_robust(const pthread_mutex_t *mutex)
{
	return rli_kind(mutex) & RLI_KIND_ROBUST;
}

static inline bool rli_is_pshared(const pthread_mutex_t *mutex)
{
	return rli_kind(mutex) & RLI_KIND_PSHARED;
}

/* Whether only the thread that locked may unlock: others are told EPERM. */
static inline bool rli_is_owned(const pthread_mutex_t *mutex)
{
	int kind = rli_kind(mutex), type = kind & RLI_KIND_TYPE;

	return type == PTHREAD_MUTEX_RECURSIVE ||
	       type == PTHREAD_MUTEX_ERRORCHECK ||
	       (kind & (RLI_KIND_ROBUST | RLI_KIND_INHERIT));
}

/* Locked by the caller: whether this is an inner level of a recursive one. */
static inline bool rli_is_nested(const pthread_mutex_t *mutex)
{
	return (rli_kind(mutex) & RLI_KIND_TYPE) == PTHREAD_MUTEX_RECURSIVE &&
	       mutex->__data.__count > 1;
}

#endif /* RLI_INTERPOSE_KIND_H */
