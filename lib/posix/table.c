#include "posix/table.h"

#include <string.h>

#include "base/cancel.h"
#include "base/guard.h"
#include "posix/trouble.h"

#define BUCKETS 1024

static struct rli_guard guard;			 /* a leaf */
static struct rli_px_entry *addresses[BUCKETS]; /* under the guard */
static struct rli_px_entry *sites[BUCKETS];	 /* under the guard */

/* A thread that can be cancelled at any instruction must not be while it has
 * the guard. */
static void enter(struct rli_cancel *cancel)
{
	rli_cancel_off(cancel);
	rli_guard_lock(&guard);
}

static void leave(const struct rli_cancel *cancel)
{
	rli_guard_unlock(&guard);
	rli_cancel_as_before(cancel);
}

static struct rli_px_entry **address_chain(const struct rli_px_object *object)
{
	uintptr_t n = (uintptr_t)object >> 3;

	return &addresses[(n ^ n >> 10 ^ n >> 20) % BUCKETS];
}

static struct rli_px_entry **site_chain(const char *site)
{
	unsigned n = 5381;

	while (*site)
		n = n * 33 + (unsigned char)*site++;
	return &sites[n % BUCKETS];
}

static struct rli_px_entry *entry_of(const struct rli_px_object *object)
{
	struct rli_px_entry *entry = *address_chain(object);

	while (entry && entry->record.object != object)
		entry = entry->by_address;
	return entry;
}

/* The first entry of this site from that number on, or where it would be;
 * *free is the lowest number from there on that none has. */
static struct rli_px_entry **site_place(const char *site, unsigned number,
				 unsigned *free)
{
	struct rli_px_entry **place = site_chain(site);

	while (*place && (*place)->record.number < number)
		place = &(*place)->by_site;
	*free = number;
	for (struct rli_px_entry *e = *place; e; e = e->by_site) {
		if (e->record.number > *free)
			break;
		if (strcmp(e->record.site, site) == 0)
			(*free)++;
	}
	return place;
}

static void link_entry(struct rli_px_entry *entry)
{
	struct rli_px_entry **chain = address_chain(entry->record.object);
	unsigned ignored;

	entry->by_address = *chain;
	*chain = entry;
	if (!entry->record.site[0])
		return;
	chain = site_place(entry->record.site, entry->record.number, &ignored);
	entry->by_site = *chain;
	*chain = entry;
}

static void unlink_entry(struct rli_px_entry *entry)
{
	struct rli_px_entry **place = address_chain(entry->record.object);

	while (*place != entry)
		place = &(*place)->by_address;
	*place = entry->by_address;
	if (!entry->record.site[0])
		return;
	place = site_chain(entry->record.site);
	while (*place != entry)
		place = &(*place)->by_site;
	*place = entry->by_site;
}

/* ------------------------------------------------------------ as a whole */

struct rli_px_entry *rli_px_table_find(const struct rli_px_object *object)
{
	struct rli_px_entry *entry;
	struct rli_cancel cancel;

	enter(&cancel);
	entry = entry_of(object);
	leave(&cancel);
	return entry;
}

static struct rli_px_entry *take_out(const struct rli_px_object *object)
{
	struct rli_px_entry *entry = entry_of(object);

	if (entry)
		unlink_entry(entry);
	return entry;
}

struct rli_px_entry *rli_px_table_remove(const struct rli_px_object *object)
{
	struct rli_px_entry *entry;
	struct rli_cancel cancel;

	enter(&cancel);
	entry = take_out(object);
	leave(&cancel);
	return entry;
}

unsigned rli_px_table_number(const char *site, unsigned from)
{
	struct rli_cancel cancel;

	enter(&cancel);
	site_place(site, from, &from);
	leave(&cancel);
	return from;
}

bool rli_px_table_put(struct rli_px_entry *entry,
		      struct rli_px_entry **replaced)
{
	const struct rli_px_record *record = &entry->record;
	unsigned free = record->number;
	struct rli_cancel cancel;
	bool put;

	enter(&cancel);
	*replaced = take_out(record->object);
	if (record->site[0])
		site_place(record->site, record->number, &free);
	put = free == record->number;
	if (put)
		link_entry(entry);
	leave(&cancel);
	return put;
}

/* ----------------------------------------------------------------- fork */

void rli_px_table_before_fork(void)
{
	rli_guard_lock(&guard);
}

void rli_px_table_after_fork_parent(void)
{
	rli_guard_unlock(&guard);
}

void rli_px_table_after_fork_child(void)
{
	rli_guard_reset(&guard);
}
