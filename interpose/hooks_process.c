/*
 * Modules that come and go, and processes that end without their destructors.
 */
#include <dlfcn.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>

#include "interpose/hook.h"
#include "interpose/init.h"
#include "interpose/inside.h"
#include "interpose/object.h"

/*
 * The program and every library call this as they are initialised, if it is
 * there, before their own constructors: crti.o sees to it. So dlopen needs no
 * hook, which would change the place from which it searches.
 */
RLI_HOOK void __gmon_start__(void);
void __gmon_start__(void)
{
	if (rli_inside)
		return;
	rli_mark_environment();
	rli_binding_loaded();
}

RLI_HOOK int dlclose(void *library)
{
	int result = rli_real.dlclose(library);

	if (!rli_inside)
		rli_binding_unloaded();
	return result;
}

/*
 * Memory that comes and goes: a process-shared mutex at the same address may
 * be in another file then. What the C library itself unmaps is its own.
 */
RLI_HOOK int munmap(void *address, size_t size)
{
	int result = rli_real.munmap(address, size);

	rli_objects_remapped();
	return result;
}

RLI_HOOK int shmdt(const void *address)
{
	int result = rli_real.shmdt(address);

	rli_objects_remapped();
	return result;
}

static _Noreturn void end(int status, void (*real)(int))
{
	rli_stats_write();
	real(status);
	__builtin_unreachable();
}

RLI_HOOK void _exit(int status)
{
	end(status, rli_real.exit_now);
}

RLI_HOOK void _Exit(int status)
{
	end(status, rli_real.exit_now);
}
