/*
 * The linker sends the core's calls of socket, eventfd and close here (--wrap),
 * and no others.
 */
#include "interpose/own_files.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "interpose/real.h"

/* Above what a program opens one after the other, below the usual limit. */
#define MOVED_TO 700

static _Atomic uint64_t own[RLI_FILES_MAX / 64];

__typeof__(socket) __real_socket, __wrap_socket;
__typeof__(eventfd) __real_eventfd, __wrap_eventfd;
__typeof__(close) __wrap_close;

static int keep(int fd)
{
	int moved = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, MOVED_TO);

	if (moved >= 0) {
		rli_real.close(fd);
		fd = moved;
	}
	if (fd >= 0 && fd < RLI_FILES_MAX)
		atomic_fetch_or(&own[fd / 64], UINT64_C(1) << fd % 64);
	return fd;
}

int __wrap_socket(int domain, int type, int protocol)
{
	return keep(__real_socket(domain, type, protocol));
}

int __wrap_eventfd(unsigned value, int flags)
{
	return keep(__real_eventfd(value, flags));
}

int __wrap_close(int fd)
{
	if (fd >= 0 && fd < RLI_FILES_MAX)
		atomic_fetch_and(&own[fd / 64], ~(UINT64_C(1) << fd % 64));
	return rli_real.close(fd);
}

bool rli_is_own_file(int fd)
{
	return fd >= 0 && fd < RLI_FILES_MAX &&
	       atomic_load_explicit(&own[fd / 64], memory_order_relaxed) >>
		       (fd % 64) & 1;
}

int rli_next_own_file(int fd)
{
	while (fd < RLI_FILES_MAX && !rli_is_own_file(fd)) {
		if (fd % 64 == 0 && !atomic_load(&own[fd / 64]))
			fd += 64;
		else
			fd++;
	}
	return fd;
}
