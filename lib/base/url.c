/*
 * Reads a URL from left to right: scheme, user and password, host and port or
 * path, db, options. Everything that is wrong is told by wrong(), with a
 * constant text and an offset: so no message can hold a part of a password.
 */
#include "base/url.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/text.h"
#include "base/url_options.h"

#define HOST_MAX 253

static const struct {
	const char *name;
	int scheme;		/* -1: known, not yet supported */
} schemes[] = {
	{ "redis://", RLI_REDIS }, { "rediss://", RLI_REDISS },
	{ "unix://", RLI_UNIX }, { "sentinel://", -1 },
	{ "cluster://", -1 }, { "local://", -1 }, { "open://", -1 },
};

int rli_url_wrong(const struct rli_cursor *c, const char *at,
		  const char *cause)
{
	return rli_fail(EINVAL, "server URL, offset %zu: %s%s",
			(size_t)(at - c->start), cause,
			c->stray_at ? " (a '/', '?' or '@' in a user or "
			"password is written %2F, %3F or %40)" : "");
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that %XX at p stands for; 0 if it is none that is allowed. */
static int escaped_byte(const char *p, const char *end)
{
	int high = end - p > 2 ? hex_digit(p[1]) : -1;
	int low = high < 0 ? -1 : hex_digit(p[2]);

	return low < 0 ? 0 : high * 16 + low;
}

int rli_url_decode(const struct rli_cursor *c, const char *from,
		   const char *end, char **out)
{
	char *text = rli_malloc((size_t)(end - from) + 1), *to = text;
	int byte;

	if (!text)
		return rli_fail_nomem();
	for (const char *p = from; p < end; p++) {
		byte = *p == '%' ? escaped_byte(p, end) : *p;
		if (!byte) {
			*to = '\0';
			rli_free_secret(text);
			return rli_url_wrong(c, p, "'%' must be followed by "
					     "two hexadecimal digits, not 00");
		}
		p += *p == '%' ? 2 : 0;
		*to++ = (char)byte;
	}
	*to = '\0';
	*out = text;
	return 0;
}

static int check_bytes(const struct rli_cursor *c)
{
	if (c->end - c->start > RLI_URL_MAX)
		return rli_url_wrong(c, c->start + RLI_URL_MAX,
				     "longer than 4096 bytes");
	for (const char *p = c->start; p < c->end; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return rli_url_wrong(c, p, "spaces and control "
					     "characters must be written as "
					     "%XX");
	return 0;
}

static int parse_scheme(struct rli_cursor *c, struct rli_url *url)
{
	size_t left = (size_t)(c->end - c->p);

	for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++) {
		size_t len = strlen(schemes[i].name);

		if (left < len || strncasecmp(c->p, schemes[i].name, len))
			continue;
		if (schemes[i].scheme < 0)
			return rli_fail(ENOTSUP, "server URL: %s is not "
					"supported yet", schemes[i].name);
		url->scheme = (enum rli_scheme)schemes[i].scheme;
		c->p += len;
		return 0;
	}
	return rli_url_wrong(c, c->p, "redis://, rediss:// or unix:// is "
			     "expected");
}

/* [user][:password@], up to the last '@' before the path or the options. */
static int parse_user(struct rli_cursor *c, const char *end,
		      struct rli_url *url)
{
	const char *at = memrchr(c->p, '@', (size_t)(end - c->p));
	const char *colon;
	int err = 0;

	c->stray_at = !at && memchr(end, '@', (size_t)(c->end - end));
	if (!at)
		return 0;
	colon = memchr(c->p, ':', (size_t)(at - c->p));
	if (colon)
		err = rli_url_decode(c, colon + 1, at, &url->password);
	if (!err && c->p < (colon ? colon : at))
		err = rli_url_decode(c, c->p, colon ? colon : at, &url->user);
	c->p = at + 1;
	return err;
}

static bool is_host_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

/* Writes the one spelling of an address; false if text is none. */
static bool spell_ipv6(char *text, char *buf, size_t size)
{
	char *zone = strchr(text, '%');
	struct in6_addr addr;

	if (zone)
		*zone++ = '\0';
	for (const char *p = zone; p && *p; p++)
		if (!is_host_char(*p))
			return false;
	if ((zone && !*zone) || inet_pton(AF_INET6, text, &addr) != 1)
		return false;
	inet_ntop(AF_INET6, &addr, buf, INET6_ADDRSTRLEN);
	return !zone || !rli_format(buf + strlen(buf), size - strlen(buf),
				    "%%%s", zone);
}

/* An address with, perhaps, a zone: "fe80::1%25eth0". */
static int parse_ipv6(const struct rli_cursor *c, const char *from,
		      const char *end, struct rli_url *url)
{
	char spelled[HOST_MAX + 1];
	char *text;
	int err = rli_url_decode(c, from, end, &text);

	if (err)
		return err;
	if (!spell_ipv6(text, spelled, sizeof(spelled)))
		err = rli_url_wrong(c, from, "an IPv6 address is expected in "
				    "[]");
	else if (!(url->host = rli_strdup(spelled)))
		err = rli_fail_nomem();
	rli_free(text);
	return err;
}

static int parse_name(const struct rli_cursor *c, const char *from,
		      const char *end, struct rli_url *url)
{
	if (from == end)
		url->host = rli_strdup("127.0.0.1");
	else
		url->host = rli_strndup(from, (size_t)(end - from));
	if (!url->host)
		return rli_fail_nomem();
	if (end - from > HOST_MAX)
		return rli_url_wrong(c, from, "host name longer than 253 "
				     "bytes");
	for (const char *p = from; p < end; p++)
		if (!is_host_char(*p))
			return rli_url_wrong(c, p, "not allowed in a host "
					     "name");
	for (char *p = url->host; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p |= 0x20;
	return 0;
}

static int parse_port(const struct rli_cursor *c, const char *from,
		      const char *end, struct rli_url *url)
{
	int64_t port = 6379;

	if (from == end)
		return 0;
	if (*from != ':')
		return rli_url_wrong(c, from, "':' and a port are expected");
	from++;
	if (rli_parse_number(from, (size_t)(end - from), 1, 65535, &port))
		return rli_url_wrong(c, from, "a port from 1 to 65535 is "
				     "expected");
	url->port = (int)port;
	return 0;
}

/* [host][:port] */
static int parse_host(struct rli_cursor *c, const char *end,
		      struct rli_url *url)
{
	const char *from = c->p, *stop;
	int err;

	c->p = end;
	if (from < end && *from == '[') {
		stop = memchr(from, ']', (size_t)(end - from));
		if (!stop)
			return rli_url_wrong(c, from, "'[' without ']'");
		err = parse_ipv6(c, from + 1, stop, url);
		return err ? err : parse_port(c, stop + 1, end, url);
	}
	stop = memchr(from, ':', (size_t)(end - from));
	if (!stop)
		stop = end;
	err = parse_name(c, from, stop, url);
	return err ? err : parse_port(c, stop, end, url);
}

/* [/[db]], up to the options */
static int parse_db(struct rli_cursor *c, const char *end,
		    struct rli_url *url)
{
	const char *from = c->p + 1;
	int64_t db;

	if (end - c->p > 1) {
		if (rli_parse_number(from, (size_t)(end - from), 0, INT_MAX,
				     &db))
			return rli_url_wrong(c, from, "the number of a "
					     "database is expected");
		url->db = (int)db;
	}
	c->p = end;
	return 0;
}

static int parse_path(struct rli_cursor *c, const char *end,
		      struct rli_url *url)
{
	const size_t longest =
		sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;
	const char *from = c->p;
	int err;

	if (end - from < 2 || *from != '/')
		return rli_url_wrong(c, from, "the absolute path of a socket "
				     "is expected");
	err = rli_url_decode(c, from, end, &url->path);
	if (err)
		return err;
	for (const char *p = url->path; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return rli_url_wrong(c, from, "control character in "
					     "the path");
	if (strlen(url->path) > longest)
		return rli_url_wrong(c, from, "path too long for a socket");
	c->p = end;
	return 0;
}

static const char *find_any(const char *p, const char *end, const char *set)
{
	while (p < end && !strchr(set, *p))
		p++;
	return p;
}

static int parse_place(struct rli_cursor *c, struct rli_url *url)
{
	const char *slash = find_any(c->p, c->end, "/?");
	const char *query = find_any(slash, c->end, "?");
	int err = parse_user(c, slash, url);

	if (err)
		return err;
	if (url->scheme == RLI_UNIX)
		return parse_path(c, query, url);
	err = parse_host(c, slash, url);
	return err ? err : parse_db(c, query, url);
}

/* Not made on the stack, of which a thread may have 16 KB in all. */
static int make_label(struct rli_url *url)
{
	bool is_unix = url->scheme == RLI_UNIX;
	bool v6 = url->host && strchr(url->host, ':');
	size_t size = strlen(is_unix ? url->path : url->host) + 64;

	url->label = rli_malloc(size);
	if (!url->label)
		return rli_fail_nomem();
	if (is_unix)
		rli_format(url->label, size, "unix://%s?db=%d", url->path,
			   url->db);
	else
		rli_format(url->label, size, "%s://%s%s%s:%d/%d",
			   url->scheme == RLI_REDIS ? "redis" : "rediss",
			   v6 ? "[" : "", url->host, v6 ? "]" : "", url->port,
			   url->db);
	return 0;
}

static void set_defaults(struct rli_url *url)
{
	*url = (struct rli_url){
		.port = 6379,
		.connect_timeout_ms = 1000,
		.command_timeout_ms = 1000,
		.outage_timeout_ms = 5000,
	};
}

int rli_url_parse(const char *text, size_t len, struct rli_url *url)
{
	struct rli_cursor c = { text, text, text + len, false };
	int err;

	set_defaults(url);
	err = check_bytes(&c);
	if (!err)
		err = parse_scheme(&c, url);
	if (!err)
		err = parse_place(&c, url);
	if (!err)
		err = rli_url_parse_options(&c, url);
	if (!err)
		err = make_label(url);
	if (err)
		rli_url_free(url);
	return err;
}

void rli_url_free(struct rli_url *url)
{
	rli_free(url->host);
	rli_free(url->path);
	rli_free_secret(url->user);
	rli_free_secret(url->password);
	rli_free(url->cacert);
	rli_free(url->cert);
	rli_free(url->key);
	rli_free(url->sni);
	rli_free(url->passfile);
	rli_free(url->label);
	memset(url, 0, sizeof(*url));
}
