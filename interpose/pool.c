/*
 * Objects by address, for @all and @pshared.
 *
 * LOCKING: the guard is held for a walk along one bucket, never across a call
 * of rl. Only objects that are not busy change their address.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/guard.h"
#include "interpose/binding.h"
#include "interpose/kind.h"
#include "interpose/object.h"
#include "interpose/pool.h"
#include "interpose/say.h"

#define BUCKETS 4096
#define CHUNK 256
#define POOL_MAX 16384
#define CHUNKS_MAX 1024

static struct rli_guard guard;
static struct rli_object *buckets[BUCKETS];	/* under guard */
static struct rli_object *chunks[CHUNKS_MAX];	/* under guard */
static unsigned count;				/* objects; under guard */
static struct rli_object *spare;		/* under guard */
static unsigned hand;				/* under guard: see steal() */

static struct rli_object **bucket(const void *address)
{
	uint64_t hash = (uint64_t)(uintptr_t)address >> 3;

	hash *= UINT64_C(0x9e3779b97f4a7c15);
	return &buckets[hash >> 52];
}

static struct rli_object *look(const void *address)
{
	struct rli_object *o = *bucket(address);

	while (o && o->address != address)
		o = o->next;
	return o;
}

static void attach(struct rli_object *o, const void *address)
{
	struct rli_object **head = bucket(address);

	o->address = address;
	o->next = *head;
	*head = o;
}

static void detach(struct rli_object *o)
{
	struct rli_object **link = bucket(o->address);

	while (*link != o)
		link = &(*link)->next;
	*link = o->next;
	o->address = NULL;
}

static struct rli_object *object(unsigned i)
{
	return &chunks[i / CHUNK][i % CHUNK];
}

/* Memory straight from the kernel: the mutex may be an allocator's. */
static struct rli_object *grow(void)
{
	void *memory;

	if (count == CHUNK * CHUNKS_MAX)
		rli_abort("more than %u mutexes are locked", count);
	if (count % CHUNK == 0) {
		memory = mmap(NULL, CHUNK * sizeof(struct rli_object),
			      PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (memory == MAP_FAILED)
			rli_abort("no memory for the locks of mutexes");
		chunks[count / CHUNK] = memory;
	}
	object(count)->number = count;
	return object(count++);
}

/* One that nobody uses now, from the address that it had: each in its turn. */
static struct rli_object *steal(void)
{
	for (unsigned i = 0; i < count; i++) {
		struct rli_object *o = object(hand++ % count);

		if (o->busy || !o->address)
			continue;
		detach(o);
		return o;
	}
	return NULL;
}

static struct rli_object *fresh(void)
{
	struct rli_object *o = spare;

	if (o)
		spare = o->next;
	else if (count >= POOL_MAX)
		o = steal();
	return o ? o : grow();
}

struct rli_object *rli_pool_find(const void *address)
{
	struct rli_object *o;

	rli_guard_lock(&guard);
	o = look(address);
	rli_guard_unlock(&guard);
	return o;
}

struct rli_object *rli_pool_take(const void *address,
				 const struct rli_pattern *pattern)
{
	struct rli_object *o;

	rli_guard_lock(&guard);
	o = look(address);
	if (!o) {
		o = fresh();
		o->pattern = pattern;
		attach(o, address);
	}
	o->busy = true;
	rli_guard_unlock(&guard);
	return o;
}

void rli_pool_put(struct rli_object *o)
{
	rli_guard_lock(&guard);
	o->busy = false;
	rli_guard_unlock(&guard);
}

void rli_pool_release(struct rli_object *o)
{
	rli_guard_lock(&guard);
	if (o->address) {
		detach(o);
		o->busy = false;
		o->next = spare;
		spare = o;
	}
	rli_guard_unlock(&guard);
}

void rli_pool_before_fork(void)
{
	rli_guard_lock(&guard);
}

/* In the child nobody is past a gate but the thread that forked, and what it
 * has locked is not held by the child. */
void rli_pool_after_fork(bool child)
{
	if (!child) {
		rli_guard_unlock(&guard);
		return;
	}
	for (unsigned i = 0; i < count; i++)
		object(i)->busy = false;
	rli_guard_reset(&guard);
}
