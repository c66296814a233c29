/*
 * In the place of tls.c in a library that was built without TLS. Only begin
 * can be called: without it there is no session to do anything with.
 */
#include <errno.h>

#include "base/error.h"
#include "redis/tls.h"

bool rli_tls_supported(void)
{
	return false;
}

int rli_tls_begin(const struct rli_node *node, int fd, struct rli_tls **tls)
{
	(void)fd;
	*tls = NULL;
	return rli_fail(ENOTSUP, "%s: this rl was built without TLS",
			node->url.label);
}

int rli_tls_handshake(struct rli_tls *tls)
{
	(void)tls;
	return ENOTSUP;
}

ssize_t rli_tls_send(struct rli_tls *tls, const char *buf, size_t len)
{
	(void)tls;
	(void)buf;
	(void)len;
	return -ENOTSUP;
}

ssize_t rli_tls_receive(struct rli_tls *tls, char *buf, size_t len)
{
	(void)tls;
	(void)buf;
	(void)len;
	return -ENOTSUP;
}

bool rli_tls_pending(const struct rli_tls *tls)
{
	(void)tls;
	return false;
}

bool rli_tls_quiet(struct rli_tls *tls)
{
	(void)tls;
	return false;
}

short rli_tls_wants(const struct rli_tls *tls)
{
	(void)tls;
	return 0;
}

void rli_tls_end(struct rli_tls *tls)
{
	(void)tls;
}

void rli_tls_thread_ends(void)
{
}

void rli_tls_at_exit(void (*ends)(void))
{
	(void)ends;
}

void rli_tls_before_fork(void)
{
}

void rli_tls_after_fork_parent(void)
{
}

void rli_tls_after_fork_child(void)
{
}
