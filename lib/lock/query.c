#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "lock/delegation.h"

/* The longest value of K that can be told; rl's own are much shorter. */
#define VALUE_MAX 3000
/* For a process that is to give back what it keeps. */
#define GIVE_BACK_PATIENCE (200 * RLI_MS)

/* K's value and the count of holds, asked once: whoever asks who holds a lock
 * wants to know it now. */
static int inspect(struct rli_lock *lock, struct rli_thread *self,
		   const struct rli_terms *terms, char *value, size_t *len,
		   uint64_t *fence, bool *dead)
{
	struct rli_op op = {
		.kind = RLI_OP_INSPECT, .servers = terms->servers,
		.place = &lock->place, .text = value, .text_size = VALUE_MAX,
		.patience = RLI_FOREVER,
	};
	int err = rli_ask_once(self, &op);

	*len = op.text_len;
	*fence = op.fence;
	*dead = op.dead;
	return err;
}

int rli_hold_of_owner(struct rli_lock *lock, struct rli_thread *self,
		      const struct rli_terms *terms,
		      struct rli_foreign_hold *hold)
{
	char value[VALUE_MAX];
	const char *id;
	size_t len, id_len;
	uint64_t n;
	bool dead;
	int err = inspect(lock, self, terms, value, &len, &n, &dead);

	if (err)
		return err;
	rli_owner_id(self, terms, &id, &id_len);
	if (len != id_len + RLI_NONCE_LEN || memcmp(value, id, id_len) ||
	    rli_value_over(lock, value + id_len))
		return rli_fail_const(EPERM, "this owner does not hold it");
	hold->fence = n;
	hold->inconsistent = dead;
	hold->value_len = len;
	memcpy(hold->value, value, len);
	return 0;
}

/* Whether it is this process that keeps the lock, unlocked. */
static bool rests(struct rli_lock *lock, const char *value, size_t len)
{
	return len > RLI_NONCE_LEN && len < VALUE_MAX &&
	       rli_nonce_is_delegated(value + len - RLI_NONCE_LEN) &&
	       rli_value_over(lock, value + len - RLI_NONCE_LEN);
}

int rli_locked(struct rli_lock *lock, struct rli_thread *self,
	       const struct rli_terms *terms)
{
	char value[VALUE_MAX];
	size_t len;
	uint64_t n;
	bool dead;
	int err = inspect(lock, self, terms, value, &len, &n, &dead);

	if (!err && len && !rests(lock, value, len))
		err = rli_fail_const(EBUSY, "somebody holds it");
	return err;
}

static bool hexadecimal(const char *text, size_t len)
{
	return strspn(text, "0123456789abcdef") >= len;
}

static bool known_kind(const char *value)
{
	static const char *const kinds[] = { "thrd:", "proc:", "host:",
					     "name:" };
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strncmp(value, kinds[i], 5))
			return true;
	return false;
}

/* How much of a value of K is the owner's id: all of it, if it is not ours. */
static size_t id_length(const char *value, size_t len)
{
	const char *nonce = value + len - RLI_NONCE_LEN;

	if (len < 5 + 1 + 1 + RLI_NONCE_LEN || !known_kind(value) ||
	    nonce[-1] != '#' || !hexadecimal(nonce, RLI_NONCE_LEN))
		return len;
	return len - RLI_NONCE_LEN - 1;
}

/* "#n" belongs to nobody yet; another client's value may begin so, too. */
static bool is_handoff(const char *value, uint64_t n)
{
	char id[24];

	snprintf(id, sizeof(id), "#%" PRIu64, n);
	return !strcmp(value, id);
}

int rli_owner(struct rli_lock *lock, struct rli_thread *self,
	      const struct rli_terms *terms, char *buf, size_t size)
{
	char value[VALUE_MAX];
	size_t len;
	uint64_t n;
	bool dead;
	int err = inspect(lock, self, terms, value, &len, &n, &dead);

	if (err)
		return err;
	if (len == 0 || is_handoff(value, n) || rests(lock, value, len))
		return rli_fail_const(ENOENT, "nobody holds it");
	if (len < sizeof(value))
		len = id_length(value, len);
	if (len >= size || len >= sizeof(value))
		return rli_fail(ERANGE, "the owner's id has %zu bytes, and a "
				"zero behind them; the buffer has %zu", len,
				size);
	memcpy(buf, value, len);
	buf[len] = '\0';
	return 0;
}

/* Whether a process keeps it, and the nonce of that hold. */
static bool is_kept(struct rli_lock *lock, struct rli_thread *self,
		    const struct rli_terms *terms, char *nonce)
{
	char value[VALUE_MAX];
	size_t len;
	uint64_t n;
	bool dead;

	if (inspect(lock, self, terms, value, &len, &n, &dead) ||
	    len >= sizeof(value) || id_length(value, len) == len)
		return false;
	memcpy(nonce, value + len - RLI_NONCE_LEN, RLI_NONCE_LEN);
	return rli_nonce_is_delegated(nonce);
}

/*
 * A process that keeps it must not go on giving it to its threads: it is asked
 * to give it back, which takes it a moment if it rests, before it is forced.
 */
static void get_it_back(struct rli_lock *lock, struct rli_thread *self,
			const struct rli_terms *terms)
{
	int64_t until = rli_after(rli_now(), GIVE_BACK_PATIENCE);
	char first[RLI_NONCE_LEN], nonce[RLI_NONCE_LEN];

	if (!is_kept(lock, self, terms, first))
		return;
	rli_delegation_recall(lock, self, terms->servers);
	do
		rli_pause(self, terms->servers, until);
	while (rli_now() < until && is_kept(lock, self, terms, nonce) &&
	       !memcmp(nonce, first, RLI_NONCE_LEN));
}

int rli_reset(struct rli_lock *lock, struct rli_thread *self,
	      const struct rli_terms *terms)
{
	struct rli_op op = {
		.kind = RLI_OP_RESET, .servers = terms->servers,
		.place = &lock->place, .lease_ms = terms->lease_ms,
	};

	get_it_back(lock, self, terms);
	return rli_ask(self, &op, rli_outage_end(terms->servers));
}

int rli_reset_all(struct rli_thread *self, struct rli_servers *servers,
		  const char *prefix, size_t *n)
{
	struct rli_conns *conns;
	int err = rli_conns(self, &conns);

	return err ? err : rli_backend.sweep(conns, servers, prefix, n);
}
