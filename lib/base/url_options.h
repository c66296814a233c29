/*
 * base/url_options.h - between url.c, which reads what is left of the '?', and
 * url_options.c, which reads what is right of it. For these two only.
 */
#ifndef RLI_BASE_URL_OPTIONS_H
#define RLI_BASE_URL_OPTIONS_H

#include <stdbool.h>

#include "base/url.h"

struct rli_cursor {
	const char *start;	/* of the URL: offsets count from here */
	const char *p;		/* what is to be read next */
	const char *end;
	bool stray_at;		/* no '@' where a password would end, but one
				   later: worth a hint when something fails */
};

/* EINVAL, with the offset of `at`. The cause is a constant text. */
int rli_url_wrong(const struct rli_cursor *c, const char *at,
		  const char *cause);

/* The bytes from here to end, %XX decoded, in memory of its own. */
int rli_url_decode(const struct rli_cursor *c, const char *from,
		   const char *end, char **out);

/* [?option=value&...], up to the end. */
int rli_url_parse_options(struct rli_cursor *c, struct rli_url *url);

#endif /* RLI_BASE_URL_OPTIONS_H */
