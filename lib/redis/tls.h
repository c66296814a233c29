/*
 * redis/tls.h - bytes to and from a server through TLS.
 *
 * The same rules as redis/link.h: nothing blocks, nothing raises SIGPIPE,
 * nothing is a cancellation point. A session ends without close_notify, with
 * or without an answer outstanding: the commands of Redis end by themselves,
 * so neither side needs it to tell a whole answer from a cut one.
 *
 * Memory: a record of our own per connection, and what OpenSSL takes, by its
 * own allocator. On a connection that stands rl itself allocates nothing, while
 * OpenSSL (3.0) takes and gives back a few pieces of 40 bytes for each record.
 *
 * Without OpenSSL (RL_TLS=OFF) tls_none.c stands in for tls.c.
 */
#ifndef RLI_REDIS_TLS_H
#define RLI_REDIS_TLS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/servers.h"

struct rli_tls;

bool rli_tls_supported(void);

/*
 * TLS over a connected socket, which stays the caller's. EACCES: a file of the
 * URL cannot be used; ENOMEM; ENOTSUP. *tls is NULL on failure.
 */
int rli_tls_begin(const struct rli_node *node, int fd, struct rli_tls **tls);

/*
 * Goes on with the handshake. 0: done; EAGAIN: not yet; else with a message:
 * EACCES: the server refuses our certificate, or misses it; ENOLCK: its own is
 * not accepted, or the connection ended; EPROTO: it does not speak our TLS.
 */
int rli_tls_handshake(struct rli_tls *tls);

/* Bytes sent or received, or minus an error number: -EAGAIN: not now; others
 * as for the handshake, with their message. Receiving never gives 0. */
ssize_t rli_tls_send(struct rli_tls *tls, const char *buf, size_t len);
ssize_t rli_tls_receive(struct rli_tls *tls, char *buf, size_t len);

/* What came and was not received yet, which poll(2) does not know of. */
bool rli_tls_pending(const struct rli_tls *tls);

/* Whether there is nothing to receive, neither a byte nor the end. */
bool rli_tls_quiet(struct rli_tls *tls);

/* What the last call that answered EAGAIN waits for: POLLIN or POLLOUT. */
short rli_tls_wants(const struct rli_tls *tls);

/* Frees it; not a byte is sent. */
void rli_tls_end(struct rli_tls *tls);

/* The calling thread has ended its sessions, all that it had: what OpenSSL
 * keeps for it is freed now, and not while the process ends. */
void rli_tls_thread_ends(void);

/* ends is called at exit() before OpenSSL ends, if it has been used. */
void rli_tls_at_exit(void (*ends)(void));

/*
 * Around fork: no thread is inside OpenSSL while the process is copied, on
 * rl's account, so that the child finds its locks free and can begin anew.
 */
void rli_tls_before_fork(void);
void rli_tls_after_fork_parent(void);
void rli_tls_after_fork_child(void);

#endif /* RLI_REDIS_TLS_H */
