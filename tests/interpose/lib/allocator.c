/*
 * An allocator that locks a mutex of its own, as jemalloc does: preloaded, in
 * place of malloc. It never gives memory back.
 */
#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

static pthread_mutex_t allocator_lock = PTHREAD_MUTEX_INITIALIZER;
static char *next, *end;

void *malloc(size_t size);
void *calloc(size_t n, size_t size);
void *realloc(void *p, size_t size);
void free(void *p);

static void *take(size_t size)
{
	char *p;

	if ((size_t)(end - next) < size) {
		size_t chunk = size > 1 << 22 ? size : 1 << 22;

		next = mmap(NULL, chunk, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		end = next + chunk;
	}
	p = next;
	next += size;
	return p;
}

void *malloc(size_t size)
{
	size_t *p;

	pthread_mutex_lock(&allocator_lock);
	p = take((size + 31) & ~(size_t)15);
	pthread_mutex_unlock(&allocator_lock);
	*p = size;
	return p + 2;
}

void *calloc(size_t n, size_t size)
{
	return malloc(n * size);
}

void *realloc(void *p, size_t size)
{
	void *made = malloc(size);
	size_t old = p ? ((size_t *)p)[-2] : 0;

	memcpy(made, p ? p : made, old < size ? old : size);
	return made;
}

void free(void *p)
{
	(void)p;
	if (pthread_mutex_trylock(&allocator_lock) == 0)
		pthread_mutex_unlock(&allocator_lock);
}
