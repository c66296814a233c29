/*
 * interpose/inside.h - the guard that keeps rl's own work out of the hooks.
 *
 * While a thread is inside, its calls of hooked functions go straight to the
 * C library: rl itself, hiredis, OpenSSL, libelf, and the allocator that they
 * call. rl's own threads are inside from birth to death (own_threads.c).
 */
#ifndef RLI_INTERPOSE_INSIDE_H
#define RLI_INTERPOSE_INSIDE_H

/* Initial-exec: no allocation at a thread's first use of it. */
extern _Thread_local int rli_inside __attribute__((tls_model("initial-exec")));

static inline void rli_enter(void)
{
	rli_inside++;
}

static inline void rli_leave(void)
{
	rli_inside--;
}

#endif /* RLI_INTERPOSE_INSIDE_H */
