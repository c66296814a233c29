#include "interpose/symbols.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <link.h>
#include <string.h>
#include <unistd.h>

#include "interpose/init.h"

/* ---------------------------------------------------------------- modules */

struct walk {
	bool (*visit)(const struct rli_module *, void *);
	void *arg;
	bool first;
};

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int visit_module(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct walk *walk = arg;
	struct rli_module module = {
		.file = info->dlpi_name,
		.name = last_part(info->dlpi_name),
		.base = info->dlpi_addr,
		.program = walk->first,
	};

	(void)size;
	if (walk->first) {
		module.file = "/proc/self/exe";
		module.name = rli_program;
	}
	walk->first = false;
	/* The kernel's own has no file. */
	if (!module.program && !strchr(module.file, '/'))
		return 0;
	return !walk->visit(&module, walk->arg);
}

void rli_modules_each(bool (*visit)(const struct rli_module *, void *arg),
		      void *arg)
{
	struct walk walk = { visit, arg, true };

	dl_iterate_phdr(visit_module, &walk);
}

/* ---------------------------------------------------------------- symbols */

struct reading {
	const struct rli_module *module;
	void (*visit)(const struct rli_symbol *, void *);
	void *arg;
	enum rli_symbols kind;
};

static bool is_variable(const GElf_Sym *symbol)
{
	int type = GELF_ST_TYPE(symbol->st_info);

	return (type == STT_OBJECT || type == STT_NOTYPE ||
		type == STT_COMMON) && symbol->st_shndx != SHN_UNDEF &&
	       symbol->st_shndx != SHN_ABS && symbol->st_value != 0;
}

static bool is_exported(const GElf_Sym *symbol)
{
	int visibility = GELF_ST_VISIBILITY(symbol->st_other);

	return GELF_ST_BIND(symbol->st_info) != STB_LOCAL &&
	       (visibility == STV_DEFAULT || visibility == STV_PROTECTED);
}

static void read_symbol(const struct reading *r, const char *name,
			const GElf_Sym *symbol, bool dynamic)
{
	struct rli_symbol found = {
		.name = name,
		.address = r->module->base + symbol->st_value,
		.size = symbol->st_size,
		.exported = dynamic && is_exported(symbol),
	};

	if (name && is_variable(symbol))
		r->visit(&found, r->arg);
}

static void read_section(struct reading *r, Elf *elf, Elf_Scn *section)
{
	Elf_Data *data;
	GElf_Shdr header;
	GElf_Sym symbol;

	if (!gelf_getshdr(section, &header) || header.sh_entsize == 0 ||
	    (header.sh_type != SHT_SYMTAB && header.sh_type != SHT_DYNSYM))
		return;
	if (header.sh_type == SHT_SYMTAB)
		r->kind = RLI_SYMBOLS_ALL;
	data = elf_getdata(section, NULL);
	for (int i = 0; data && gelf_getsym(data, i, &symbol); i++)
		read_symbol(r, elf_strptr(elf, header.sh_link, symbol.st_name),
			    &symbol, header.sh_type == SHT_DYNSYM);
}

static void read_elf(struct reading *r, int fd)
{
	Elf_Scn *section = NULL;
	Elf *elf;

	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!elf || elf_kind(elf) != ELF_K_ELF) {
		elf_end(elf);
		return;
	}
	r->kind = RLI_SYMBOLS_EXPORTED;
	while ((section = elf_nextscn(elf, section)))
		read_section(r, elf, section);
	elf_end(elf);
}

enum rli_symbols rli_symbols_each(const struct rli_module *module,
				  void (*visit)(const struct rli_symbol *,
						void *arg),
				  void *arg)
{
	struct reading r = { module, visit, arg, RLI_SYMBOLS_UNREADABLE };
	int fd = open(module->file, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return RLI_SYMBOLS_UNREADABLE;
	read_elf(&r, fd);
	close(fd);
	return r.kind;
}
