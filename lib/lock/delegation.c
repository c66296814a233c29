/*
 * DESIGN
 *
 * With delegation a hold rests although nobody waits in this process: the lease
 * stays with the process, is renewed, and is given to the next of its threads
 * without a word to the servers. Its nonce says so to whoever finds the lock
 * busy: he puts a word into the lock's recall list, and says it again each
 * second while he waits. The keeper waits for such words. A lock that is
 * recalled goes out with the next unlock; one that rests, at once, as does one
 * that has rested for 100 ms.
 *
 * The keeper listens on one connection per server, by one BLPOP for the lists
 * of all locks that are delegated there, and for a list that nobody else knows:
 * by a word in that it wakes itself when the locks have changed. A word lies in
 * its list until it is read, so none is lost that comes before the BLPOP. One
 * that is read by the process that had the lock before is put back.
 *
 * Where it cannot listen, because the connection broke or the servers refuse
 * it, nothing is kept: each lock counts as recalled, until it is taken anew.
 *
 * LOCKING
 *
 * Listeners (listener.c) are the keeper's own. What they find they note under
 * lock->guard.
 */
#include "lock/delegation.h"

#include "base/clock.h"
#include "lock/keeper.h"

/* What the end of a process may take. */
#define GIVE_BACK_MOST (RLI_S / 2)

/* -------------------------------------------------------- on any thread */

bool rli_delegation_stands(struct rli_hold *hold, int64_t now)
{
	const struct rli_lock *lock = hold->lock;

	if (!hold->terms->delegated || lock->contended || !rli_keeper_runs())
		return false;
	if (!lock->listened ||
	    now + RLI_DELEGATION_IDLE < hold->timer_due)
		rli_keeper_check(hold);
	return true;
}

void rli_delegation_recall(struct rli_lock *lock, struct rli_thread *self,
			   struct rli_servers *servers)
{
	struct rli_recall recall = {
		.servers = servers,
		.list = lock->place.recall,
		.list_len = lock->place.recall_len,
		.token = lock->place.k,
		.token_len = lock->place.k_len,
	};
	struct rli_conns *conns;

	/* Who waits says it again; who does not, tries again. */
	if (rli_conns(self, &conns) || rli_backend.recall(conns, &recall))
		return;
	while (!recall.finished)
		rli_backend.pump(conns, RLI_FOREVER, -1);
}

/* --------------------------------------------------------- on the keeper */

struct rli_hold *rli_delegated_hold(struct rli_lock *lock)
{
	struct rli_hold *hold = lock->holds;

	while (hold && !(rli_hold_stands(hold) && hold->owns_turn &&
			 hold->terms->delegated))
		hold = hold->next;
	return hold;
}

/* Under guard. */
static void recall_hold(struct rli_hold *hold)
{
	hold->lock->contended = true;
	hold->asked = rli_now() - hold->terms->slice;
	if (hold->state == RLI_RESTING)
		rli_keeper_check(hold);
}

static bool goes(const struct rli_lock *lock)
{
	const struct rli_hold *hold = lock->holds;

	while (hold && hold->state != RLI_ENDING)
		hold = hold->next;
	return hold;
}

bool rli_delegation_ends(struct rli_lock *lock)
{
	struct rli_hold *hold;
	bool ours;

	rli_guard_lock(&lock->guard);
	hold = rli_delegated_hold(lock);
	if (hold)
		recall_hold(hold);
	ours = hold || goes(lock);
	rli_guard_unlock(&lock->guard);
	return ours;
}

/* --------------------------------------------------- the process ends */

static void give_back_resting(struct rli_lock *lock, void *conns)
{
	struct rli_hold *rests;

	rli_guard_lock(&lock->guard);
	lock->contended = true;
	rests = lock->resting;
	rli_guard_unlock(&lock->guard);
	/* A rest is ended by the keeper, which is this thread, or by one that
	 * takes it, which is seen there. */
	if (rests && rli_lock_hold(lock))
		rli_look_after(rests, conns, NULL);
}

static void count_going(struct rli_lock *lock, void *n)
{
	rli_guard_lock(&lock->guard);
	*(int *)n += goes(lock);
	rli_guard_unlock(&lock->guard);
}

void rli_delegation_give_back(struct rli_conns *conns)
{
	int64_t end = rli_after(rli_now(), GIVE_BACK_MOST);
	int going = 1;

	rli_lock_each(give_back_resting, conns);
	while (going && rli_now() < end) {
		going = 0;
		rli_lock_each(count_going, &going);
		if (going)
			rli_backend.pump(conns, end, -1);
	}
}
