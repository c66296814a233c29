/*
 * base/alloc.h - the one door to the heap.
 *
 * All memory of rl comes through this table, so that a test can make the
 * n-th allocation fail. Out of memory is an ordinary error: ENOMEM.
 */
#ifndef RLI_BASE_ALLOC_H
#define RLI_BASE_ALLOC_H

#include <stddef.h>

struct rli_allocator {
	void *(*malloc_fn)(size_t size);
	void *(*calloc_fn)(size_t n, size_t size);
	void *(*realloc_fn)(void *p, size_t size);
	void (*free_fn)(void *p);
};

/* Replaced by tests only, while no other thread uses rl. */
extern struct rli_allocator rli_allocator;

/* Each gives NULL when there is no memory, and leaves errno as it was. */
void *rli_malloc(size_t size);
void *rli_calloc(size_t n, size_t size); /* NULL if n * size overflows */
void *rli_realloc(void *p, size_t size); /* on failure p is still valid */
char *rli_strdup(const char *text);
char *rli_strndup(const char *text, size_t len);

/* Accepts NULL, and leaves errno as it was. */
void rli_free(void *p);

/* For text that may hold a password: overwritten, then freed. */
void rli_free_secret(char *text);

#endif /* RLI_BASE_ALLOC_H */
