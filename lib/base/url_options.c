#include "base/url_options.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/text.h"

#define ON(scheme) (1u << (scheme))
#define ANYWHERE (ON(RLI_REDIS) | ON(RLI_REDISS) | ON(RLI_UNIX))

/* One value as it stands in the URL, decoded. */
struct value {
	const char *at;		/* where, for messages */
	char *text;		/* NULL if there is no '=' */
};

struct option {
	const char *name;
	unsigned schemes;	/* where it may stand: bits of ON() */
	/* Keeps the value in the field; may take its text, leaving NULL. */
	int (*store)(const struct rli_cursor *c, struct value *value,
		     void *field);
	size_t offset;		/* of the field in struct rli_url */
};

static int store_number(const struct rli_cursor *c, struct value *value,
			int64_t min, int *field)
{
	const char *text = value->text ? value->text : "";
	int64_t number;

	if (rli_parse_number(text, strlen(text), min, INT_MAX, &number))
		return rli_url_wrong(c, value->at, min ?
				     "a number from 1 is expected" :
				     "a number from 0 is expected");
	*field = (int)number;
	return 0;
}

static int store_from_0(const struct rli_cursor *c, struct value *value,
			void *field)
{
	return store_number(c, value, 0, field);
}

static int store_from_1(const struct rli_cursor *c, struct value *value,
			void *field)
{
	return store_number(c, value, 1, field);
}

static int store_text(const struct rli_cursor *c, struct value *value,
		      void *field)
{
	char **text = field;

	if (!value->text || !*value->text)
		return rli_url_wrong(c, value->at, "a value is expected");
	*text = value->text;
	value->text = NULL;
	return 0;
}

/* Which of n names the value is, or -1. */
static int which(const struct value *value, const char *const *names, int n)
{
	for (int i = 0; value->text && i < n; i++)
		if (!strcmp(value->text, names[i]))
			return i;
	return -1;
}

static int store_switch(const struct rli_cursor *c, struct value *value,
			void *field)
{
	static const char *const names[] = { "off", "on", "0", "1" };
	int i = value->text ? which(value, names, 4) : 1;
	bool *on = field;

	if (i < 0)
		return rli_url_wrong(c, value->at,
				     "on, off, 1 or 0 is expected");
	*on = i % 2;
	return 0;
}

static int store_verify(const struct rli_cursor *c, struct value *value,
			void *field)
{
	static const char *const names[] = { "full", "ca", "none" };
	int i = which(value, names, 3);
	enum rli_verify *verify = field;

	if (i < 0)
		return rli_url_wrong(c, value->at,
				     "full, ca or none is expected");
	*verify = (enum rli_verify)i;
	return 0;
}

#define FIELD(name) offsetof(struct rli_url, name)

static const struct option options[] = {
	{ "connect_timeout", ANYWHERE, store_from_1,
	  FIELD(connect_timeout_ms) },
	{ "command_timeout", ANYWHERE, store_from_1,
	  FIELD(command_timeout_ms) },
	{ "outage_timeout", ANYWHERE, store_from_0,
	  FIELD(outage_timeout_ms) },
	{ "keepalive", ANYWHERE, store_switch, FIELD(keepalive) },
	{ "passfile", ANYWHERE, store_text, FIELD(passfile) },
	{ "db", ON(RLI_UNIX), store_from_0, FIELD(db) },
	{ "cacert", ON(RLI_REDISS), store_text, FIELD(cacert) },
	{ "cert", ON(RLI_REDISS), store_text, FIELD(cert) },
	{ "key", ON(RLI_REDISS), store_text, FIELD(key) },
	{ "sni", ON(RLI_REDISS), store_text, FIELD(sni) },
	{ "verify", ON(RLI_REDISS), store_verify, FIELD(verify) },
};

#define OPTIONS (sizeof(options) / sizeof(*options))

static size_t find_option(const char *name, size_t len)
{
	size_t i = 0;

	while (i < OPTIONS && (strlen(options[i].name) != len ||
			       memcmp(options[i].name, name, len) != 0))
		i++;
	return i;
}

static int store(const struct rli_cursor *c, const struct option *option,
		 struct value *value, struct rli_url *url)
{
	int err = option->store(c, value, (char *)url + option->offset);

	rli_free_secret(value->text);
	return err;
}

/* One name[=value] from c->p to end. */
static int parse_option(struct rli_cursor *c, const char *end, unsigned *seen,
			struct rli_url *url)
{
	const char *name = c->p;
	const char *equals = memchr(name, '=', (size_t)(end - name));
	size_t i = find_option(name, (size_t)((equals ? equals : end) - name));
	struct value value = { equals ? equals + 1 : end, NULL };
	int err = 0;

	if (i == OPTIONS)
		return rli_url_wrong(c, name, "no such option");
	if (!(options[i].schemes & ON(url->scheme)))
		return rli_url_wrong(c, name, "this option does not go with "
				     "this scheme");
	if (*seen & 1u << i)
		return rli_url_wrong(c, name, "this option is given twice");
	*seen |= 1u << i;
	if (equals)
		err = rli_url_decode(c, value.at, end, &value.text);
	return err ? err : store(c, &options[i], &value, url);
}

int rli_url_parse_options(struct rli_cursor *c, struct rli_url *url)
{
	unsigned seen = 0;
	int err = 0;

	while (!err && c->p < c->end) {
		const char *end;

		/* On the '?' of the first one, or the '&' of the next. */
		c->p++;
		end = memchr(c->p, '&', (size_t)(c->end - c->p));
		if (!end)
			end = c->end;
		err = parse_option(c, end, &seen, url);
		c->p = end;
	}
	if (!err && url->password && url->passfile)
		err = rli_url_wrong(c, c->start, "a password and a passfile "
				    "do not go together");
	if (!err && url->key && !url->cert)
		err = rli_url_wrong(c, c->start, "a key goes with a cert only");
	return err;
}
