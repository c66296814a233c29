#include "interpose/allocator.h"

#include <dlfcn.h>
#include <link.h>
#include <stddef.h>
#include <string.h>

#include "interpose/real.h"

struct rli_range rli_allocator_code;

/* The code that an address is in. */
struct search {
	uintptr_t address;
	struct rli_range found;
};

static int look(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct search *s = arg;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t begin = info->dlpi_addr + p->p_vaddr;

		if (p->p_type != PT_LOAD || !(p->p_flags & PF_X) ||
		    s->address - begin >= p->p_memsz)
			continue;
		s->found = (struct rli_range){ begin, begin + p->p_memsz };
		return 1;
	}
	return 0;
}

/* Whether the library itself, and not one that it needs, has the symbol. */
static void *defined_in(const char *library, const char *symbol)
{
	void *handle = dlopen(library, RTLD_LAZY | RTLD_NOLOAD), *found;
	Dl_info info;

	if (!handle)
		return NULL;
	found = dlsym(handle, symbol);
	if (found && (!dladdr(found, &info) || strcmp(info.dli_fname, library)))
		found = NULL;
	rli_real.dlclose(handle);
	return found;
}

/*
 * The first library that has the symbol. Not by RTLD_DEFAULT: a program that
 * takes the address of malloc has a symbol of that name too, in its PLT.
 */
static void *first_library_with(const char *symbol)
{
	struct link_map *map = _r_debug.r_map->l_next;
	void *found = NULL;

	for (; map && !found; map = map->l_next)
		if (strchr(map->l_name, '/'))
			found = defined_in(map->l_name, symbol);
	return found;
}

static struct rli_range code_of(const char *symbol)
{
	struct search s = { .found = { 0, 0 } };

	s.address = (uintptr_t)first_library_with(symbol);
	if (s.address)
		dl_iterate_phdr(look, &s);
	return s.found;
}

void rli_allocator_start(void)
{
	struct rli_range code = code_of("malloc");
	struct rli_range libc = code_of("gnu_get_libc_version");

	/* The C library's own does not lock by functions that can be hooked,
	 * and all else is there too. */
	if (code.begin != libc.begin)
		rli_allocator_code = code;
}
