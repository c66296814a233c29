/*
 * posix/site.h - what a mutex is called.
 */
#ifndef RLI_POSIX_SITE_H
#define RLI_POSIX_SITE_H

#include <stdbool.h>
#include <stddef.h>

#include "posix/object.h"

/* Names of places are cut at the front where they are longer. */
#define RLI_SITE_MAX (RLI_PX_NAME_MAX - 12)

/*
 * The place of an object that was initialised statically (or zeroed), and its
 * number among those of the same place, from 0: counted in memory, so that it
 * is the same in every process of the program. False: it has none, being
 * zeroed and not in static storage. site has RLI_SITE_MAX + 1 bytes.
 */
bool rli_site_of_static(const struct rli_px_object *object, char *site,
			unsigned *number);

/* A place as given by the compiler, cut to fit. */
void rli_site_cut(const char *text, char *site);

/*
 * What RL_SITES says of a mutex of this place and number: whether it is to be
 * bound, and to which name (NULL: its own; points into the environment, len
 * bytes). Ends the process if RL_SITES cannot be understood.
 */
bool rli_site_wanted(const char *site, unsigned number, const char **name,
		     size_t *len);

/* "jobs.c:12", "jobs.c:12#2"; size is RLI_PX_NAME_MAX + 1. */
void rli_site_name(const char *site, unsigned number, char *name);

#endif /* RLI_POSIX_SITE_H */
