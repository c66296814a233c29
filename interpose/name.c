#include "interpose/name.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "base/error.h"
#include "base/hostid.h"
#include "interpose/init.h"
#include "interpose/maps.h"
#include "interpose/say.h"

void rli_place(const pthread_mutex_t *mutex, struct rli_mapping *mapping)
{
	int err = rli_maps_find(mutex, mapping);

	if (err)
		rli_abort("a process-shared mutex cannot be named: "
			  "/proc/self/maps: %s", rli_system_error(err));
}

/* Braces mean something in keys. */
static void without_braces(char *text)
{
	for (; *text; text++) {
		if (*text == '{')
			*text = '(';
		if (*text == '}')
			*text = ')';
	}
}

/* The file and the offset; for a file without a name of its own, what this
 * host knows it by. */
static void place_name(const struct rli_mapping *m, char *text, size_t size)
{
	const char *host = "";

	if (m->named && !m->cut) {
		snprintf(text, size, "%s+0x%" PRIx64, m->path, m->offset);
	} else if (m->named) {
		snprintf(text, size, "%016" PRIx64 "%s+0x%" PRIx64, m->hash,
			 m->path, m->offset);
	} else {
		rli_hostid(&host);
		snprintf(text, size, "%s/%s.%" PRIu64 "+0x%" PRIx64, host,
			 m->device, m->inode, m->offset);
	}
	without_braces(text);
}

/* Differs between two programs of one process too (exec). */
static uint64_t image(void)
{
	uint64_t random = 0;
	const void *bytes = (const void *)getauxval(AT_RANDOM);

	if (bytes)
		memcpy(&random, bytes, sizeof(random));
	return random;
}

static void number_name(const struct rli_object *o, char *text, size_t size)
{
	snprintf(text, size, "%d.%016" PRIx64 ".%u/%u", (int)getpid(), image(),
		 rli_generation, o->number);
}

/* Text that grows; len counts what did not fit, too. */
struct line {
	char *text;
	size_t size, len;
};

__attribute__((format(printf, 2, 3)))
static void add(struct line *line, const char *format, ...)
{
	size_t used = line->len < line->size ? line->len : line->size;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line->text + used, line->size - used, format, args);
	va_end(args);
	line->len += n > 0 ? (size_t)n : 0;
}

static void add_namespace(struct line *line)
{
	if (*rli_namespace)
		add(line, "%s:", rli_namespace);
}

/* The name given, its '*' being what stands for the symbol. */
static void add_given(struct line *line, const struct rli_pattern *p,
		      const char *symbol)
{
	const char *star = strchr(p->name, '*');

	if (!star || !p->glob)
		add(line, "%s", p->name);
	else
		add(line, "%.*s%s%s", (int)(star - p->name), p->name, symbol,
		    star + 1);
}

static void add_symbol(struct line *line, const struct rli_pattern *p,
		       const char *symbol)
{
	if (p->name)
		add_given(line, p, symbol);
	else
		add(line, "%s", symbol);
}

static const char *kind(const struct rli_pattern *p)
{
	return p->name ? p->name : p->text;
}

static void add_place(struct line *line, const struct rli_object *o,
		      const struct rli_mapping *m)
{
	char place[RLI_PLACE_ROOM];

	if (m->shared)
		place_name(m, place, sizeof(place));
	else
		number_name(o, place, sizeof(place));
	/* The same lock, whether @pshared or @all binds it. */
	add(line, "%s:%s", m->shared && !o->pattern->name ? "@pshared" :
	    kind(o->pattern), place);
}

void rli_name(const struct rli_object *o, const struct rli_mapping *mapping,
	      char name[RLI_NAME_ROOM])
{
	struct line line = { name, RLI_NAME_ROOM, 0 };

	add_namespace(&line);
	if (o->by_symbol)
		add_symbol(&line, o->pattern, o->symbol);
	else
		add_place(&line, o, mapping);
	if (line.len >= RLI_NAME_ROOM)
		rli_abort("%.100s: the name of its lock has %zu bytes; %d are "
			  "possible", o->label, line.len, RLI_NAME_ROOM - 1);
}

void rli_name_trial(const struct rli_pattern *p, char name[RLI_TRIAL_ROOM])
{
	struct line line = { name, RLI_TRIAL_ROOM, 0 };

	add_namespace(&line);
	if (p->kind == RLI_PATTERN_SYMBOL)
		add_symbol(&line, p, p->text);
	else
		add(&line, "%s:%0*d", kind(p), RLI_PLACE_ROOM - 1, 0);
}
