#include "lock/timer.h"

#include "base/alloc.h"
#include "base/error.h"

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

static void rise(struct rli_heap *heap, size_t i, struct rli_heap_entry entry)
{
	for (; i > 1 && heap->at[i / 2].due > entry.due; i /= 2)
		put(heap, i, heap->at[i / 2]);
	put(heap, i, entry);
}

static void sink(struct rli_heap *heap, size_t i, struct rli_heap_entry entry)
{
	size_t child;

	for (; (child = 2 * i) <= heap->n; i = child) {
		if (child < heap->n &&
		    heap->at[child + 1].due < heap->at[child].due)
			child++;
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
	if (i > 1 && heap->at[i / 2].due > last.due)
		rise(heap, i, last);
	else
		sink(heap, i, last);
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
