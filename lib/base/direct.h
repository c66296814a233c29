/*
 * The system calls of an exchange, past the C library: its own are cancellation
 * points, and while one of them runs glibc takes a thread for one that can be
 * cancelled at any instruction, whatever cancel.h has put off.
 */
#ifndef RLI_BASE_DIRECT_H
#define RLI_BASE_DIRECT_H

#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static inline int rli_poll(struct pollfd *fds, size_t n, int timeout_ms)
{
#ifdef SYS_poll
	return (int)syscall(SYS_poll, fds, n, timeout_ms);
#else
	/* Of the kernel, whose fields are long where there is no SYS_poll. */
	struct {
		long s, ns;
	} limit = { timeout_ms / 1000, timeout_ms % 1000 * 1000000L };

	return (int)syscall(SYS_ppoll, fds, n, timeout_ms < 0 ? NULL : &limit,
			    NULL, 0);
#endif
}

static inline int rli_connect(int fd, const struct sockaddr *addr,
			      socklen_t len)
{
	return (int)syscall(SYS_connect, fd, addr, len);
}

static inline ssize_t rli_getrandom(void *buf, size_t len, unsigned flags)
{
	return syscall(SYS_getrandom, buf, len, flags);
}

static inline ssize_t rli_send(int fd, const void *buf, size_t len, int flags)
{
	return syscall(SYS_sendto, fd, buf, len, flags, NULL, 0);
}

static inline ssize_t rli_recv(int fd, void *buf, size_t len, int flags)
{
	return syscall(SYS_recvfrom, fd, buf, len, flags, NULL, NULL);
}

static inline ssize_t rli_write(int fd, const void *buf, size_t len)
{
	return syscall(SYS_write, fd, buf, len);
}

#endif /* RLI_BASE_DIRECT_H */
