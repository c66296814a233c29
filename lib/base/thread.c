#include "base/thread.h"

#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cancel.h"
#include "base/error.h"
#include "base/random.h"

/*
 * Initial-exec: one load, no allocation, safe in a signal handler or inside
 * somebody's malloc.
 */
static _Thread_local struct rli_thread *current
	__attribute__((tls_model("initial-exec")));
static pthread_key_t key;
static void (*at_end)(struct rli_thread *);
static atomic_ulong serials;

/* Which slots are taken, a bit each. */
#define SLOTS 4096
static _Atomic uint64_t slots[SLOTS / 64];

static unsigned take_slot(void)
{
	unsigned i;

	for (i = 0; i < SLOTS / 64; i++) {
		uint64_t taken = atomic_load(&slots[i]);

		while (~taken) {
			int bit = __builtin_ctzll(~taken);

			if (atomic_compare_exchange_weak(
				    &slots[i], &taken, taken | 1ULL << bit))
				return i * 64 + (unsigned)bit;
		}
	}
	return RLI_NO_SLOT;
}

static void give_slot(unsigned slot)
{
	if (slot != RLI_NO_SLOT)
		atomic_fetch_and(&slots[slot / 64], ~(1ULL << slot % 64));
}

/* In a forked child the other threads are not there. */
static void give_all_slots(void)
{
	unsigned i;

	for (i = 0; i < SLOTS / 64; i++)
		atomic_store(&slots[i], 0);
}

/* A thread that just returns, with a cancellation pending, would be cancelled
 * in here. */
static void thread_ends(void *record)
{
	struct rli_thread *self = record;
	struct rli_cancel cancel;

	rli_cancel_off(&cancel);
	/* rl may be used by at_end, and by destructors that run after us: those
	 * make a new record, and we are called again. */
	current = self;
	at_end(self);
	current = NULL;
	give_slot(self->slot);
	rli_free(self);
	rli_cancel_as_before(&cancel);
}

int rli_threads_init(void (*end)(struct rli_thread *self))
{
	at_end = end;
	return pthread_key_create(&key, thread_ends);
}

/* What stands between an id and a nonce. */
static size_t add_mark(char *id)
{
	size_t len = strlen(id);

	memcpy(id + len, "#", 2);
	return len + 1;
}

/* Who this thread is: an id and nonces that no other thread has. */
static int identify(struct rli_thread *self)
{
	int err;

	self->serial = atomic_fetch_add_explicit(&serials, 1,
						 memory_order_relaxed) + 1;
	rli_random(&self->nonce, sizeof(self->nonce));
	err = rli_thread_owner(self->id, sizeof(self->id) - 1, self->serial);
	if (!err)
		err = rli_process_owner(self->process,
					sizeof(self->process) - 1);
	if (err)
		return err;
	self->id_len = add_mark(self->id);
	self->process_len = add_mark(self->process);
	return 0;
}

static int make_record(struct rli_thread **self)
{
	struct rli_thread *made = rli_calloc(1, sizeof(*made));
	int err;

	if (!made)
		return rli_fail_nomem();
	err = identify(made);
	if (!err && pthread_setspecific(key, made))
		err = rli_fail_nomem();
	if (err) {
		rli_free(made);
		return err;
	}
	made->slot = take_slot();
	*self = current = made;
	return 0;
}

int rli_thread_self(struct rli_thread **self)
{
	*self = current;
	return *self ? 0 : make_record(self);
}

struct rli_thread *rli_thread_peek(void)
{
	return current;
}

void rli_thread_nonce(struct rli_thread *self, enum rli_nonce kind,
		      char *digits)
{
	static const char hex[] = "0123456789abcdef";
	uint64_t n = ++self->nonce;
	int i;

	if (kind == RLI_NONCE_SHARED)
		n |= 1ULL << 63;
	else
		n = (n & ~(3ULL << 62)) | (uint64_t)kind << 62;
	for (i = RLI_NONCE_LEN - 1; i >= 0; i--, n >>= 4)
		digits[i] = hex[n & 15];
}

void rli_thread_after_fork(void)
{
	struct rli_thread *self = current;

	give_all_slots();
	if (!self)
		return;
	self->slot = take_slot();
	self->conns = NULL;
	atomic_store_explicit(&self->holds, 0, memory_order_relaxed);
	/* Without an id it must not go on: the next call tries again. */
	if (identify(self)) {
		pthread_setspecific(key, NULL);
		current = NULL;
		give_slot(self->slot);
		rli_free(self);
	}
}

void rli_thread_leave(void)
{
	struct rli_thread *self = current;

	if (!self)
		return;
	pthread_setspecific(key, NULL);
	thread_ends(self);
}
