#include "redis/link.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/direct.h"

static int connect_to(int fd, const struct sockaddr *addr, socklen_t len)
{
	if (rli_connect(fd, addr, len) == 0)
		return 0;
	/* EINTR: it goes on without us, just as EINPROGRESS. A unix socket
	 * whose backlog is full says EAGAIN and has not begun. */
	if (errno == EINTR)
		return EINPROGRESS;
	return errno == EAGAIN ? ECONNREFUSED : errno;
}

static int keep_or_close(int err, int *fd)
{
	if (err && err != EINPROGRESS) {
		close(*fd);
		*fd = -1;
	}
	return err;
}

static int open_socket(int family, int *fd)
{
	*fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return *fd < 0 ? errno : 0;
}

static int connect_unix(const struct rli_url *url, int *fd)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	size_t len = strlen(url->path);
	int err;

	*fd = -1;
	if (len >= sizeof(addr.sun_path))
		return ENAMETOOLONG;
	memcpy(addr.sun_path, url->path, len + 1);
	err = open_socket(AF_UNIX, fd);
	if (err)
		return err;
	err = connect_to(*fd, (const struct sockaddr *)&addr, sizeof(addr));
	return keep_or_close(err, fd);
}

int rli_link_connect(const struct rli_url *url, const struct addrinfo *addr,
		     int *fd)
{
	int one = 1, err;

	if (!addr)
		return connect_unix(url, fd);
	err = open_socket(addr->ai_family, fd);
	if (err)
		return err;
	setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (url->keepalive)
		setsockopt(*fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	return keep_or_close(connect_to(*fd, addr->ai_addr, addr->ai_addrlen),
			     fd);
}

/* Where nobody listens, on a port that the system may give to a client, TCP can
 * connect a socket to itself; and then no server could have that port. */
static bool is_ourselves(int fd)
{
	struct sockaddr_storage ours, theirs;
	socklen_t our_len = sizeof(ours), their_len = sizeof(theirs);

	memset(&ours, 0, sizeof(ours));
	memset(&theirs, 0, sizeof(theirs));
	return !getsockname(fd, (struct sockaddr *)&ours, &our_len) &&
	       !getpeername(fd, (struct sockaddr *)&theirs, &their_len) &&
	       ours.ss_family != AF_UNIX && our_len == their_len &&
	       !memcmp(&ours, &theirs, our_len);
}

int rli_link_connected(int fd)
{
	int err = 0;
	socklen_t len = sizeof(err);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len))
		return errno;
	return !err && is_ourselves(fd) ? ECONNREFUSED : err;
}

ssize_t rli_link_send(int fd, const char *buf, size_t len)
{
	ssize_t n;

	do
		n = rli_send(fd, buf, len, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return n;
	return errno == EWOULDBLOCK ? -EAGAIN : -errno;
}

ssize_t rli_link_receive(int fd, char *buf, size_t len)
{
	ssize_t n;

	do
		n = rli_recv(fd, buf, len, 0);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return n;
	return errno == EWOULDBLOCK ? -EAGAIN : -errno;
}

bool rli_link_quiet(int fd)
{
	char c;

	return rli_recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
	       (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
}
