#include "posix/table.h"

#include <string.h>

#include "base/cancel.h"
#include "base/guard.h"
#include "posix/trouble.h"

#define BUCKETS 4096

/* Below this number all those of a place are taken. Of the places that share a
 * slot, the one that was asked about last has it. */
struct low {
	uint64_t site;		/* its hash */
	unsigned number;
};

static struct rli_guard guard;			 /* a leaf */
static struct rli_px_entry *addresses[BUCKETS]; /* under the guard */
static struct rli_px_entry *numbers[BUCKETS];	 /* under the guard */
static struct low lows[BUCKETS];		 /* under the guard */

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

static uint64_t hash_of(const char *site)
{
	uint64_t n = 14695981039346656037u;

	while (*site)
		n = (n ^ (unsigned char)*site++) * 1099511628211u;
	return n;
}

static struct rli_px_entry **number_chain(uint64_t site, unsigned number)
{
	return &numbers[((site ^ site >> 32) + number) % BUCKETS];
}

static struct low *low_of(uint64_t site)
{
	return &lows[site % BUCKETS];
}

static struct rli_px_entry *entry_of(const struct rli_px_object *object)
{
	struct rli_px_entry *entry = *address_chain(object);

	while (entry && entry->record.object != object)
		entry = entry->by_address;
	return entry;
}

static bool is_taken(const char *name, uint64_t site, unsigned number)
{
	const struct rli_px_entry *entry = *number_chain(site, number);

	while (entry && (entry->record.number != number ||
			 entry->site != site ||
			 strcmp(entry->record.site, name) != 0))
		entry = entry->by_number;
	return entry;
}

/* The lowest number from there on that none has. */
static unsigned first_free(const char *name, uint64_t site, unsigned from)
{
	struct low *low = low_of(site);
	unsigned number = from;
	bool from_low;

	if (low->site != site)
		*low = (struct low){ .site = site };
	from_low = from <= low->number;
	if (from_low)
		number = low->number;
	while (is_taken(name, site, number))
		number++;
	if (from_low)
		low->number = number;
	return number;
}

static void link_entry(struct rli_px_entry *entry)
{
	struct rli_px_entry **chain = address_chain(entry->record.object);

	entry->by_address = *chain;
	*chain = entry;
	if (!entry->record.site[0])
		return;
	chain = number_chain(entry->site, entry->record.number);
	entry->by_number = *chain;
	*chain = entry;
}

static void unlink_entry(struct rli_px_entry *entry)
{
	struct rli_px_entry **place = address_chain(entry->record.object);
	struct low *low = low_of(entry->site);

	while (*place != entry)
		place = &(*place)->by_address;
	*place = entry->by_address;
	if (!entry->record.site[0])
		return;
	place = number_chain(entry->site, entry->record.number);
	while (*place != entry)
		place = &(*place)->by_number;
	*place = entry->by_number;
	if (low->site == entry->site && low->number > entry->record.number)
		low->number = entry->record.number;
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
	from = first_free(site, hash_of(site), from);
	leave(&cancel);
	return from;
}

bool rli_px_table_put(struct rli_px_entry *entry,
		      struct rli_px_entry **replaced)
{
	const struct rli_px_record *record = &entry->record;
	struct rli_cancel cancel;
	bool put;

	entry->site = hash_of(record->site);
	enter(&cancel);
	*replaced = take_out(record->object);
	put = !record->site[0] ||
	      !is_taken(record->site, entry->site, record->number);
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
