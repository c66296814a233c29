/*
 * posix/table.h - the records of a process, by the address of their object
 * and by place and number.
 *
 * One guard protects the table, a leaf in the lock order, held for a few
 * steps along a chain.
 */
#ifndef RLI_POSIX_TABLE_H
#define RLI_POSIX_TABLE_H

#include "posix/record.h"

/* A record in its two chains, which are the table's. */
struct rli_px_entry {
	struct rli_px_entry *by_address; /* the next; under the guard */
	struct rli_px_entry *by_number;	 /* likewise, of a place */
	uint64_t site;			 /* the hash of its place */
	struct rli_px_record record;
};

/* The entry for this address, of whatever life of an object; NULL: none. */
struct rli_px_entry *rli_px_table_find(const struct rli_px_object *object);

/* The same, and takes it out: it is the caller's then. */
struct rli_px_entry *rli_px_table_remove(const struct rli_px_object *object);

/* The lowest number, from `from` on, that no record of this place has. */
unsigned rli_px_table_number(const char *site, unsigned from);

/*
 * Puts an entry in; *replaced is the caller's then, the one that had the
 * address, or NULL. False: the number of its place has been taken meanwhile,
 * and the entry was not put in.
 */
bool rli_px_table_put(struct rli_px_entry *entry,
		      struct rli_px_entry **replaced);

/* Around fork: hold the guard, release it, make it anew. */
void rli_px_table_before_fork(void);
void rli_px_table_after_fork_parent(void);
void rli_px_table_after_fork_child(void);

#endif /* RLI_POSIX_TABLE_H */
