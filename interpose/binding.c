/*
 * The table is written under the guard, and read without: a place in it is
 * empty, or used by one address for as long as that is bound, or GONE and may
 * be used again. Places are only ever found by walking on from hash(address).
 */
#include "interpose/binding.h"

#include <dlfcn.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include <pthread.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "interpose/init.h"
#include "interpose/inside.h"
#include "interpose/object.h"
#include "interpose/pattern.h"
#include "interpose/say.h"
#include "interpose/symbols.h"

#define PLACES 1024
#define GONE ((void *)1)

struct rli_filter rli_filter;
enum rli_watch rli_watch;

static struct {
	_Atomic(const void *) address;
	struct rli_object *object;	/* written before address */
	uintptr_t base;			/* of its module; under guard */
	struct rli_pattern *pattern;	/* under guard */
} places[PLACES];

static struct rli_guard guard;
static unsigned bound;		/* under guard */
static atomic_bool waiting;	/* for modules that are not there yet */
static atomic_bool started;

/* ------------------------------------------------------------- the table */

/* PLACES if it is not bound. */
static unsigned place_of(const void *mutex)
{
	unsigned i = rli_hash(mutex) * (PLACES / 512);

	for (;; i = (i + 1) % PLACES) {
		/* Acquire: its object is seen. */
		const void *address = atomic_load_explicit(
			&places[i].address, memory_order_acquire);

		if (address == mutex)
			return i;
		if (!address)
			return PLACES;
	}
}

struct rli_object *rli_binding_find(const void *mutex)
{
	unsigned i = place_of(mutex);

	return i < PLACES ? places[i].object : NULL;
}

static void set_filter(const void *address)
{
	unsigned bit = rli_hash(address);

	atomic_fetch_or_explicit(&rli_filter.word[bit >> 6],
				 UINT64_C(1) << (bit & 63),
				 memory_order_release);
}

void rli_binding_watch(enum rli_watch watch)
{
	if (watch > rli_watch)
		rli_watch = watch;
	for (int i = 0; i < RLI_FILTER_WORDS; i++)
		atomic_store(&rli_filter.word[i], ~UINT64_C(0));
}

static unsigned free_place(const void *address)
{
	unsigned i = rli_hash(address) * (PLACES / 512);
	const void *there;

	while ((there = atomic_load_explicit(&places[i].address,
					     memory_order_relaxed)) &&
	       there != GONE)
		i = (i + 1) % PLACES;
	return i;
}

/* A pattern of the shell leaves alone what has an entry of its own. */
static void bound_before(const struct rli_pattern *pattern,
			 const struct rli_pattern *before)
{
	if (!pattern->glob)
		rli_mistake("%s: '%s' is bound already, by '%s' of %s",
			    pattern->where, pattern->text, before->text,
			    before->where);
}

static void bind(struct rli_pattern *pattern, uintptr_t base, void *address,
		 const char *symbol)
{
	unsigned i = place_of(address);

	if (i < PLACES) {
		bound_before(pattern, places[i].pattern);
		return;
	}
	if (bound == RLI_BOUND_MAX)
		rli_mistake("%s: '%s': more than %d mutexes would be bound",
			    pattern->where, pattern->text, RLI_BOUND_MAX);
	bound++;
	i = free_place(address);
	places[i].object = rli_object_of_symbol(pattern, symbol);
	places[i].base = base;
	places[i].pattern = pattern;
	/* Release: see rli_binding_find(). */
	atomic_store_explicit(&places[i].address, address,
			      memory_order_release);
	set_filter(address);
}

/* --------------------------------------------------------------- matching */

struct match {
	struct rli_pattern *pattern;
	const struct rli_module *module;
	unsigned found;
	uintptr_t first;	/* the address of the first one found */
	bool stripped;		/* some module that was looked into is */
	bool seen;		/* the module that the pattern names */
	char others[300];	/* where it was found besides */
};

static void ambiguous(const struct match *m)
{
	rli_mistake("%s: '%s' is the name of several variables of %s, at "
		    "%s+0x%lx%s: choose one of these", m->pattern->where,
		    m->pattern->text, m->module->name, m->module->name,
		    (unsigned long)(m->first - m->module->base), m->others);
}

static void note_other(struct match *m, uintptr_t address)
{
	size_t len = strlen(m->others);

	snprintf(m->others + len, sizeof(m->others) - len, " and %s+0x%lx",
		 m->module->name,
		 (unsigned long)(address - m->module->base));
}

/* Where the program's own copy, or another module's definition, wins. */
static uintptr_t in_use(const struct rli_symbol *symbol)
{
	void *found = symbol->exported ? dlsym(RTLD_DEFAULT, symbol->name)
				       : NULL;

	return found ? (uintptr_t)found : symbol->address;
}

static void too_small(const struct match *m, const struct rli_symbol *symbol)
{
	rli_mistake("%s: '%s' is no mutex: %lu bytes at offset %lu of a "
		    "variable of %lu bytes", m->pattern->where,
		    m->pattern->text, (unsigned long)sizeof(pthread_mutex_t),
		    (unsigned long)m->pattern->offset,
		    (unsigned long)symbol->size);
}

static bool fits(const struct match *m, const struct rli_symbol *symbol)
{
	return symbol->size == 0 ||
	       m->pattern->offset + sizeof(pthread_mutex_t) <= symbol->size;
}

static void match_glob(struct match *m, const struct rli_symbol *symbol)
{
	if (symbol->size < sizeof(pthread_mutex_t) || !fits(m, symbol) ||
	    fnmatch(m->pattern->symbol, symbol->name, 0))
		return;
	m->found++;
	bind(m->pattern, m->module->base,
	     (void *)(in_use(symbol) + m->pattern->offset), symbol->name);
}

static void match_symbol(const struct rli_symbol *symbol, void *arg)
{
	struct match *m = arg;

	if (m->pattern->glob) {
		match_glob(m, symbol);
		return;
	}
	if (strcmp(m->pattern->symbol, symbol->name))
		return;
	if (!fits(m, symbol))
		too_small(m, symbol);
	if (!m->found++) {
		m->first = symbol->address;
		bind(m->pattern, m->module->base,
		     (void *)(in_use(symbol) + m->pattern->offset),
		     symbol->name);
	} else if (symbol->address != m->first) {
		note_other(m, symbol->address);
	}
}

/* module+0xoffset: the module has the name that stands for the symbol. */
static bool match_offset(struct match *m)
{
	struct rli_pattern *p = m->pattern;

	if (p->module || p->glob || p->offset == 0 ||
	    strcmp(p->symbol, m->module->name))
		return false;
	m->found++;
	bind(p, m->module->base, (void *)(m->module->base + p->offset), NULL);
	return true;
}

static bool match_module(const struct rli_module *module, void *arg)
{
	struct match *m = arg;
	struct rli_pattern *p = m->pattern;
	enum rli_symbols kind;

	m->module = module;
	if (match_offset(m))
		return false;
	if (p->module && strcmp(p->module, module->name))
		return true;
	m->seen = true;
	kind = rli_symbols_each(module, match_symbol, m);
	if (module->program || p->module)
		m->stripped = kind != RLI_SYMBOLS_ALL;
	if (m->others[0])
		ambiguous(m);
	return !m->found;
}

/* ---------------------------------------------------------------- patterns */

static bool names_library(const struct rli_pattern *p)
{
	return p->module || strstr(p->symbol, ".so");
}

static void not_found(const struct match *m)
{
	const struct rli_pattern *p = m->pattern;
	const char *whose = p->module ? p->module : rli_program;

	if (rli_descendant && !p->module)
		return;
	if (m->stripped)
		rli_mistake("%s: no symbol '%s': %s is stripped, and has no "
			    "names of static variables; name it by where it "
			    "is, %s+0xOFFSET", p->where, p->symbol, whose,
			    whose);
	rli_mistake("%s: no symbol '%s' in %s%s", p->where, p->symbol, whose,
		    p->module ? "" : " nor in its libraries");
}

static void scan(struct rli_pattern *p)
{
	struct match m = { .pattern = p };

	if (p->kind != RLI_PATTERN_SYMBOL || p->found)
		return;
	rli_modules_each(match_module, &m);
	p->found = m.found;
	if (p->found)
		return;
	if (names_library(p) && !m.seen)
		atomic_store(&waiting, true);
	else
		not_found(&m);
}

static void scan_all(void)
{
	atomic_store(&waiting, false);
	for (struct rli_pattern *p = rli_patterns; p; p = p->next)
		scan(p);
}

void rli_binding_start(void)
{
	rli_guard_lock(&guard);
	scan_all();
	rli_guard_unlock(&guard);
	atomic_store(&started, true);
}

void rli_binding_loaded(void)
{
	if (!atomic_load_explicit(&started, memory_order_acquire) ||
	    !atomic_load_explicit(&waiting, memory_order_relaxed))
		return;
	rli_enter();
	rli_guard_lock(&guard);
	scan_all();
	rli_guard_unlock(&guard);
	rli_leave();
}

/* ---------------------------------------------------------------- unloading */

struct present {
	uintptr_t base;
	bool is;
};

static bool is_base(const struct rli_module *module, void *arg)
{
	struct present *present = arg;

	present->is = present->is || module->base == present->base;
	return !present->is;
}

static void drop_if_gone(unsigned i)
{
	const void *address = atomic_load_explicit(&places[i].address,
						   memory_order_relaxed);
	struct present present = { places[i].base, false };

	if (!address || address == GONE)
		return;
	rli_modules_each(is_base, &present);
	if (present.is)
		return;
	places[i].pattern->found = false;
	atomic_store_explicit(&places[i].address, GONE, memory_order_release);
	rli_object_drop(places[i].object);
	bound--;
	atomic_store(&waiting, true);
}

void rli_binding_unloaded(void)
{
	rli_enter();
	rli_guard_lock(&guard);
	for (unsigned i = 0; i < PLACES; i++)
		drop_if_gone(i);
	rli_guard_unlock(&guard);
	rli_leave();
}

void rli_binding_before_fork(void)
{
	rli_guard_lock(&guard);
}

void rli_binding_after_fork(bool child)
{
	if (child)
		rli_guard_reset(&guard);
	else
		rli_guard_unlock(&guard);
}
