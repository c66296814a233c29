/*
 * interpose/maps.h - /proc/self/maps, without stdio and without malloc.
 */
#ifndef RLI_INTERPOSE_MAPS_H
#define RLI_INTERPOSE_MAPS_H

#include <stdbool.h>
#include <stdint.h>

/* More of a path than this is not kept: its end is. */
#define RLI_MAPS_PATH 700

struct rli_mapping {
	bool shared;
	uint64_t offset;	/* of the address, in the file */
	char device[16];
	uint64_t inode;
	bool named;		/* the file has a name that still is its own */
	uint64_t hash;		/* of the whole path */
	bool cut;		/* the path does not begin at its beginning */
	char path[RLI_MAPS_PATH + 1];
};

/* A hash of a text. */
uint64_t rli_text_hash(const char *text);

/* Which mapping the address is in. 0 or an errno number. */
int rli_maps_find(const void *address, struct rli_mapping *mapping);

#endif /* RLI_INTERPOSE_MAPS_H */
