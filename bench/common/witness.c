#include "common/witness.h"

#include "common/now.h"

static void check_fence(struct witness *w, struct tally *t,
			const struct visit *v)
{
	bool same = v->again && v->proc == w->last_proc;

	if (same ? v->fence < w->fence : v->fence <= w->fence)
		t->disorders++;
	w->fence = v->fence;
}

void witness_enter(struct witness *w, struct tally *t, const struct visit *v)
{
	if (atomic_load_explicit(&w->inside, memory_order_relaxed))
		t->overlaps++;
	atomic_store_explicit(&w->inside, (uint32_t)v->who + 1,
			      memory_order_relaxed);
	if (v->fence)
		check_fence(w, t, v);
	if (w->count && w->last != v->who) {
		t->handovers++;
		if (v->now && w->released)
			hist_add(&t->handover, v->now - w->released);
	}
}

void witness_leave(struct witness *w, struct tally *t, const struct visit *v)
{
	w->count++;
	w->last = v->who;
	w->last_proc = v->proc;
	if (atomic_load_explicit(&w->inside, memory_order_relaxed) !=
	    (uint32_t)v->who + 1)
		t->overlaps++;
	atomic_store_explicit(&w->inside, 0, memory_order_relaxed);
	w->released = v->now ? now_ns() : 0;
}
