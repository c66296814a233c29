/*
 * base/url.h - the address of one server.
 *
 *	redis://[user][:password@][host][:port][/db][?option=value&...]
 *	rediss://  the same
 *	unix://[user][:password@]/path[?db=n&option=value&...]
 *
 * User, password, path and option values may be percent-encoded, and must be
 * where they contain what the grammar uses. An IPv6 address stands in []. A
 * host left out is 127.0.0.1, a port 6379, a db 0. Options, each at most once:
 *
 *	connect_timeout, command_timeout	ms, at least 1; default 1000
 *	outage_timeout				ms; default 5000
 *	keepalive[=on|off|1|0]			TCP keepalive; default off
 *	passfile=FILE				the password is in this file
 *	db=n					unix:// only
 *	cacert, cert, key, sni, verify=full|ca|none	rediss:// only
 */
#ifndef RLI_BASE_URL_H
#define RLI_BASE_URL_H

#include <stdbool.h>
#include <stddef.h>

#define RLI_URL_MAX 4096	/* bytes of one URL */

enum rli_scheme { RLI_REDIS, RLI_REDISS, RLI_UNIX };

enum rli_verify { RLI_VERIFY_FULL, RLI_VERIFY_CA, RLI_VERIFY_NONE };

/* Read-only after rli_url_parse(). Text that was not given is NULL. */
struct rli_url {
	enum rli_scheme scheme;
	char *host;		/* lower case, IPv6 without []; not for unix */
	char *path;		/* unix only, absolute */
	char *user;
	char *password;		/* may be empty, which is not NULL */
	int port;		/* not for unix */
	int db;
	int connect_timeout_ms;
	int command_timeout_ms;
	int outage_timeout_ms;
	bool keepalive;
	char *cacert;
	char *cert;
	char *key;
	char *sni;
	enum rli_verify verify;
	char *passfile;
	char *label;		/* for messages: no user, no password, no
				   options: "redis://host:port/db" or
				   "unix:///path?db=n" */
};

/*
 * Reads len bytes. EINVAL for what the grammar does not allow, ENOTSUP for
 * sentinel://, cluster://, local:// and open://, ENOMEM. The message tells the
 * offset and the cause; it repeats nothing of the text, since a password may
 * stand anywhere in one that is wrong. After a failure *url is all zero.
 */
int rli_url_parse(const char *text, size_t len, struct rli_url *url);

/* Frees the content, overwriting the password, and zeroes *url. */
void rli_url_free(struct rli_url *url);

#endif /* RLI_BASE_URL_H */
