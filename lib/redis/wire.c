#include "redis/wire.h"

#include <errno.h>
#include <unistd.h>

#include "base/error.h"
#include "redis/link.h"

int rli_wire_secure(struct rli_wire *wire, const struct rli_node *node)
{
	return rli_tls_begin(node, wire->fd, &wire->tls);
}

int rli_wire_handshake(struct rli_wire *wire)
{
	return rli_tls_handshake(wire->tls);
}

static ssize_t failed(const struct rli_node *node, const char *doing, int err)
{
	return -rli_fail(ENOLCK, "%s: %s: %s", node->url.label, doing,
			 rli_system_error(err));
}

ssize_t rli_wire_send(struct rli_wire *wire, const struct rli_node *node,
		      const char *buf, size_t len)
{
	ssize_t n;

	if (wire->tls)
		return rli_tls_send(wire->tls, buf, len);
	n = rli_link_send(wire->fd, buf, len);
	return n >= 0 || n == -EAGAIN ? n : failed(node, "sending", (int)-n);
}

ssize_t rli_wire_receive(struct rli_wire *wire, const struct rli_node *node,
			 char *buf, size_t len)
{
	ssize_t n;

	if (wire->tls)
		return rli_tls_receive(wire->tls, buf, len);
	n = rli_link_receive(wire->fd, buf, len);
	if (n == 0)
		return -rli_fail(ENOLCK, "%s: the server closed the "
				 "connection", node->url.label);
	return n > 0 || n == -EAGAIN ? n : failed(node, "receiving", (int)-n);
}

bool rli_wire_pending(const struct rli_wire *wire)
{
	return wire->tls && rli_tls_pending(wire->tls);
}

bool rli_wire_quiet(struct rli_wire *wire)
{
	return wire->tls ? rli_tls_quiet(wire->tls) : rli_link_quiet(wire->fd);
}

short rli_wire_wants(const struct rli_wire *wire)
{
	return wire->tls ? rli_tls_wants(wire->tls) : 0;
}

void rli_wire_close(struct rli_wire *wire)
{
	rli_tls_end(wire->tls);
	wire->tls = NULL;
	if (wire->fd >= 0)
		close(wire->fd);
	wire->fd = -1;
}

void rli_wire_forget(const struct rli_wire *wire)
{
	if (wire->fd >= 0)
		close(wire->fd);
}
