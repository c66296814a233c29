#include "interpose/name.h"

#include <inttypes.h>
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

/* The name given, its '*' being what stands for the symbol. */
static void given_name(const struct rli_object *o, char *text, size_t size)
{
	const char *name = o->pattern->name, *star = strchr(name, '*');

	if (!star || !o->pattern->glob)
		snprintf(text, size, "%s", name);
	else
		snprintf(text, size, "%.*s%s%s", (int)(star - name), name,
			 o->label, star + 1);
}

static void symbol_name(const struct rli_object *o, char *text, size_t size)
{
	if (o->pattern->name)
		given_name(o, text, size);
	else
		snprintf(text, size, "%s", o->label);
}

static void pool_name(const struct rli_object *o, const struct rli_mapping *m,
		      char *text, size_t size)
{
	const char *kind = o->pattern->name ? o->pattern->name
					    : o->pattern->text;
	size_t len;

	/* The same lock, whether @pshared or @all binds it. */
	snprintf(text, size, "%.200s:", m->shared && !o->pattern->name ?
		 "@pshared" : kind);
	len = strlen(text);
	if (m->shared)
		place_name(m, text + len, size - len);
	else
		number_name(o, text + len, size - len);
}

void rli_name(const struct rli_object *o, const struct rli_mapping *mapping,
	      char name[RLI_NAME_ROOM])
{
	size_t len = 0;

	name[0] = '\0';
	if (*rli_namespace)
		snprintf(name, RLI_NAME_ROOM, "%.100s:", rli_namespace);
	len = strlen(name);
	if (o->by_symbol)
		symbol_name(o, name + len, RLI_NAME_ROOM - len);
	else
		pool_name(o, mapping, name + len, RLI_NAME_ROOM - len);
}
