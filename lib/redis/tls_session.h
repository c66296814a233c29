/*
 * redis/tls_session.h - what tls.c, tls_context.c and tls_why.c share.
 */
#ifndef RLI_REDIS_TLS_SESSION_H
#define RLI_REDIS_TLS_SESSION_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "base/servers.h"

/* The settings of a node, with its certificates: one for all its sessions. */
struct rli_tls_context {
	struct rli_tls_context *next;	/* under the guard of tls_context.c */
	unsigned long serial;		/* of the node; 0: not to be found any
					   more, under the guard */
	unsigned refs;			/* under the guard */
	SSL_CTX *ctx;
};

/* One connection's; its thread's alone. */
struct rli_tls {
	struct rli_tls *next;		/* of those kept at the end */
	const struct rli_node *node;	/* the session's, which holds it */
	struct rli_tls_context *context;	/* held */
	SSL *ssl;
	int fd;				/* the session's */
	int io;				/* how input or output ended: 0: the
					   end, else an error number */
	short wants;			/* POLLIN, POLLOUT, 0 */
	bool asked;			/* the server wanted a certificate of
					   us, and we have none */
	char why[256];			/* what is wrong with the server's
					   certificate */
};

/* The name in the server's certificate, without the zone of an address or the
 * last dot of a name, in buf. True: it is an IP address. */
#define RLI_TLS_NAME_MAX 256
bool rli_tls_name(const struct rli_url *url, char *buf);

/* The node's context, loaded if need be. EACCES, ENOMEM. */
int rli_tls_context_get(const struct rli_node *node,
			struct rli_tls_context **context);
void rli_tls_context_put(struct rli_tls_context *context);

/* Who connects from now on loads it anew: the files may have changed. */
void rli_tls_context_retire(struct rli_tls_context *context);

/* For SSL_CTX_set_verify(): notes in rli_tls.why what is wrong. */
int rli_tls_verify(int ok, X509_STORE_CTX *store);

/* EACCES: a file of the URL cannot be used, for the reason in OpenSSL's queue
 * of errors. */
int rli_tls_bad_file(const struct rli_url *url, const char *option,
		     const char *path);

/* The error number of a call that failed, with its message; EAGAIN. Empties
 * OpenSSL's queue of errors. */
int rli_tls_failed(struct rli_tls *tls, int result, const char *doing);

#endif /* RLI_REDIS_TLS_SESSION_H */
