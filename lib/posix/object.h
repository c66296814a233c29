/*
 * posix/object.h - what is inside an rl_pthread_mutex_t of <rl/pthread.h>.
 *
 * The object may lie in memory that several processes see, at different
 * addresses, and may have been initialised by any of them. So it holds no
 * pointer but that to its static site; what a process keeps for it, the
 * rl_mutex_t above all, is a record found by the object's address and checked
 * by the token of its life (record.h).
 *
 * LOCK ORDER: the gate, then the rl lock. What is marked "gate" is written
 * only by whoever has the gate.
 */
#ifndef RLI_POSIX_OBJECT_H
#define RLI_POSIX_OBJECT_H

#define RL_PTHREAD_NO_NAMES_
#include <rl/pthread.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* How far the object's life has come. */
enum rli_px_state {
	RLI_PX_NEW,	/* static or zeroed, and not used yet */
	RLI_PX_BOUND,	/* has a name, and with it an rl lock */
	RLI_PX_PLAIN,	/* is its gate and nothing else */
	RLI_PX_GONE,	/* destroyed */
};

#define RLI_PX_MADE 0x726c506f4d616465ULL	/* "rlPoMade" */
#define RLI_PX_NAME_MAX 79

struct rli_px_object {
	uint64_t magic;	  /* STATIC, MADE, or 0: zeroed; read-only once made */
	const char *site; /* of a static one; read-only */
	int kind;	  /* PTHREAD_MUTEX_…; read-only once made */
	_Atomic int state; /* out of NEW: under the guard `making` of record.c,
			      and below it nothing counts while it is NEW */
	uint64_t token;	   /* of this life; read-only once BOUND */
	bool robust;	   /* read-only once made */
	bool shared;	   /* PTHREAD_PROCESS_SHARED; read-only once made */
	bool gate_dead;	   /* gate: its last holder died, not mended yet */
	bool lock_dead;	   /* gate: the rl lock's did */
	bool told_dead;	   /* gate: a locker was to hear of it and failed; the
			      gate is mended, the next ones hear of it */
	bool beyond_mending; /* gate: somebody was told ENOTRECOVERABLE of the
			      rl lock, or left it so */
	int depth;	   /* gate: how often its holder has locked it */
	_Atomic pid_t pid; /* gate; read by others, who only look for their
			      own: the holder's process */
	_Atomic pid_t tid; /* likewise: the holder's thread, 0: none */
	pthread_mutex_t gate;
	char name[RLI_PX_NAME_MAX + 1]; /* of the lock, without namespace, or
			      "=" and the whole name; read-only once BOUND */
};

_Static_assert(sizeof(struct rli_px_object) <= sizeof(rl_pthread_mutex_t),
	       "the object fits into the public one");
_Static_assert(offsetof(struct rli_px_object, site) ==
		       offsetof(rl_pthread_mutex_t, rl_private.rl_site) &&
		       offsetof(struct rli_px_object, kind) ==
			       offsetof(rl_pthread_mutex_t, rl_private.rl_kind),
	       "static initialisers fill the same fields");

/* Nobody holds it. */
static inline void rli_px_reset(struct rli_px_object *object)
{
	object->gate_dead = object->lock_dead = object->told_dead = false;
	object->beyond_mending = false;
	object->depth = 0;
	atomic_store_explicit(&object->pid, 0, memory_order_relaxed);
	atomic_store_explicit(&object->tid, 0, memory_order_relaxed);
}

static inline struct rli_px_object *rli_px_of(const rl_pthread_mutex_t *mutex)
{
	return (struct rli_px_object *)(uintptr_t)mutex;
}

#endif /* RLI_POSIX_OBJECT_H */
