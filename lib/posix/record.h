/*
 * posix/record.h - what a process keeps for each mutex of <rl/pthread.h>.
 *
 * A record belongs to one life of one object at one address: between its
 * initialisation, or first use in this process, and its destruction, or the
 * initialisation of another object there. So the table does not grow with
 * addresses that are used again.
 *
 * A record that was found may be used as long as the object may be: destroying
 * one that is in use is the program's mistake.
 */
#ifndef RLI_POSIX_RECORD_H
#define RLI_POSIX_RECORD_H

#include <rl/mutex.h>

#include "posix/object.h"
#include "posix/site.h"

struct rli_px_record {
	rl_mutex_t lock;
	const struct rli_px_object *object; /* read-only */
	uint64_t token;			    /* read-only */
	int64_t outage_timeout;		    /* read-only, ns */
	int64_t lease;			    /* read-only, ns */
	char site[RLI_SITE_MAX + 1];	    /* read-only; "": named by hand */
	unsigned number;		    /* among those of its site */
	char *name;			    /* of the lock; read-only */
};

/*
 * The object is made, its gate too, by the caller alone: gives it a name and
 * a record, or makes it plain. ENOMEM; ends the process where the settings
 * are bad.
 */
int rli_px_bind(struct rli_px_object *object, const char *site);

/*
 * The object's record; *record is NULL for a plain or destroyed one, whose gate
 * gives the answers. A static one is made at its first use. EINVAL for what is
 * no mutex, ENOMEM.
 */
int rli_px_find(rl_pthread_mutex_t *mutex, struct rli_px_object **object,
		struct rli_px_record **record);

/* The object's life has ended: no record of it any more in this process. */
void rli_px_forget(const struct rli_px_object *object);

#endif /* RLI_POSIX_RECORD_H */
