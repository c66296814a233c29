/*
 * The question that the keeper asks for the threads of this process that wait
 * for a lock.
 */
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "lock/keeper.h"

/* Between two questions; a client that is not rl wakes nobody. */
#define ASK_EVERY RLI_S
#define ASK_FOREIGN (50 * RLI_MS)

#define VALUE_MAX (RLI_ID_MAX + RLI_NONCE_LEN + 2)

struct rli_question {
	struct rli_op op;
	struct rli_lock *lock;
	char value[VALUE_MAX];		/* of K, as answered */
	char seen[VALUE_MAX];		/* the same, for others: under guard */
	size_t seen_len;		/* may be more than fits */
	char why[RLI_ERROR_MAX];	/* what lock->ask_err came from */
	struct rli_recall recall;
	bool recalling;			/* it is on its way; keeper */
};

int rli_keeper_make_room_for_question(struct rli_lock *lock)
{
	lock->asker = rli_calloc(1, sizeof(*lock->asker));
	if (!lock->asker)
		return rli_fail_nomem();
	lock->asker->lock = lock;
	return rli_timer_make_room();
}

/* When to ask again, knowing what is left of the lease. */
static int64_t next_question(int64_t left_ms, bool foreign)
{
	int64_t pause = foreign ? ASK_FOREIGN : ASK_EVERY;

	if (left_ms >= 0 && left_ms < pause / RLI_MS)
		pause = rli_ms(left_ms + 1);
	return rli_after(rli_now(), pause);
}

int rli_keeper_question(struct rli_lock *lock, const struct rli_terms *terms,
			int64_t left_ms, bool foreign)
{
	int err = rli_keeper_start();

	if (err)
		return err;
	if (lock->asking != terms->servers) {
		rli_servers_hold(terms->servers);
		rli_servers_put(lock->asking);
		lock->asking = terms->servers;
	}
	lock->ask_lease_ms = terms->lease_ms;
	if (lock->waiting == 1) {
		lock->ask_err = 0;
		lock->asker->seen_len = 0;
	}
	rli_timer_set(&lock->question, next_question(left_ms, foreign));
	return 0;
}

/* Under guard: the next answer may come at any time. */
static void keep_what_was_seen(struct rli_question *q)
{
	q->seen_len = q->op.err ? 0 : q->op.text_len;
	memcpy(q->seen, q->value, sizeof(q->seen));
}

static void question_done(struct rli_op *op)
{
	struct rli_question *q = (struct rli_question *)op;
	struct rli_lock *lock = q->lock;
	struct rli_servers *servers = op->servers;
	int err = op->err;

	if (err)
		rli_log(RL_LOG_ERROR, "lock '%s': the question was not "
			"answered: %s", lock->place.k, rli_error_message());
	rli_guard_lock(&lock->guard);
	lock->question_asked = false;
	lock->ask_err = err;
	keep_what_was_seen(q);
	if (err) {
		memcpy(q->why, rli_error_message(), sizeof(q->why) - 1);
		op->left_ms = -1;
		op->foreign = false;
	}
	if (!err || err == ENOTRECOVERABLE)
		lock->heard = rli_now();
	if (lock->waiting)
		rli_timer_set(&lock->question,
			  next_question(op->left_ms, op->foreign));
	/* From here on the next question may be made in *op. */
	rli_guard_unlock(&lock->guard);
	rli_servers_put(servers);
	rli_lock_put(lock);
}

static void prepare_question(struct rli_lock *lock)
{
	struct rli_question *q = lock->asker;

	lock->question_asked = true;
	q->op = (struct rli_op){
		.kind = RLI_OP_ASK,
		.servers = lock->asking,
		.place = &lock->place,
		.lease_ms = lock->ask_lease_ms,
		.patience = RLI_FOREVER,
		.done = question_done,
		.text = q->value,
		.text_size = sizeof(q->value),
	};
	rli_servers_hold(q->op.servers);
}

/* Whether the lock was last seen with a process that can be recalled. */
static bool seen_delegated(const struct rli_question *q)
{
	return q->seen_len > RLI_NONCE_LEN && q->seen_len < sizeof(q->seen) &&
	       rli_nonce_is_delegated(q->seen + q->seen_len - RLI_NONCE_LEN);
}

static void recalled(struct rli_recall *recall)
{
	struct rli_question *q = (struct rli_question *)
		((char *)recall - offsetof(struct rli_question, recall));

	q->recalling = false;
	rli_servers_put(recall->servers);
	rli_lock_put(q->lock);
}

/* The word said when the wait began may have been lost. */
static void recall_again(struct rli_question *q, struct rli_servers *servers,
			 struct rli_conns *conns)
{
	const struct rli_place *place = &q->lock->place;

	if (q->recalling || !rli_lock_hold(q->lock))
		return;
	q->recalling = true;
	q->recall = (struct rli_recall){
		.servers = servers, .done = recalled,
		.list = place->recall, .list_len = place->recall_len,
		.token = place->k, .token_len = place->k_len,
	};
	rli_servers_hold(servers);
	if (rli_backend.recall(conns, &q->recall))
		recalled(&q->recall);
}

void rli_ask_question(struct rli_lock *lock, struct rli_conns *conns)
{
	bool asks, recall;

	rli_guard_lock(&lock->guard);
	asks = lock->waiting && !lock->question_asked;
	recall = asks && seen_delegated(lock->asker);
	if (asks)
		prepare_question(lock);
	/* In the heap while it is asked too, or the keeper would go, idle. */
	if (lock->waiting)
		rli_timer_set(&lock->question, next_question(-1, false));
	rli_guard_unlock(&lock->guard);
	if (recall)
		recall_again(lock->asker, lock->asker->op.servers, conns);
	if (asks)
		rli_backend.start(conns, &lock->asker->op);
	else
		rli_lock_put(lock);
}

bool rli_keeper_saw(struct rli_lock *lock, const char *id, size_t len)
{
	const struct rli_question *q = lock->asker;

	return q->seen_len == len + RLI_NONCE_LEN &&
	       !memcmp(q->seen, id, len) &&
	       strchr("89abcdef", q->seen[len]);
}

int rli_keeper_outage(struct rli_lock *lock)
{
	char why[RLI_ERROR_MAX] = "the servers do not answer";
	int err;

	rli_guard_lock(&lock->guard);
	err = lock->ask_err;
	if (err && !lock->question_asked)
		memcpy(why, lock->asker->why, sizeof(why));
	rli_guard_unlock(&lock->guard);
	return rli_fail(err ? err : ENOLCK, "%s", why);
}
