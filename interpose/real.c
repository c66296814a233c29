#include "interpose/real.h"

#include <dlfcn.h>

#include "interpose/say.h"

/*
 * Each field starts as a function that finds them all and calls what it found.
 * dlsym allocates nothing when it succeeds, so this may run inside somebody's
 * malloc.
 */
static void find_all(void);

#define FIRST(result, field, symbol, version, parameters, arguments) \
	static result first_##field parameters \
	{ \
		find_all(); \
		return rli_real.field arguments; \
	}
/* ISO C: no value to return from a void function. */
#pragma GCC diagnostic ignored "-Wpedantic"
RLI_REAL(FIRST)

#define START(result, field, symbol, version, parameters, arguments) \
	.field = first_##field,

struct rli_real rli_real = { RLI_REAL(START) };

static void missing(void)
{
	rli_abort("the C library lacks a function that the program calls");
}

static void *find(const char *symbol, const char *version)
{
	void *found = version ? dlvsym(RTLD_NEXT, symbol, version) : NULL;

	if (!found)
		found = dlsym(RTLD_NEXT, symbol);
	return found ? found : (void *)missing;
}

static void find_all(void)
{
#define FIND(result, field, symbol, version, parameters, arguments) \
	__atomic_store_n((void **)&rli_real.field, find(symbol, version), \
			 __ATOMIC_RELAXED);
	RLI_REAL(FIND)
}
