#include "posix/site.h"

#include <dlfcn.h>
#include <fnmatch.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "posix/trouble.h"

/* ------------------------------------------------------- static mutexes */

/* The initialised data of a module around an address. */
struct data {
	uintptr_t address;
	uintptr_t start;
	uintptr_t end; /* 0: not found */
};

static int find_data(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct data *data = arg;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + segment->p_vaddr;

		if (segment->p_type != PT_LOAD || data->address < start ||
		    data->address - start >= segment->p_filesz)
			continue;
		data->start = start;
		data->end = start + segment->p_filesz;
		return 1;
	}
	return 0;
}

/*
 * Whether the object at p is static and of this place. Memory of others is
 * read here, which they may be writing; of a static mutex, magic and site are
 * never written while it lives.
 */
__attribute__((no_sanitize("address", "thread"))) static bool
same_place(const volatile struct rli_px_object *p, const char *site)
{
	const char *theirs;

	if (p->magic != RL_PTHREAD_STATIC_)
		return false;
	theirs = p->site;
	return theirs == site || strcmp(theirs, site) == 0;
}

static unsigned count_before(const struct rli_px_object *object)
{
	const size_t align = _Alignof(struct rli_px_object);
	struct data data = { .address = (uintptr_t)object };
	unsigned n = 0;

	dl_iterate_phdr(find_data, &data);
	if (!data.end)
		return 0;
	for (uintptr_t p = (data.start + align - 1) / align * align;
	     p < data.address; p += align)
		n += same_place((const void *)p, object->site);
	return n;
}

static bool place_in_module(const void *address, char *site)
{
	const char *file;
	Dl_info info;

	if (!dladdr(address, &info) || !info.dli_fname)
		return false;
	file = strrchr(info.dli_fname, '/');
	file = file ? file + 1 : info.dli_fname;
	return rli_format(site, RLI_SITE_MAX + 1, "%.40s+0x%lx", file,
			  (unsigned long)((uintptr_t)address -
					  (uintptr_t)info.dli_fbase)) == 0;
}

bool rli_site_of_static(const struct rli_px_object *object, char *site,
			unsigned *number)
{
	*number = 0;
	if (object->magic != RL_PTHREAD_STATIC_)
		return place_in_module(object, site);
	rli_site_cut(object->site, site);
	*number = count_before(object);
	return true;
}

/* ---------------------------------------------------------------- names */

void rli_site_cut(const char *text, char *site)
{
	size_t len = strlen(text);

	if (len > RLI_SITE_MAX)
		text += len - RLI_SITE_MAX;
	strcpy(site, text);
}

void rli_site_name(const char *site, unsigned number, char *name)
{
	int err = number ? rli_format(name, RLI_PX_NAME_MAX + 1, "%s#%u", site,
				      number + 1)
			 : rli_format(name, RLI_PX_NAME_MAX + 1, "%s", site);

	if (err)
		rli_px_die("the place '%s' does not fit", site);
}

/* ------------------------------------------------------------- RL_SITES */

struct entry {
	char pattern[256];
	const char *name; /* NULL: none */
	size_t name_len;
};

static void bad_entry(const char *text, size_t len, const char *why)
{
	rli_px_die("RL_SITES: '%.*s': %s", (int)len, text, why);
}

static void parse_entry(const char *text, size_t len, struct entry *entry)
{
	const char *equals = memchr(text, '=', len);
	size_t pattern_len = equals ? (size_t)(equals - text) : len;

	entry->name = equals ? equals + 1 : NULL;
	entry->name_len = equals ? len - pattern_len - 1 : 0;
	if (pattern_len == 0)
		bad_entry(text, len, "no place before '='");
	if (pattern_len >= sizeof(entry->pattern))
		bad_entry(text, len, "the place is too long");
	if (equals && entry->name_len == 0)
		bad_entry(text, len, "no name after '='");
	if (entry->name_len >= RLI_PX_NAME_MAX)
		bad_entry(text, len, "the name is too long");
	memcpy(entry->pattern, text, pattern_len);
	entry->pattern[pattern_len] = '\0';
}

static bool matches(const struct entry *entry, const char *site,
		    unsigned number)
{
	char name[RLI_PX_NAME_MAX + 1];

	rli_site_name(site, number, name);
	return fnmatch(entry->pattern, name, 0) == 0 ||
	       fnmatch(entry->pattern, site, 0) == 0;
}

bool rli_site_wanted(const char *site, unsigned number, const char **name,
		     size_t *len)
{
	const char *text = getenv("RL_SITES");
	struct entry entry;
	size_t n;

	*name = NULL;
	*len = 0;
	if (!text)
		return true;
	for (; *text; text += n) {
		text += strspn(text, "; \t\n");
		n = strcspn(text, ";\n");
		if (n == 0)
			continue;
		parse_entry(text, n, &entry);
		if (!matches(&entry, site, number))
			continue;
		*name = entry.name;
		*len = entry.name_len;
		return true;
	}
	return false;
}
