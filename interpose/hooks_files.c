/* What closes descriptors, past those that are rl's: see own_files.h. */
#include <errno.h>
#include <unistd.h>

#include "interpose/inside.h"
#include "interpose/own_files.h"
#include "interpose/real.h"

RLI_HOOK int close(int fd)
{
	if (!rli_is_own_file(fd) || rli_inside)
		return rli_real.close(fd);
	errno = EBADF;
	return -1;
}

RLI_HOOK int close_range(unsigned first, unsigned last, int flags)
{
	int result = 0;

	while (first <= last && result == 0) {
		unsigned own = first < RLI_FILES_MAX ?
			(unsigned)rli_next_own_file((int)first) :
			RLI_FILES_MAX;

		if (own >= RLI_FILES_MAX || own > last)
			return rli_real.close_range(first, last, flags);
		if (own > first)
			result = rli_real.close_range(first, own - 1, flags);
		first = own + 1;
	}
	return result;
}

RLI_HOOK void closefrom(int first)
{
	int own;

	if (first < 0)
		first = 0;
	while ((own = rli_next_own_file(first)) < RLI_FILES_MAX) {
		for (; first < own; first++)
			rli_real.close(first);
		first = own + 1;
	}
	rli_real.closefrom(first);
}
