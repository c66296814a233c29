#include "lock/timer.h"

#include "base/alloc.h"
#include "base/error.h"

/* Children of an entry. With each that moves, its timer is told where: four make
 * half as many moves as two. */
#define WAYS 4

int rli_heap_reserve(struct rli_heap *heap, size_t n)
{
	size_t cap = heap->cap ? heap->cap : 16;
	struct rli_heap_entry *at;

	if (n < heap->cap)
		return 0;
	while (cap <= n)
		cap *= 2;
	at = rli_realloc(heap->at, cap * sizeof(*at));
	if (!at)
		return rli_fail_nomem();
	heap->at = at;
	heap->cap = cap;
	return 0;
}

static void put(struct rli_heap *heap, size_t i, struct rli_heap_entry entry)
{
	heap->at[i] = entry;
	entry.timer->place = i;
}

static size_t parent(size_t i)
{
	return (i + WAYS - 2) / WAYS;
}

static size_t first_child(size_t i)
{
	return WAYS * (i - 1) + 2;
}

static void rise(struct rli_heap *heap, size_t i, struct rli_heap_entry entry)
{
	for (; i > 1 && heap->at[parent(i)].due > entry.due; i = parent(i))
		put(heap, i, heap->at[parent(i)]);
	put(heap, i, entry);
}

static size_t earliest(const struct rli_heap *heap, size_t from)
{
	size_t end = from + WAYS - 1, i, found = from;

	if (end > heap->n)
		end = heap->n;
	for (i = from + 1; i <= end; i++)
		if (heap->at[i].due < heap->at[found].due)
			found = i;
	return found;
}

static void sink(struct rli_heap *heap, size_t i, struct rli_heap_entry entry)
{
	size_t child;

	for (; first_child(i) <= heap->n; i = child) {
		child = earliest(heap, first_child(i));
		if (heap->at[child].due >= entry.due)
			break;
		put(heap, i, heap->at[child]);
	}
	put(heap, i, entry);
}

void rli_heap_push(struct rli_heap *heap, struct rli_timer *timer)
{
	heap->n++;
	rise(heap, heap->n, (struct rli_heap_entry){ timer->due, timer });
}

void rli_heap_remove(struct rli_heap *heap, struct rli_timer *timer)
{
	size_t i = timer->place;
	struct rli_heap_entry last = heap->at[heap->n--];

	timer->place = 0;
	if (last.timer == timer)
		return;
	if (i > 1 && heap->at[parent(i)].due > last.due)
		rise(heap, i, last);
	else
		sink(heap, i, last);
}

void rli_heap_fetch(const struct rli_heap *heap)
{
	size_t i;

	for (i = 2; i <= WAYS + 1 && i <= heap->n; i++)
		__builtin_prefetch(heap->at[i].timer);
}

struct rli_timer *rli_heap_first(const struct rli_heap *heap)
{
	return heap->n ? heap->at[1].timer : NULL;
}

void rli_heap_free(struct rli_heap *heap)
{
	rli_free(heap->at);
	heap->at = NULL;
	heap->n = heap->cap = 0;
}
