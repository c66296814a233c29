#include "interpose/object.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "interpose/binding.h"
#include "interpose/init.h"
#include "interpose/kind.h"
#include "interpose/maps.h"
#include "interpose/name.h"
#include "interpose/pool.h"
#include "interpose/say.h"

/* The patterns that bind by kind, NULL: none. Read-only after the start. */
static struct rli_pattern *shared, *all;

/* Those bound by symbols, the newest first. */
static struct by_symbol {
	struct by_symbol *next;
	struct rli_object object;
} *_Atomic by_symbol;

void rli_objects_start(void)
{
	for (struct rli_pattern *p = rli_patterns; p; p = p->next) {
		if (p->kind == RLI_PATTERN_PSHARED && !shared)
			shared = p;
		if (p->kind == RLI_PATTERN_ALL && !all)
			all = p;
	}
	if (shared)
		rli_binding_watch(RLI_WATCH_SHARED);
	if (all)
		rli_binding_watch(RLI_WATCH_ALL);
}

/* By which pattern a mutex that no symbol names is bound. Private memory that
 * calls itself shared is nobody else's. */
static const struct rli_pattern *by_kind(const pthread_mutex_t *mutex)
{
	struct rli_mapping mapping;

	if (!shared || !rli_is_pshared(mutex))
		return all;
	rli_place(mutex, &mapping);
	return mapping.shared ? shared : all;
}

struct rli_object *rli_object_find(const pthread_mutex_t *mutex)
{
	struct rli_object *o = rli_binding_find(mutex);

	if (o || !(shared || all))
		return o;
	if (!all && !rli_is_pshared(mutex))
		return NULL;
	return rli_pool_find(mutex);
}

struct rli_object *rli_object_take(const pthread_mutex_t *mutex)
{
	struct rli_object *o = rli_object_find(mutex);
	const struct rli_pattern *pattern;

	if (o && o->by_symbol)
		return o;
	if (!o && !(shared || all))
		return NULL;
	if (!all && !rli_is_pshared(mutex))
		return NULL;
	pattern = o ? o->pattern : by_kind(mutex);
	return pattern ? rli_pool_take(mutex, pattern) : NULL;
}

void rli_object_put(struct rli_object *o)
{
	if (!o->by_symbol)
		rli_pool_put(o);
}

static void unmake(struct rli_object *o)
{
	if (o->made && rl_mutex_destroy(&o->lock))
		/* Held still, by a thread that will not come back: left
		 * behind, for its lease to end. */
		memset(&o->lock, 0, sizeof(o->lock));
	o->made = false;
}

void rli_object_forget(const pthread_mutex_t *mutex)
{
	struct rli_object *o = rli_object_find(mutex);

	if (!o)
		return;
	if (atomic_load_explicit(&o->held, memory_order_relaxed) ==
	    rli_generation) {
		atomic_store(&o->leftover, true);
		rl_mutex_unlock(&o->lock);
		atomic_store(&o->leftover, false);
	}
	atomic_store_explicit(&o->held, 0, memory_order_relaxed);
	/* As POSIX has it, that makes it usable again. */
	if (o->spoiled)
		rl_mutex_reset(&o->lock);
	o->inconsistent = o->owner_died = o->told = o->spoiled = false;
	if (!o->by_symbol)
		rli_pool_release(o);
}

/* ------------------------------------------------------------------ making */

static atomic_uint epoch;	/* of the memory's mappings */

void rli_objects_remapped(void)
{
	atomic_fetch_add_explicit(&epoch, 1, memory_order_relaxed);
}

static int flags_of(const struct rli_object *o, const pthread_mutex_t *mutex)
{
	int kind = rli_kind(mutex);

	/* A symbol's memory is the process's own, whatever it calls itself. */
	return kind & (o->by_symbol ? RLI_KIND_ROBUST
				    : RLI_KIND_ROBUST | RLI_KIND_PSHARED);
}

static bool is_current(const struct rli_object *o, const void *mutex, int flags)
{
	if (!o->made || o->flags != flags)
		return false;
	if (o->by_symbol)
		return true;
	if (o->generation != rli_generation)
		return false;
	return !(flags & RLI_KIND_PSHARED) ||
	       (o->made_for == mutex &&
		o->epoch == atomic_load_explicit(&epoch,
						 memory_order_relaxed));
}

static enum rli_sort sort_of(const struct rli_object *o, int flags,
			     const struct rli_mapping *m)
{
	if (o->by_symbol)
		return flags ? RLI_SORT_ROBUST : RLI_SORT_PLAIN;
	if (!m->shared)
		return RLI_SORT_PLAIN;
	return m->named && (flags & RLI_KIND_ROBUST) ? RLI_SORT_HOST_ROBUST
						     : RLI_SORT_HOST;
}

static int make(struct rli_object *o, enum rli_sort sort, const char *name)
{
	int err;

	unmake(o);
	err = rl_mutex_init(&o->lock, name, &o->pattern->attr[sort]);
	if (err)
		return err;
	o->made = true;
	o->sort = sort;
	o->name = rli_text_hash(name);
	o->inconsistent = o->spoiled = false;
	return 0;
}

int rli_object_make(struct rli_object *o, const pthread_mutex_t *mutex)
{
	int flags = flags_of(o, mutex), err = 0;
	struct rli_mapping mapping = { .shared = false };
	char name[RLI_NAME_ROOM];
	enum rli_sort sort;

	if (is_current(o, mutex, flags))
		return 0;
	o->epoch = atomic_load_explicit(&epoch, memory_order_relaxed);
	if (flags & RLI_KIND_PSHARED)
		rli_place(mutex, &mapping);
	sort = sort_of(o, flags, &mapping);
	rli_name(o, &mapping, name);
	if (!o->made || o->sort != sort || o->name != rli_text_hash(name))
		err = make(o, sort, name);
	o->flags = flags;
	o->generation = rli_generation;
	o->made_for = mutex;
	return err;
}

/* ---------------------------------------------------------------- by symbol */

struct rli_object *rli_object_of_symbol(const struct rli_pattern *pattern,
					const char *symbol)
{
	struct by_symbol *made = rli_calloc(1, sizeof(*made));
	char *called = rli_strdup(pattern->glob && symbol ? symbol :
				  pattern->text);
	struct rli_object *o;

	if (!made || !called)
		rli_mistake("no memory for the bindings");
	o = &made->object;
	o->pattern = pattern;
	o->by_symbol = true;
	o->symbol = called;
	snprintf(o->label, sizeof(o->label), "%s", called);
	made->next = atomic_load(&by_symbol);
	while (!atomic_compare_exchange_weak(&by_symbol, &made->next, made))
		;
	return o;
}

/* It stays in the list, for the statistics. */
void rli_object_drop(struct rli_object *o)
{
	if (atomic_exchange(&o->held, 0) == rli_generation)
		rl_mutex_unlock(&o->lock);
}

void rli_objects_each(void (*visit)(const struct rli_object *, void *),
		      void *arg)
{
	struct by_symbol *b = atomic_load(&by_symbol);

	for (; b; b = b->next)
		visit(&b->object, arg);
}

void rli_objects_before_fork(void)
{
	rli_pool_before_fork();
}

void rli_objects_after_fork(bool child)
{
	rli_pool_after_fork(child);
}
