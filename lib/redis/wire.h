/*
 * redis/wire.h - the bytes of a session: plain over its socket (redis/link.h),
 * or through TLS (redis/tls.h).
 *
 * Where a function here fails, the thread's message says why and which server.
 */
#ifndef RLI_REDIS_WIRE_H
#define RLI_REDIS_WIRE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/servers.h"
#include "redis/tls.h"

struct rli_wire {
	int fd;			/* -1: none */
	struct rli_tls *tls;	/* NULL: plain */
};

/* TLS from here on, over a connected fd; then the handshake, until it does not
 * say EAGAIN. Errors as in redis/tls.h. */
int rli_wire_secure(struct rli_wire *wire, const struct rli_node *node);
int rli_wire_handshake(struct rli_wire *wire);

/*
 * Bytes sent or received, or minus an error number: -EAGAIN: not now; -ENOLCK:
 * the connection ended; with TLS also -EACCES and -EPROTO.
 */
ssize_t rli_wire_send(struct rli_wire *wire, const struct rli_node *node,
		      const char *buf, size_t len);
ssize_t rli_wire_receive(struct rli_wire *wire, const struct rli_node *node,
			 char *buf, size_t len);

/* More has come, and poll(2) does not know: receive again. */
bool rli_wire_pending(const struct rli_wire *wire);

/* Whether there is nothing to receive, neither a byte nor the end. */
bool rli_wire_quiet(struct rli_wire *wire);

/* What to poll for besides what is to be sent and received: 0, POLLIN or
 * POLLOUT. In the handshake, this alone. */
short rli_wire_wants(const struct rli_wire *wire);

/* Closes it, without a parting byte. */
void rli_wire_close(struct rli_wire *wire);

/* In a forked child: closes the socket and leaves the memory as it is. */
void rli_wire_forget(const struct rli_wire *wire);

#endif /* RLI_REDIS_WIRE_H */
