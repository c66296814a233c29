/*
 * redis/secret.h - the password of a server.
 */
#ifndef RLI_REDIS_SECRET_H
#define RLI_REDIS_SECRET_H

#include "base/url.h"

#define RLI_SECRET_MAX 1024

/*
 * The password to greet with, NULL if there is none: from the URL, or from its
 * passfile, read into buf (RLI_SECRET_MAX bytes; the caller overwrites it).
 * EACCES if the file cannot be read, is not the caller's own, or is open to
 * others.
 */
int rli_secret(const struct rli_url *url, char *buf, const char **password);

#endif /* RLI_REDIS_SECRET_H */
