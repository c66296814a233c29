#include "redis/quorum.h"

/*
 * An acquire that was given up while a node had not answered is undone there
 * when it does: most of the time it says that the lock is held, and there is
 * nothing to undo. But that is only heard while this thread waits for the lock.
 */
static void undo_unheard(struct rli_round *r)
{
	struct rli_round *undo = rli_round_like(r, RLI_Q_RELEASE);
	int i;

	/* Out of memory: when its answer is heard, if ever. */
	if (!undo)
		return;
	r->heeded = false;
	undo->flags = RLI_DO_UNDO;
	for (i = 0; i < r->n; i++)
		if (r->vote[i].state == RLI_ASKED)
			rli_round_ask(undo, i);
	rli_round_flush(undo);
	rli_round_leave(undo);
}

void rli_quorum_settle_at(struct rli_session *s)
{
	struct rli_request *q;
	struct rli_round *r;

	/* What is undone is only added behind. */
	for (q = s->head; q; q = q->next) {
		r = rli_round_of(q);
		if (r && r->heeded)
			undo_unheard(r);
	}
}

void rli_quorum_settle(struct rli_conns *conns)
{
	struct rli_session *s;

	for (s = conns->sessions; s; s = s->next)
		rli_quorum_settle_at(s);
}
