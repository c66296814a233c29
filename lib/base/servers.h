/*
 * base/servers.h - the servers of a lock: one, or a quorum.
 *
 * Lists and their nodes are interned and counted: the same text gives the same
 * record for as long as somebody holds it. One guard, a leaf in the lock
 * order, protects the registry.
 */
#ifndef RLI_BASE_SERVERS_H
#define RLI_BASE_SERVERS_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/url.h"

#define RLI_NODES_MAX 15

/* One per distinct URL text in the process. */
struct rli_node {
	struct rli_url url;	/* read-only */
	char *text;		/* read-only; the URL, with its password */
	char *identity;		/* read-only; "host:port/db", "unix:path/db" */
	unsigned long serial;	/* read-only; no later node ever has it */
	uint32_t hash;		/* read-only; of the identity */
	/* How it does as one of a quorum: see redis/spare.h. */
	_Atomic int64_t failed_at, spared_until, no_home_at;
	atomic_uint failures;
	unsigned refs;		/* under the registry's guard */
	struct rli_node *next;	/* under the registry's guard */
};

struct rli_servers {
	atomic_uint refs;	/* reaches 0 only under the registry's guard */
	int n;			/* read-only, from here on down */
	struct rli_node *node[RLI_NODES_MAX];	/* as listed; each held */
	char *identity;		/* of the nodes, sorted, joined by ','. Lists
				   with the same one are the same servers */
	char list[24];		/* their number, and a fingerprint of that */
	int64_t outage_timeout;	/* ns, the largest of the nodes' */
	char *text;		/* the list as given, with its passwords */
	struct rli_servers *next;	/* under the registry's guard */
};

/*
 * The servers of a list of URLs separated by spaces or commas, held for the
 * caller. EINVAL, with a message, if the list is empty, names a node twice or
 * more than RLI_NODES_MAX, or for a bad URL; ENOTSUP and ENOMEM as
 * rli_url_parse().
 */
int rli_servers_get(const char *text, struct rli_servers **out);

/* One more reference, for somebody who has one. */
void rli_servers_hold(struct rli_servers *servers);

/* Gives a reference back; accepts NULL. */
void rli_servers_put(struct rli_servers *servers);

/* The same for a single node: a session may outlive the lists it serves. */
void rli_node_hold(struct rli_node *node);
void rli_node_put(struct rli_node *node);

/* Around fork: hold the registry's guard, release it, make it anew. */
void rli_servers_before_fork(void);
void rli_servers_after_fork_parent(void);
void rli_servers_after_fork_child(void);

#endif /* RLI_BASE_SERVERS_H */
