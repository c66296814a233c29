#include "posix/record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cancel.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/guard.h"
#include "base/random.h"
#include "base/text.h"
#include "posix/table.h"
#include "posix/trouble.h"
#include "sync/mutex.h"

/* --------------------------------------------------------------- making */

/* The object is gone, or its program made another of it while it was held. */
static void free_entry(struct rli_px_entry *entry)
{
	if (!entry)
		return;
	if (rl_mutex_destroy(&entry->record.lock) == EBUSY) {
		rl_mutex_unlock(&entry->record.lock);
		rl_mutex_destroy(&entry->record.lock);
	}
	rli_free(entry);
}

/* Another process of the host may unlock what this one has locked. */
static bool is_unlocked(const struct rli_px_object *object)
{
	return object->shared && !object->robust &&
	       atomic_load_explicit(&object->pid, memory_order_relaxed) !=
		       getpid();
}

static void onlost(rl_mutex_t *mutex, int error, void *arg)
{
	const struct rli_px_record *record = arg;

	(void)mutex;
	(void)error;
	if (!is_unlocked(record->object))
		rli_px_lost(record->name);
}

/* Who may unlock a mutex that is not robust: see <rl/pthread.h>. */
static int granularity_of(const struct rli_px_object *object)
{
	if (object->robust)
		return RL_GRANULARITY_THREAD;
	return object->shared ? RL_GRANULARITY_HOST : RL_GRANULARITY_PROCESS;
}

static int set_attributes(rl_mutexattr_t *attr,
			  const struct rli_px_object *object,
			  struct rli_px_record *record)
{
	int err = rl_mutexattr_settimeout(attr, -1);

	if (!err)
		err = rl_mutexattr_setonlost(attr, onlost, record);
	if (!err && object->robust)
		err = rl_mutexattr_setrobust(attr, RL_MUTEX_ROBUST);
	if (!err && !getenv("RL_GRANULARITY"))
		err = rl_mutexattr_setgranularity(attr,
						  granularity_of(object));
	return err;
}

static int init_lock(struct rli_px_entry *entry,
		     const struct rli_px_object *object)
{
	struct rli_px_record *record = &entry->record;
	const struct rli_mutex *inside;
	rl_mutexattr_t attr;
	int err = rl_mutexattr_init(&attr);

	if (err)
		return err;
	err = set_attributes(&attr, object, record);
	if (!err)
		err = rl_mutex_init(&record->lock, record->name, &attr);
	rl_mutexattr_destroy(&attr);
	if (err && err != ENOMEM)
		rli_px_die("the mutex '%s': %s", record->name,
			   rli_error_message());
	if (!err) {
		inside = record->lock.rl_private.rl_impl;
		record->outage_timeout = inside->terms.servers->outage_timeout;
		record->lease = rli_ms(inside->terms.lease_ms);
	}
	return err;
}

/* object->name as the name of a lock: "=" and the whole name, or without it
 * what is put behind the namespace. */
static int make_entry(const struct rli_px_object *object,
		      struct rli_px_entry **made)
{
	const char *space = getenv("RL_NAMESPACE");
	const char *name = object->name;
	struct rli_px_entry *entry;
	size_t size;
	int err;

	if (!space || !*space)
		space = program_invocation_short_name;
	size = strlen(space) + strlen(name) + 2;
	entry = rli_calloc(1, sizeof(*entry) + size);
	if (!entry)
		return rli_fail_nomem();
	entry->record.name = (char *)(entry + 1);
	if (*name == '=')
		strcpy(entry->record.name, name + 1);
	else
		rli_format(entry->record.name, size, "%s:%s", space, name);
	entry->record.object = object;
	entry->record.token = object->token;
	err = init_lock(entry, object);
	if (err)
		rli_free(entry);
	else
		*made = entry;
	return err;
}

/* -------------------------------------------------------------- binding */

/* Release and acquire: who sees a state sees what was made before it. */
static void set_state(struct rli_px_object *object, int state)
{
	atomic_store_explicit(&object->state, state, memory_order_release);
}

static int state_of(struct rli_px_object *object)
{
	return atomic_load_explicit(&object->state, memory_order_acquire);
}

static void name_by_hand(struct rli_px_object *object, const char *name,
			 size_t len)
{
	object->name[0] = '=';
	memcpy(object->name + 1, name, len);
	object->name[len + 1] = '\0';
}

/* What had the address before is in no line for a number. */
static unsigned free_number(const struct rli_px_object *object,
			    const char *site, unsigned number)
{
	free_entry(rli_px_table_remove(object));
	return rli_px_table_number(site, number);
}

static int bind(struct rli_px_object *object, const char *site,
		unsigned number)
{
	struct rli_px_entry *replaced;
	struct rli_px_entry *entry;
	size_t len = 0;
	const char *name;
	bool put;
	int err;

	if (!rli_site_wanted(site, number, &name, &len)) {
		set_state(object, RLI_PX_PLAIN);
		return 0;
	}
	rli_random(&object->token, sizeof(object->token));
	do {
		number = free_number(object, site, number);
		if (name)
			name_by_hand(object, name, len);
		else
			rli_site_name(site, number, object->name);
		err = make_entry(object, &entry);
		if (err)
			return err;
		strcpy(entry->record.site, name ? "" : site);
		entry->record.number = number;
		put = rli_px_table_put(entry, &replaced);
		free_entry(replaced);
		if (!put)
			free_entry(entry);
	} while (!put);
	set_state(object, RLI_PX_BOUND);
	return 0;
}

int rli_px_bind(struct rli_px_object *object, const char *site)
{
	char cut[RLI_SITE_MAX + 1];

	rli_site_cut(site, cut);
	return bind(object, cut, 0);
}

/* -------------------------------------------------------------- finding */

/*
 * Held by whoever makes a static object or a record of another process's
 * object. Not over fork: what a thread was making when its process forked, the
 * child makes anew.
 */
static struct rli_guard making;

static int init_gate(struct rli_px_object *object)
{
	pthread_mutexattr_t attr;
	int err = pthread_mutexattr_init(&attr);

	if (err)
		return err;
	err = pthread_mutexattr_settype(&attr, object->kind);
	if (!err)
		err = pthread_mutex_init(&object->gate, &attr);
	pthread_mutexattr_destroy(&attr);
	return err;
}

static int make_static(struct rli_px_object *object)
{
	char site[RLI_SITE_MAX + 1];
	unsigned number;
	int err;

	object->robust = object->shared = false;
	rli_px_reset(object);
	err = init_gate(object);
	if (err)
		return err;
	if (rli_site_of_static(object, site, &number))
		return bind(object, site, number);
	set_state(object, RLI_PX_PLAIN);
	return 0;
}

static struct rli_px_record *record_of(const struct rli_px_object *object)
{
	struct rli_px_entry *entry = rli_px_table_find(object);

	return entry && entry->record.token == object->token ? &entry->record
							     : NULL;
}

/* Another process has named the object: counts for no number here. */
static int adopt(const struct rli_px_object *object)
{
	struct rli_px_entry *replaced;
	struct rli_px_entry *entry;
	int err = make_entry(object, &entry);

	if (err)
		return err;
	rli_px_table_put(entry, &replaced);
	free_entry(replaced);
	return 0;
}

static int make(struct rli_px_object *object)
{
	struct rli_cancel cancel;
	int err = 0;

	rli_cancel_off(&cancel);
	rli_guard_lock(&making);
	switch (state_of(object)) {
	case RLI_PX_NEW:
		err = make_static(object);
		break;
	case RLI_PX_BOUND:
		if (!record_of(object))
			err = adopt(object);
		break;
	default:
		break;
	}
	rli_guard_unlock(&making);
	rli_cancel_as_before(&cancel);
	return err;
}

static bool is_mutex(const struct rli_px_object *object)
{
	return object && (object->magic == RL_PTHREAD_STATIC_ ||
			  object->magic == RLI_PX_MADE || object->magic == 0);
}

int rli_px_find(rl_pthread_mutex_t *mutex, struct rli_px_object **object,
		struct rli_px_record **record)
{
	struct rli_px_object *o = rli_px_of(mutex);
	int err;

	*object = o;
	*record = NULL;
	if (!is_mutex(o))
		return EINVAL;
	for (;;) {
		switch (state_of(o)) {
		case RLI_PX_PLAIN:
		case RLI_PX_GONE:
			return 0;
		case RLI_PX_BOUND:
			*record = record_of(o);
			if (*record)
				return 0;
			break;
		default:
			break;
		}
		err = make(o);
		if (err)
			return err;
	}
}

void rli_px_forget(const struct rli_px_object *object)
{
	free_entry(rli_px_table_remove(object));
}

/* ----------------------------------------------------------------- fork */

static void after_fork_child(void)
{
	rli_px_table_after_fork_child();
	rli_guard_reset(&making);
}

/*
 * A prepare handler of the program may lock mutexes, and runs before those
 * that were registered earlier: so this one is registered first.
 */
__attribute__((constructor)) static void prepare_for_forks(void)
{
	if (pthread_atfork(rli_px_table_before_fork,
			   rli_px_table_after_fork_parent, after_fork_child))
		rli_px_die("no memory at the start of the program");
}
