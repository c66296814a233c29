/*
 * interpose/object.h - what rl knows of one mutex of the program.
 *
 * A mutex bound by its symbol has an object for good. For the others (@all,
 * @pshared) objects come from a pool and are found by address. Addresses are
 * used again by new mutexes, and nobody tells: a static initialiser copied
 * over a freed one is a new life. So nothing in an object depends on the life
 * of its mutex, but for what is true while it is locked; type and sort are
 * read from the mutex itself each time. An object that is not busy can be
 * given to another address, so that there are never more than POOL_MAX and
 * those that are locked at one time.
 *
 * The gate, which is the program's own mutex, guards what says so: whoever
 * has locked it is alone with those fields.
 */
#ifndef RLI_INTERPOSE_OBJECT_H
#define RLI_INTERPOSE_OBJECT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <rl/mutex.h>

#include "interpose/pattern.h"

struct rli_object {
	const struct rli_pattern *pattern;	/* read-only while attached */
	char label[120];	/* for messages and statistics; likewise */
	bool by_symbol;		/* read-only */
	const char *symbol;	/* of one by symbol: what it is called; likewise */
	unsigned number;	/* read-only, of its kind */

	/* Of the pool: under its guard. */
	const void *address;	/* NULL: it is free */
	struct rli_object *next;	/* in its bucket, or in the free list */
	bool busy;		/* somebody is past the gate: not to be taken
				   away from its address */

	/* Under the gate. */
	rl_mutex_t lock;
	bool made;		/* lock is initialised ... */
	enum rli_sort sort;	/* ... for this sort of mutex ... */
	int flags;		/* ... of which this was read in the mutex ... */
	unsigned generation;	/* ... in this generation of the process ... */
	const void *made_for;	/* ... for this address (shared memory) ... */
	unsigned epoch;		/* ... as the memory was mapped then ... */
	uint64_t name;		/* ... and called so: a hash */
	bool inconsistent;	/* rl said EOWNERDEAD, and nobody has mended */
	bool spoiled;		/* rl says ENOTRECOVERABLE */
	bool owner_died;	/* the real mutex said it to one who then did
				   not get the rl lock: the next is told */
	bool told;		/* he was, and has not mended */

	/* Written under the gate; read by rli_lost() on any thread. */
	atomic_bool leftover;	/* nobody is inside: a loss harms nobody */
	_Atomic int tid;	/* of who locked it, if sort is one of a host */

	/* Written under the gate; read by unlocks of those who may not have
	 * locked it. held says in which generation, 0: not held. */
	_Atomic unsigned held;
	_Atomic pthread_t locker;

	atomic_ulong calls, sent;
};

/*
 * The object of a mutex; NULL: it is not bound. find never makes one. take is
 * for who is past the gate: the object is busy from then on, until put.
 */
struct rli_object *rli_object_find(const pthread_mutex_t *mutex);
struct rli_object *rli_object_take(const pthread_mutex_t *mutex);
void rli_object_put(struct rli_object *object);

/* The mutex's life ends, or begins: what is left of one before it is let go. */
void rli_object_forget(const pthread_mutex_t *mutex);

/*
 * Makes object->lock what this mutex needs. Under the gate. 0 or the errors of
 * rl_mutex_init.
 */
int rli_object_make(struct rli_object *object, const pthread_mutex_t *mutex);

/* For a binding by symbol; symbol NULL: the pattern says it all. */
struct rli_object *rli_object_of_symbol(const struct rli_pattern *pattern,
					const char *symbol);
/* The module with it has gone. */
void rli_object_drop(struct rli_object *object);

/* Calls visit with every object that was ever bound by a symbol. */
void rli_objects_each(void (*visit)(const struct rli_object *, void *),
		      void *arg);

/* Something was unmapped, or mapped in place of something else. */
void rli_objects_remapped(void);

void rli_objects_start(void);	/* once the patterns are known */
void rli_objects_before_fork(void);
void rli_objects_after_fork(bool child);

#endif /* RLI_INTERPOSE_OBJECT_H */
