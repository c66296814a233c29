#include "posix/memory.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/cancel.h"

/* "55d0c000-55d0d000 rw-s 00000000 …": the s is for shared. */
static bool holds(const char *line, uintptr_t address, bool *shared)
{
	unsigned long start, end;
	char rights[5];

	if (sscanf(line, "%lx-%lx %4s", &start, &end, rights) != 3 ||
	    address < start || address >= end)
		return false;
	*shared = rights[3] == 's';
	return true;
}

static bool look(const void *address)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];
	bool whole = true;	/* the last line was not cut by the buffer */
	bool shared = true;

	if (!maps)
		return true;
	while (fgets(line, sizeof(line), maps)) {
		if (whole && holds(line, (uintptr_t)address, &shared))
			break;
		whole = strchr(line, '\n') != NULL;
	}
	fclose(maps);
	return shared;
}

bool rli_px_is_shared_memory(const void *address)
{
	struct rli_cancel cancel;
	int saved = errno;
	bool shared;

	/* To open and read a file are cancellation points. */
	rli_cancel_off(&cancel);
	shared = look(address);
	rli_cancel_as_before(&cancel);
	errno = saved;
	return shared;
}
