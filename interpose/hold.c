/*
 * The program's own mutex is the gate: whoever comes here has locked it, so of
 * this process one thread at a time deals with the rl lock behind it. Every
 * function is inside (inside.h) while it works, and has put asynchronous
 * cancellation off, which acts again where it waits.
 */
#include "interpose/hold.h"

#include <errno.h>

#include <rl/rl.h>

#include "base/clock.h"
#include "interpose/init.h"
#include "interpose/inside.h"
#include "interpose/kind.h"
#include "interpose/outage.h"
#include "interpose/real.h"
#include "interpose/say.h"
#include "interpose/stats.h"

/* How long a thread that may be cancelled at any time waits before it looks. */
#define LOOK (200 * RLI_MS)
/* After so many looks it asks whether the servers are there: each is too short
 * for an outage. */
#define LOOKS 5

/* One call of the program, from behind the gate on. */
struct call {
	pthread_mutex_t *mutex;
	struct rli_object *object;
	const struct rli_how *how;
	struct rli_outage outage;
	int cancel_type;	/* the program's */
	int gate;
};

static bool is_held(const struct rli_object *o)
{
	return atomic_load_explicit(&o->held, memory_order_relaxed) ==
	       rli_generation;
}

static void set_held(struct rli_object *o, bool held)
{
	atomic_store_explicit(&o->locker, pthread_self(),
			      memory_order_relaxed);
	atomic_store_explicit(&o->held, held ? rli_generation : 0,
			      memory_order_relaxed);
}

/* ------------------------------------------------------------------- take */

static bool is_before(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec < b->tv_sec ||
	       (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec);
}

/* Whether err is the servers' fault, or nobody's that the program knows. */
static bool is_outage(int err)
{
	return err == ENOLCK || err == EACCES || err == EPROTO ||
	       err == ENOMEM;
}

/* Waits a little at a time, and is cancelled in between. */
static int lock_cancellable(struct call *c)
{
	const struct rli_how *how = c->how;
	clockid_t clock = how->how == RLI_HOW_UNTIL ? how->clock
						    : CLOCK_MONOTONIC;
	struct timespec until;
	int err, type, looks = 0;
	bool last;

	do {
		clock_gettime(clock, &until);
		rli_to_timespec(until.tv_sec * RLI_S + until.tv_nsec + LOOK,
				&until);
		last = how->how == RLI_HOW_UNTIL &&
		       !is_before(&until, how->abstime);
		err = rl_mutex_clocklock(&c->object->lock, clock,
					 last ? how->abstime : &until);
		if (err != ETIMEDOUT || last)
			return err;
		if (++looks % LOOKS == 0 &&
		    is_outage(err = rl_mutex_locked(&c->object->lock)))
			return err;
		rli_leave();
		pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &type);
		pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &type);
		rli_enter();
	} while (1);
}

static int ask(struct call *c)
{
	rl_mutex_t *lock = &c->object->lock;

	rli_count(&rli_counts.sent);
	rli_count(&c->object->sent);
	if (c->how->how == RLI_HOW_TRY)
		return rl_mutex_trylock(lock);
	if (c->cancel_type == PTHREAD_CANCEL_ASYNCHRONOUS &&
	    c->how->how != RLI_HOW_RELOCK)
		return lock_cancellable(c);
	if (c->how->how == RLI_HOW_UNTIL)
		return rl_mutex_clocklock(lock, c->how->clock,
					  c->how->abstime);
	return rl_mutex_lock(lock);
}

/* ENOLCK of a lock comes after outage_timeout, of a trylock at once: as does a
 * refusal. */
static bool has_waited(const struct call *c, int err)
{
	return err == ENOLCK && c->how->how != RLI_HOW_TRY;
}

/* What is bound by its kind has no symbol to be called by. */
static const char *called(const struct rli_object *o)
{
	return o->label[0] ? o->label : o->pattern->text;
}

static void cannot(const struct rli_object *o, int err)
{
	rli_abort("%s: %s (%s)", called(o), rl_last_error(), rl_strerror(err));
}

/* A result that the program's call cannot have ends the program. */
static int check(const struct call *c, int err)
{
	switch (err) {
	case 0:
	case EOWNERDEAD:
		return err;
	case EBUSY:
		if (c->how->how == RLI_HOW_TRY)
			return err;
		break;
	case ETIMEDOUT:
	case EINVAL:
		if (c->how->how == RLI_HOW_UNTIL)
			return err;
		break;
	case ENOTRECOVERABLE:
		c->object->spoiled = true;
		if (rli_is_robust(c->mutex))
			return err;
	}
	cannot(c->object, err);
	return err;
}

/*
 * A hold left over by an earlier life of this address, by a thread or another
 * process that died, or by one whose mutex another process has unlocked.
 * Nobody is inside now.
 */
static void leave_leftover(struct call *c)
{
	struct rli_object *o = c->object;

	if (!is_held(o) &&
	    !(c->gate == EOWNERDEAD && o->sort >= RLI_SORT_HOST))
		return;
	atomic_store(&o->leftover, true);
	rl_mutex_unlock(&o->lock);
	atomic_store(&o->leftover, false);
}

static int take(struct call *c)
{
	struct rli_object *o = c->object;
	int err = rli_object_make(o, c->mutex);

	if (err)
		cannot(o, err);
	leave_leftover(c);
	set_held(o, false);
	while (is_outage(err = ask(c)))
		rli_outage_wait(&c->outage, o, has_waited(c, err));
	if (err != ETIMEDOUT)
		rli_outage_over(o);
	return check(c, err);
}

/* ----------------------------------------------------------- what it means */

static void undo_gate(void *arg)
{
	struct call *c = arg;

	/* EOWNERDEAD is kept for the next: an unlock now would make the mutex
	 * not recoverable. */
	if (c->gate == EOWNERDEAD) {
		c->object->owner_died = true;
		rli_real.consistent(c->mutex);
	}
	rli_object_put(c->object);
	rli_real.unlock(c->mutex);
}

/* Unlocks the gate if it is cancelled meanwhile. */
static int take_or_undo(struct call *c)
{
	int err;

	pthread_cleanup_push(undo_gate, c);
	err = take(c);
	pthread_cleanup_pop(err != 0 && err != EOWNERDEAD);
	return err;
}

/* The rl lock is held; err says whether its last owner died. */
static int granted(struct call *c, int err)
{
	struct rli_object *o = c->object;

	if (o->sort >= RLI_SORT_HOST)
		atomic_store(&o->tid, c->mutex->__data.__owner);
	set_held(o, true);
	o->inconsistent = err == EOWNERDEAD;
	o->told = o->owner_died;
	if (c->gate == EOWNERDEAD || err == EOWNERDEAD || o->owner_died) {
		o->owner_died = false;
		if (rli_is_robust(c->mutex))
			return EOWNERDEAD;
		/* The lock is robust by an option, the mutex is not. */
		rl_mutex_consistent(&o->lock);
		o->inconsistent = o->told = false;
	}
	return 0;
}

int rli_hold_after_gate(pthread_mutex_t *mutex, int gate,
			const struct rli_how *how)
{
	struct call c = { .mutex = mutex, .how = how, .gate = gate };
	int err = gate;

	if (rli_inside || rli_is_nested(mutex))
		return gate;
	pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &c.cancel_type);
	rli_enter();
	c.object = rli_object_take(mutex);
	if (c.object) {
		rli_count(&rli_counts.bound);
		rli_count(&c.object->calls);
		err = take_or_undo(&c);
		if (err == 0 || err == EOWNERDEAD)
			err = granted(&c, err);
	}
	rli_leave();
	pthread_setcanceltype(c.cancel_type, &c.cancel_type);
	return err;
}

/* ------------------------------------------------------------------- give */

static void release(struct rli_object *o)
{
	int err;

	rli_count(&rli_counts.sent);
	rli_count(&o->sent);
	err = rl_mutex_unlock(&o->lock);
	/* ENOLCK: the work was covered, and the lease frees the lock. EPERM:
	 * somebody who may has unlocked it already. */
	if (err == ENOLCK)
		rli_say("lock '%s' could not be given back; its lease will "
			"end: %s", called(o), rl_last_error());
	/* ESTALE was told by the callback, rli_lost(). */
}

/*
 * Not held by this process; another one of the host may have locked it, and
 * any thread of any process may unlock it.
 */
static bool is_anothers(struct rli_object *o, const pthread_mutex_t *mutex)
{
	return rli_is_pshared(mutex) && !rli_is_owned(mutex) &&
	       mutex->__data.__lock && !rli_object_make(o, mutex);
}

/* Whether an unlock by this thread ends a hold. */
static bool ends_hold(struct rli_object *o, const pthread_mutex_t *mutex)
{
	if (!is_held(o))
		return is_anothers(o, mutex);
	if (rli_is_nested(mutex))
		return false;
	return !rli_is_owned(mutex) ||
	       pthread_equal(atomic_load_explicit(&o->locker,
						  memory_order_relaxed),
			     pthread_self());
}

static void end_hold(struct rli_object *o)
{
	set_held(o, false);
	release(o);
	o->spoiled = o->inconsistent;
	/* Not mended, and the real mutex does not know: the next is told. */
	o->owner_died = o->told;
	o->inconsistent = o->told = false;
	rli_object_put(o);
}

static bool give(pthread_mutex_t *mutex)
{
	struct rli_object *o = rli_object_find(mutex);
	bool fresh = !o && rli_is_pshared(mutex);

	/* One that only other processes have locked so far. */
	if (fresh)
		o = rli_object_take(mutex);
	if (!o)
		return false;
	if (ends_hold(o, mutex)) {
		end_hold(o);
		return true;
	}
	if (fresh)
		rli_object_put(o);
	return false;
}

bool rli_hold_give(pthread_mutex_t *mutex)
{
	bool gave;
	int type;

	if (rli_inside)
		return false;
	pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &type);
	rli_enter();
	gave = give(mutex);
	rli_leave();
	pthread_setcanceltype(type, &type);
	return gave;
}

/* What the real mutex knows nothing of. */
static int mend(struct rli_object *o, int err)
{
	if (!o->inconsistent && !o->told)
		return err;
	if (o->inconsistent && rl_mutex_consistent(&o->lock))
		return err;
	o->inconsistent = o->told = false;
	return 0;
}

int rli_hold_mend(pthread_mutex_t *mutex, int err)
{
	struct rli_object *o;

	if (rli_inside)
		return err;
	rli_enter();
	o = rli_object_find(mutex);
	if (o && is_held(o) && rli_is_robust(mutex))
		err = mend(o, err);
	rli_leave();
	return err;
}

void rli_hold_forget(pthread_mutex_t *mutex)
{
	if (rli_inside)
		return;
	rli_enter();
	rli_object_forget(mutex);
	rli_leave();
}
