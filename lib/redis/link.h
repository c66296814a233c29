/*
 * redis/link.h - bytes to and from one server: a socket that never blocks.
 *
 * Nothing here is a cancellation point while the cancel state is off, which
 * every public function sees to; nothing raises SIGPIPE.
 */
#ifndef RLI_REDIS_LINK_H
#define RLI_REDIS_LINK_H

#include <netdb.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/url.h"

/*
 * Begins to connect to one address of a TCP server, or to a unix socket
 * (addr NULL). 0: connected; EINPROGRESS: the socket becomes writable when it
 * is decided; else an error number of connect(2). *fd is -1 on failure.
 */
int rli_link_connect(const struct rli_url *url, const struct addrinfo *addr,
		     int *fd);

/* How a connect that was in progress ended: 0 or its error number. */
int rli_link_connected(int fd);

/* Bytes sent or received, or minus an error number: -EAGAIN: not now;
 * receiving, 0 is the end. */
ssize_t rli_link_send(int fd, const char *buf, size_t len);
ssize_t rli_link_receive(int fd, char *buf, size_t len);

/* Whether there is nothing to receive, neither a byte nor the end. */
bool rli_link_quiet(int fd);

#endif /* RLI_REDIS_LINK_H */
