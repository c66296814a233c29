#include "interpose/allocator.h"

#include <dlfcn.h>
#include <link.h>
#include <stddef.h>

struct rli_range rli_allocator_code;

/* The module that this address is in, unless that is the program. */
struct search {
	uintptr_t address;
	bool first;
	struct rli_range found;
};

static int look(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct search *s = arg;
	bool program = s->first;

	(void)size;
	s->first = false;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t begin = info->dlpi_addr + p->p_vaddr;

		if (p->p_type != PT_LOAD || !(p->p_flags & PF_X) ||
		    s->address - begin >= p->p_memsz)
			continue;
		if (!program)
			s->found = (struct rli_range){ begin,
						       begin + p->p_memsz };
		return 1;
	}
	return 0;
}

static struct rli_range code_of(const char *symbol, void *where)
{
	struct search s = { .first = true };

	s.address = (uintptr_t)dlsym(where, symbol);
	if (s.address)
		dl_iterate_phdr(look, &s);
	return s.found;
}

void rli_allocator_start(void)
{
	struct rli_range code = code_of("malloc", RTLD_DEFAULT);
	struct rli_range libc = code_of("gnu_get_libc_version", RTLD_DEFAULT);

	/* The C library's own does not lock by functions that can be hooked,
	 * and all else is there too. */
	if (code.begin != libc.begin)
		rli_allocator_code = code;
}
