#include "interpose/outage.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/guard.h"
#include "interpose/say.h"
#include "lock/lock.h"
#include "sync/mutex.h"

/* The first pause between two lines about one outage; each is twice as long. */
#define FIRST_PAUSE (2 * RLI_S)
#define LONGEST_PAUSE (600 * RLI_S)
/* An outage that nobody has met with for as long as a try may take, and this, is
 * another one. */
#define OVER RLI_S

static bool abort_on_outage = true;	/* read-only after the start */
static bool abort_on_lost = true;	/* likewise */

static bool choice(const char *variable, const char *no)
{
	const char *value = getenv(variable);

	if (!value || !strcmp(value, "abort"))
		return true;
	if (strcmp(value, no))
		rli_mistake("%s='%s': abort or %s is expected", variable, value,
			    no);
	return false;
}

void rli_outage_start(void)
{
	abort_on_outage = choice("RL_ON_OUTAGE", "wait");
	abort_on_lost = choice("RL_ON_LOST", "log");
}

/* ---------------------------------------------------------------- telling */

/* One for all threads: an outage is told once. Under guard, but for servers:
 * those that were met with last, NULL once they have answered. */
static struct {
	struct rli_guard guard;
	int64_t began, last_met, next_line, pause;
	_Atomic(const struct rli_servers *) servers;
} told;

/* A server that hangs fails a try when its time-outs are over. */
static int64_t over(const struct rli_servers *servers)
{
	int64_t longest = 0;

	for (int i = 0; i < servers->n; i++) {
		const struct rli_url *url = &servers->node[i]->url;
		int64_t ms = (int64_t)url->connect_timeout_ms +
			     url->command_timeout_ms;

		if (ms > longest)
			longest = ms;
	}
	return rli_ms(longest) + OVER;
}

static bool time_for_a_line(const struct rli_servers *servers, int64_t now)
{
	bool yes;

	rli_guard_lock(&told.guard);
	if (!atomic_exchange(&told.servers, servers) ||
	    now > told.last_met + over(servers)) {
		told.began = told.next_line = now;
		told.pause = FIRST_PAUSE;
	}
	told.last_met = now;
	yes = now >= told.next_line;
	if (yes) {
		told.next_line = now + told.pause;
		if (told.pause < LONGEST_PAUSE)
			told.pause *= 2;
	}
	rli_guard_unlock(&told.guard);
	return yes;
}

static void tell(const struct rli_servers *servers)
{
	int64_t now = rli_now();

	if (time_for_a_line(servers, now))
		rli_say("waiting for the lock server, since %lld s: %s",
			(long long)((now - told.began) / RLI_S),
			rl_last_error());
}

/*
 * The core pauses between two tries of servers that cannot be asked; the
 * linker sends it here for that (--wrap).
 */
__typeof__(rli_pause) __real_rli_pause, __wrap_rli_pause;

void __wrap_rli_pause(struct rli_thread *self,
		      const struct rli_servers *servers, int64_t until)
{
	tell(servers);
	__real_rli_pause(self, servers, until);
}

/* ---------------------------------------------------------------- waiting */

static const struct rli_mutex *core(const struct rli_object *o)
{
	return o->lock.rl_private.rl_impl;
}

void rli_outage_wait(struct rli_outage *outage, struct rli_object *o,
		     bool waited)
{
	struct timespec pause = { .tv_nsec = 100 * RLI_MS };
	const struct rli_servers *servers = core(o)->terms.servers;
	int64_t now = rli_now();
	struct rli_cancel cancel;

	if (!outage->began)
		outage->began = now;
	if (abort_on_outage &&
	    (waited || now - outage->began >= servers->outage_timeout))
		rli_abort("lock '%s': %s; the program cannot go on without it "
			  "(RL_ON_OUTAGE=wait would wait on)",
			  core(o)->lock->place.k, rl_last_error());
	tell(servers);
	rli_cancel_off(&cancel);
	nanosleep(&pause, NULL);
	rli_cancel_as_before(&cancel);
}

void rli_outage_over(const struct rli_object *o)
{
	const struct rli_servers *met = atomic_load_explicit(
		&told.servers, memory_order_relaxed);

	if (met && met == core(o)->terms.servers)
		atomic_compare_exchange_strong(&told.servers, &met, NULL);
}

/* ------------------------------------------------------------------- lost */

/*
 * Whether another process has unlocked the mutex, as any of this host may: then
 * the hold ended there. The memory may have been unmapped, so the kernel reads.
 */
static bool was_unlocked(const struct rli_object *o)
{
	const pthread_mutex_t *mutex = o->made_for;
	int owner = 0;
	struct iovec here = { &owner, sizeof(owner) };
	struct iovec there = { (void *)&mutex->__data.__owner, sizeof(owner) };

	if (o->sort < RLI_SORT_HOST)
		return false;
	return process_vm_readv(getpid(), &here, 1, &there, 1, 0) < 0 ||
	       owner != atomic_load(&o->tid);
}

static bool harms_nobody(rl_mutex_t *lock)
{
	struct rli_object *o = (struct rli_object *)(void *)
		((char *)lock - offsetof(struct rli_object, lock));

	return atomic_load(&o->leftover) || was_unlocked(o);
}

void rli_lost(rl_mutex_t *lock, int err, void *pattern)
{
	static const char what[] =
		"lock '%s': the hold was lost: its lease ran out, or the "
		"server forgot it, while the program was inside; another "
		"process may be there too%s";
	const struct rli_mutex *m = lock->rl_private.rl_impl;

	(void)err;
	(void)pattern;
	if (harms_nobody(lock))
		return;
	if (abort_on_lost)
		rli_abort(what, m->lock->place.k, "");
	rli_say(what, m->lock->place.k, "; going on (RL_ON_LOST=log)");
}
