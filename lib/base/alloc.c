#include "base/alloc.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct rli_allocator rli_allocator = {
	.malloc_fn = malloc,
	.calloc_fn = calloc,
	.realloc_fn = realloc,
	.free_fn = free,
};

void *rli_malloc(size_t size)
{
	int saved = errno;
	void *p = rli_allocator.malloc_fn(size ? size : 1);

	errno = saved;
	return p;
}

void *rli_calloc(size_t n, size_t size)
{
	int saved = errno;
	void *p;

	/* A replaced table need not check what the C library's does. */
	if (size && n > SIZE_MAX / size)
		return NULL;
	p = rli_allocator.calloc_fn(n ? n : 1, size ? size : 1);
	errno = saved;
	return p;
}

void *rli_realloc(void *p, size_t size)
{
	int saved = errno;

	p = rli_allocator.realloc_fn(p, size ? size : 1);
	errno = saved;
	return p;
}

char *rli_strndup(const char *text, size_t len)
{
	char *copy = rli_malloc(len + 1);

	if (!copy)
		return NULL;
	memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

char *rli_strdup(const char *text)
{
	return rli_strndup(text, strlen(text));
}

void rli_free(void *p)
{
	int saved = errno;

	rli_allocator.free_fn(p);
	errno = saved;
}

void rli_free_secret(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	rli_free(text);
}
