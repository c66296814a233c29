/*
 * redis/resolve.h - from the name of a host to its addresses.
 *
 * getaddrinfo() blocks for as long as the name servers like, so it runs on a
 * thread of its own, and whoever asks waits for a descriptor to become
 * readable and may stop waiting at any time. An address written in numbers
 * needs no thread.
 */
#ifndef RLI_REDIS_RESOLVE_H
#define RLI_REDIS_RESOLVE_H

#include <netdb.h>
#include <stdbool.h>

struct rli_lookup;

/*
 * Begins to look host:port up. *lookup is NULL afterwards if the answer is
 * there already, in *list; else rli_lookup_fd() becomes readable with it.
 * ENOMEM, or ENOLCK (with a message) if the name cannot be looked up.
 */
int rli_lookup_begin(const char *host, int port, struct rli_lookup **lookup,
		     struct addrinfo **list);

int rli_lookup_fd(const struct rli_lookup *lookup);

/* Takes the answer, once the descriptor is readable, and ends the look-up.
 * 0, or an error of getaddrinfo(); *list is the caller's to free. */
int rli_lookup_take(struct rli_lookup *lookup, struct addrinfo **list);

/* Stops waiting for it. In a forked child: close the descriptor, no more. */
void rli_lookup_abandon(struct rli_lookup *lookup);

#endif /* RLI_REDIS_RESOLVE_H */
