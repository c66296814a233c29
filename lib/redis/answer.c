#include "redis/answer.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"

/*
 * The first number of most answers says which it is. Which answer has which
 * meaning stands at the head of each script.
 */
enum { NO = 0, GRANTED = 1, JOINED = 2, LOST_FOR_GOOD = 3, OF_A_QUORUM = 4,
       GRANTED_BEFORE = 5 };

static const char *label(const struct rli_op *op)
{
	return op->servers->node[0]->url.label;
}

static int nonsense(const struct rli_op *op, const struct rli_reply *reply)
{
	return rli_reply_nonsense(label(op), op->place->k, reply);
}

static int special(const struct rli_op *op, const struct rli_reply *reply)
{
	if (reply->number[0] == LOST_FOR_GOOD)
		return rli_fail(ENOTRECOVERABLE,
				"%s: lock '%s' is not recoverable: a holder "
				"died, and its successor unlocked without "
				"making it consistent", label(op),
				op->place->k);
	if (reply->number[0] == OF_A_QUORUM)
		return rli_fail(EPROTO, "%s: lock '%s' is used with a quorum "
				"of servers by others", label(op),
				op->place->k);
	return nonsense(op, reply);
}

static void take_text(struct rli_op *op, const struct rli_reply *reply)
{
	size_t fits = reply->text_len;

	op->text_len = reply->text_len;
	if (!op->text || !op->text_size)
		return;
	if (fits >= op->text_size)
		fits = op->text_size - 1;
	memcpy(op->text, reply->text, fits);
	op->text[fits] = '\0';
}

/* {how, fence, dead} */
static int granted(struct rli_op *op, const struct rli_reply *reply,
		   enum rli_how how)
{
	if (reply->numbers < 3 || reply->number[1] <= 0)
		return nonsense(op, reply);
	op->fence = (uint64_t)reply->number[1];
	op->dead = reply->number[2];
	op->alone = reply->numbers > 3 && !reply->number[3];
	op->how = how;
	return 0;
}

static int granted_in_short(struct rli_op *op, const struct rli_reply *reply)
{
	if (reply->number[0] <= 0)
		return nonsense(op, reply);
	op->fence = (uint64_t)reply->number[0];
	op->dead = false;
	op->alone = true;
	op->how = RLI_NEW;
	return 0;
}

static int busy(struct rli_op *op, const struct rli_reply *reply)
{
	op->left_ms = reply->numbers > 1 ? reply->number[1] : 0;
	op->foreign = reply->numbers > 2 && reply->number[2] == 1;
	op->delegated = reply->numbers > 2 && reply->number[2] == 2;
	return rli_fail_const(EBUSY, "the lock is held");
}

static int on_acquire(struct rli_op *op, const struct rli_reply *reply)
{
	const int64_t *number = reply->number;

	if (reply->type == REDIS_REPLY_INTEGER)
		return granted_in_short(op, reply);
	if (reply->numbers < 1)
		return nonsense(op, reply);
	switch (number[0]) {
	case NO:
		return busy(op, reply);
	case GRANTED:
		return granted(op, reply, RLI_NEW);
	case GRANTED_BEFORE:
		return granted(op, reply, RLI_BEFORE);
	case JOINED:
		take_text(op, reply);
		return granted(op, reply, RLI_JOINED);
	default:
		return special(op, reply);
	}
}

/* {0, n} or 1, {1}, {1, left}, {1, left, waits}, {2}; of a release 2 */
static int on_hold(struct rli_op *op, const struct rli_reply *reply)
{
	int64_t first = reply->numbers ? reply->number[0] : -1;

	if (first == NO && reply->numbers > 1) {
		op->fence = (uint64_t)reply->number[1];
		return rli_fail(ESTALE, "%s: lock '%s' is not held by '%.*s' "
				"any more", label(op), op->place->k,
				(int)op->value_len, op->value);
	}
	if (op->kind == RLI_OP_MEND && first == 2)
		return rli_fail_const(EINVAL, "there is nothing to make "
				      "consistent");
	op->handed = op->kind == RLI_OP_RELEASE && first == 2;
	if (first != GRANTED && !op->handed)
		return nonsense(op, reply);
	op->left_ms = reply->numbers > 1 ? reply->number[1] : 0;
	op->alone = reply->numbers > 2 && !reply->number[2];
	return 0;
}

static int on_ask(struct rli_op *op, const struct rli_reply *reply)
{
	if (reply->numbers < 1 || reply->number[0] != NO)
		return special(op, reply);
	busy(op, reply);
	take_text(op, reply);
	return 0;
}

static int on_inspect(struct rli_op *op, const struct rli_reply *reply)
{
	if (reply->items != 2 || reply->numbers != 1)
		return nonsense(op, reply);
	op->fence = (uint64_t)reply->number[0];
	/* The scripts know. */
	op->dead = true;
	take_text(op, reply);
	return 0;
}

static int on_reset(struct rli_op *op, const struct rli_reply *reply)
{
	if (reply->type != REDIS_REPLY_INTEGER)
		return nonsense(op, reply);
	op->held = reply->number[0];
	return 0;
}

int rli_op_answer(struct rli_op *op, const struct rli_reply *reply)
{
	static int (*const by_kind[])(struct rli_op *,
				      const struct rli_reply *) = {
		[RLI_OP_ACQUIRE] = on_acquire,	[RLI_OP_CLAIM] = on_acquire,
		[RLI_OP_RENEW] = on_hold,	[RLI_OP_RELEASE] = on_hold,
		[RLI_OP_ASK] = on_ask,		[RLI_OP_INSPECT] = on_inspect,
		[RLI_OP_MEND] = on_hold,	[RLI_OP_RESET] = on_reset,
	};

	if (reply->type == REDIS_REPLY_ERROR)
		return op->err = rli_reply_error(label(op), reply);
	return op->err = by_kind[op->kind](op, reply);
}
