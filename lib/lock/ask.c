#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "lock/lock.h"

/* Between two tries of a server that cannot be asked. */
#define PAUSE (20 * RLI_MS)
/* meta is kept a week and more; once an hour is often enough to say so. */
#define KEEP_EVERY (3600 * RLI_S)
/* A lease longer than this asks for meta's expiry each time. */
#define KEEP_ALWAYS_MS (24LL * 3600 * 1000)

int rli_conns(struct rli_thread *self, struct rli_conns **conns)
{
	struct rli_conns *made;
	int err;

	if (!self->conns) {
		err = rli_backend.open(&made);
		if (err)
			return err;
		self->conns = made;
	}
	*conns = self->conns;
	return 0;
}

int rli_ask_once(struct rli_thread *self, struct rli_op *op)
{
	struct rli_conns *conns;
	int err = rli_conns(self, &conns);

	if (err)
		return op->err = err;
	op->done = NULL;
	rli_backend.start(conns, op);
	while (!op->finished)
		rli_backend.pump(conns, RLI_FOREVER, -1);
	return op->err;
}

int64_t rli_outage_end(const struct rli_servers *servers)
{
	return rli_after(rli_now(), servers->outage_timeout);
}

void rli_pause(struct rli_thread *self, const struct rli_servers *servers,
	       int64_t until)
{
	int64_t end;
	uint32_t jitter;
	struct rli_conns *conns;

	(void)servers;
	rli_random(&jitter, sizeof(jitter));
	end = rli_after(rli_now(), PAUSE + jitter % PAUSE);
	if (end > until)
		end = until;
	if (!rli_conns(self, &conns))
		while (rli_now() < end)
			rli_backend.pump(conns, end, -1);
}

void rli_cause_keep(char *why, const struct rli_op *op)
{
	if (*why && rli_now() >= op->patience)
		rli_fail(op->err, "%s", why);
	else
		snprintf(why, RLI_ERROR_MAX, "%s", rli_error_message());
}

int rli_ask(struct rli_thread *self, struct rli_op *op, int64_t until)
{
	char why[RLI_ERROR_MAX];
	bool resent = false;

	why[0] = '\0';
	for (;;) {
		op->patience = until;
		rli_ask_once(self, op);
		/* Whether any try before this one may have been run. */
		resent |= op->resent;
		op->resent = resent;
		if (op->err != ENOLCK)
			return op->err;
		rli_cause_keep(why, op);
		if (rli_now() >= until)
			return op->err;
		rli_pause(self, op->servers, until);
	}
}

unsigned rli_keep_flag(struct rli_lock *lock, int64_t lease_ms)
{
	int64_t now = rli_now();
	int64_t kept;

	if (lease_ms == 0 || lease_ms > KEEP_ALWAYS_MS)
		return RLI_DO_KEEP;
	/* Relaxed: two threads that both renew it do no harm. */
	kept = atomic_load_explicit(&lock->kept, memory_order_relaxed);
	if (kept && now - kept < KEEP_EVERY)
		return 0;
	atomic_store_explicit(&lock->kept, now, memory_order_relaxed);
	return RLI_DO_KEEP;
}

void rli_owner_id(const struct rli_thread *self,
		  const struct rli_terms *terms, const char **id, size_t *len)
{
	switch (terms->kind) {
	case RLI_OWNER_THREAD:
		*id = self->id;
		*len = self->id_len;
		break;
	case RLI_OWNER_PROCESS:
		*id = self->process;
		*len = self->process_len;
		break;
	default:
		*id = terms->id;
		*len = terms->id_len;
	}
}
