#include "redis/quorum_tally.h"

#include <string.h>

static uint64_t larger(uint64_t a, int64_t b)
{
	return b > 0 && (uint64_t)b > a ? (uint64_t)b : a;
}

int64_t rli_tally_last(const struct rli_vote *v)
{
	if (v->plain)
		return v->number[0];
	switch (v->number[0]) {
	case RLI_Q_BUSY:
		return v->number[3];
	case RLI_Q_TOO_LOW:
		return v->number[2];
	case RLI_Q_OTHER_LIST:
		return 0;
	default:
		return v->number[1];
	}
}

static bool makes_sense(const struct rli_vote *v)
{
	static const int numbers[] = {
		[RLI_Q_BUSY] = 4, [RLI_Q_JOINED] = 3,
		[RLI_Q_LOST_FOR_GOOD] = 2, [RLI_Q_OTHER_LIST] = 1,
		[RLI_Q_TOO_LOW] = 3, [RLI_Q_GRANTED] = 3,
	};
	int64_t kind = v->number[0];

	if (v->plain)
		return v->numbers == 1 && kind >= 0;
	if (v->numbers == 5)
		return kind == RLI_Q_BUSY;
	/* Only who asked to share a hold can be told which. */
	if (kind == RLI_Q_JOINED && !v->text)
		return false;
	return v->numbers > 0 && kind >= 0 && kind <= RLI_Q_GRANTED &&
	       numbers[kind] && v->numbers == numbers[kind];
}

static void count_one(struct rli_tally *t, const struct rli_vote *v)
{
	int64_t last = rli_tally_last(v);

	if (rli_quorum_granted(v)) {
		t->granted++;
		t->blank += !v->plain;
		t->before = larger(t->before, last);
	} else if (v->number[0] == RLI_Q_BUSY) {
		t->busy++;
		t->foreign += v->number[2] != 0;
	} else if (v->number[0] == RLI_Q_JOINED) {
		t->joined++;
	} else if (v->number[0] == RLI_Q_LOST_FOR_GOOD) {
		t->spoiled++;
		t->spoilt = larger(t->spoilt, last);
	} else if (v->number[0] == RLI_Q_OTHER_LIST) {
		t->other = v;
	} else {
		t->low++;
	}
	if (last % 2 == 0 && (v->plain || v->number[0] != RLI_Q_LOST_FOR_GOOD))
		t->settled = larger(t->settled, last);
}

static bool same_kind(const struct rli_vote *a, const struct rli_vote *b)
{
	return b->state == RLI_ANSWERED && !b->plain &&
	       a->number[0] == b->number[0];
}

/* How many nodes say that the same hold has it. */
static int agreeing(const struct rli_round *r, const struct rli_vote *v)
{
	int i, n = 0;

	for (i = 0; i < r->n; i++) {
		const struct rli_vote *o = &r->vote[i];

		if (!same_kind(v, o))
			continue;
		if (v->number[0] == RLI_Q_JOINED)
			n += !strcmp(v->text, o->text);
		else
			n += !o->number[2] && v->number[3] == o->number[3];
	}
	return n;
}

static void find_holder(struct rli_tally *t, const struct rli_round *r,
			const struct rli_vote *v)
{
	int n;

	if (v->plain || (v->number[0] != RLI_Q_JOINED &&
			 (v->number[0] != RLI_Q_BUSY || v->number[2])))
		return;
	n = agreeing(r, v);
	if (n <= t->holders)
		return;
	t->holders = n;
	t->holder = (uint64_t)rli_tally_last(v);
	t->same = v->number[0] == RLI_Q_JOINED ? v : NULL;
}

void rli_tally_take(struct rli_round *r, struct rli_tally *t)
{
	struct rli_vote *v = NULL;

	*t = (struct rli_tally){ .pending = rli_quorum_pending(r) };
	while ((v = rli_quorum_answer(r, v, makes_sense))) {
		count_one(t, v);
		find_holder(t, r, v);
		rli_quorum_saw(r->place.notes, rli_tally_last(v));
		if (!v->plain && v->number[0] == RLI_Q_TOO_LOW)
			rli_quorum_saw(r->place.notes, v->number[1]);
	}
	/* From now on, these are told what is known. */
	if (t->spoiled)
		atomic_store_explicit(&r->place.notes->spoiled, true,
				      memory_order_relaxed);
}
