#include "interpose/object.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "interpose/binding.h"
#include "interpose/init.h"
#include "interpose/kind.h"
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
	if (shared || all)
		rli_binding_watch_all();
}

/* By which pattern a mutex that no symbol names is bound. Private memory that
 * calls itself shared is nobody else's. */
static const struct rli_pattern *by_kind(const pthread_mutex_t *mutex)
{
	if (shared && rli_is_pshared(mutex) && rli_in_shared_memory(mutex))
		return shared;
	return all;
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
	    rli_generation)
		rl_mutex_unlock(&o->lock);
	atomic_store_explicit(&o->held, 0, memory_order_relaxed);
	if (o->inconsistent && !o->by_symbol)
		unmake(o);
	o->inconsistent = o->owner_died = false;
	if (!o->by_symbol)
		rli_pool_release(o);
}

/* ------------------------------------------------------------------ making */

static enum rli_sort sort_of(const pthread_mutex_t *mutex)
{
	if (rli_is_robust(mutex))
		return RLI_SORT_ROBUST;
	return rli_is_pshared(mutex) ? RLI_SORT_SHARED : RLI_SORT_PLAIN;
}

static bool is_made(const struct rli_object *o, enum rli_sort sort,
		    const void *mutex)
{
	if (!o->made || o->sort != sort)
		return false;
	/* The rest is in the name, where that was not given. */
	if (o->by_symbol)
		return true;
	return o->generation == rli_generation &&
	       (o->made_for == mutex || sort == RLI_SORT_PLAIN);
}

int rli_object_make(struct rli_object *o, const pthread_mutex_t *mutex)
{
	enum rli_sort sort = sort_of(mutex);
	char name[RLI_NAME_ROOM];
	int err;

	if (is_made(o, sort, mutex))
		return 0;
	unmake(o);
	rli_name(o, mutex, name);
	err = rl_mutex_init(&o->lock, name, &o->pattern->attr[sort]);
	if (err)
		return err;
	o->made = true;
	o->sort = sort;
	o->generation = rli_generation;
	o->made_for = mutex;
	o->inconsistent = false;
	return 0;
}

/* ---------------------------------------------------------------- by symbol */

struct rli_object *rli_object_of_symbol(const struct rli_pattern *pattern,
					const char *symbol)
{
	struct by_symbol *made = rli_calloc(1, sizeof(*made));
	struct rli_object *o;

	if (!made)
		rli_mistake("no memory for the bindings");
	o = &made->object;
	o->pattern = pattern;
	o->by_symbol = true;
	snprintf(o->label, sizeof(o->label), "%s", pattern->glob && symbol ?
		 symbol : pattern->text);
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
