#ifndef RL_MUTEX_H
#define RL_MUTEX_H

/*
 * rl_mutex_t: a mutex that holds across threads, processes and machines.
 *
 * A lock is a name under a prefix on a set of Redis servers; it is what all
 * machines agree on. An rl_mutex_t is one process's handle on a lock. Two
 * mutexes with the same name, prefix and servers are the same lock, wherever
 * they are. The calls, types and errors are those of pthread mutexes; what
 * is new is that the servers grant a lock for a lease only, which rl renews
 * in the background while the lock is held, and that a lease can be lost.
 *
 *	#include <rl/rl.h>
 *	#include <stdio.h>
 *
 *	static rl_mutex_t nightly = RL_MUTEX_INITIALIZER("nightly");
 *
 *	int main(void)
 *	{
 *		int err = rl_mutex_lock(&nightly);
 *
 *		if (err) {
 *			fprintf(stderr, "lock: %s\n", rl_last_error());
 *			return 1;
 *		}
 *		puts("nobody else is here, on any machine");
 *		err = rl_mutex_unlock(&nightly);
 *		if (err)
 *			fprintf(stderr, "unlock: %s\n", rl_last_error());
 *		return err != 0;
 *	}
 *
 * Invariants
 *  - Two threads never both return 0 from lock on the same lock while both
 *    leases are valid, whatever the owner granularity; type REFRESH, made
 *    for sharing, is the exception.
 *  - A lease's validity is counted from before the request was sent, on a
 *    clock that runs on during suspend, less a margin (1 % + 2 ms) for clocks
 *    that differ in speed, and checked again before lock returns.
 *  - Each new hold has a fence (rl_mutex_fence) above that of every earlier
 *    hold of the lock.
 *  - Waiters on one server are served in the order in which they came.
 *
 * Not promised
 *  - That you still hold the lock in the next instant. A process that is
 *    stopped, swapped out or cut off for longer than the lease loses it, and
 *    another may hold it before you notice. Ask rl_mutex_remaining before
 *    each step that matters; let the store you write to compare fences.
 *  - That a lost lease interrupts you. onlost tells you (rl_mutexattr_t), the
 *    next call says ESTALE; nothing stops your thread.
 *  - Exclusion after a server lost its data, or on a replica promoted without
 *    it: a lock that the server forgot is free to it.
 *  - Clocks that run more than 1 % apart, or are set on the server while a
 *    lock is held.
 *  - Order of waiters across several servers: there it is best effort.
 *  - Speed of a pthread mutex: an uncontended hold costs two requests.
 *
 * Illegal (undefined, as in POSIX, where no error is named below)
 *  - Copying or moving an rl_mutex_t. Handing it over by pointer is fine; in
 *    memory shared by processes it is not: give each its own, same name.
 *  - Initialising a mutex that is initialised. Destroying one that another
 *    thread is calling a function on.
 *  - Changing or freeing the name of a static initialiser. (rl_mutex_init
 *    copies its name.)
 *  - Any call from a signal handler.
 *
 * Common to all functions, and not repeated at each
 *	Return 0 or a positive error number, never EINTR; errno is left alone.
 *	rl_last_error() has the details of the calling thread's last failure.
 *	Thread-safe, for one mutex and for different ones, but for the two
 *	illegal cases above. Not async-signal-safe. Not a cancellation point,
 *	and a cancellation that is pending stays pending. No SIGPIPE. A signal
 *	handler may run during a wait; the wait goes on.
 *	A thread that ends waits up to 0.2 s for servers that owe it an answer:
 *	what was sent last may else not be run. exit() waits for the background
 *	thread too, which gives back what is kept by delegation: 1.2 s at most.
 *	After fork the child may use every mutex. It is another owner (but for
 *	HOST granularity and owner names) and holds nothing its parent held.
 *	Nothing is printed.
 *
 *	EINVAL	the mutex is null, not initialised or destroyed. First use of
 *		a static one: bad name or bad environment value too.
 *	ENOMEM	no memory. Only the first use of a mutex by a thread
 *		allocates; not returned afterwards.
 *
 *	A function said to "ask the servers" blocks for an exchange with them,
 *	bounded by the time-outs of the URL, and can also fail with
 *	ENOLCK	no majority of the servers could be asked: down, unreachable,
 *		wrong kind, no answer in time. A connection that breaks is
 *		made anew inside the call.
 *	EACCES	they refused the password, the user or the command.
 *	EPROTO	an answer that makes no sense, or the lock is kept by another
 *		list of servers.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include <rl/api.h>
#include <rl/mutexattr.h>

RL_BEGIN_DECLS

/*
 * Sized and opaque. The first member is there for the static initialisers
 * only: its fields are rl's, and change their meaning without notice.
 */
union rl_mutex {
	struct {
		unsigned rl_magic;
		int rl_type;
		const char *rl_name;
		void *rl_impl;
	} rl_private;
	char rl_size[64];
	long long rl_align;
};

#define RL_MUTEX_STATIC_ 0x726c5354u	/* "rlST" */
#define RL_MUTEX_STATIC_INIT_(name, type) \
	{ { RL_MUTEX_STATIC_, type, name, 0 } }

/*
 * Static initialisers, for static storage or a declaration: the mutex takes
 * its attributes from the environment and the defaults at its first use, and
 * errors of that show there. The name must live as long as the mutex. Such a
 * mutex need not be destroyed; destroyed, it may be initialised again with
 * rl_mutex_init.
 */
#define RL_MUTEX_INITIALIZER(name) \
	RL_MUTEX_STATIC_INIT_(name, RL_MUTEX_NORMAL)
#define RL_RECURSIVE_MUTEX_INITIALIZER(name) \
	RL_MUTEX_STATIC_INIT_(name, RL_MUTEX_RECURSIVE)
#define RL_ERRORCHECK_MUTEX_INITIALIZER(name) \
	RL_MUTEX_STATIC_INIT_(name, RL_MUTEX_ERRORCHECK)

/*
 * rl_mutex_init: make *mutex a handle on the lock called name, with the
 * attributes of attr, or with attr null those of the environment and the
 * defaults. Name and attributes are copied. The servers are not asked; the
 * mutex is not held by this call. As pthread_mutex_init, plus the name.
 *	EINVAL	name null, empty or above 1024 bytes; a brace in prefix + name
 *		that is not one valid hash tag; attr not initialised; a bad
 *		environment value; attributes that do not fit together.
 *	ENOTSUP	delegation by several servers, or a kind of server that this
 *		version lacks.
 */
RL_API int rl_mutex_init(rl_mutex_t *mutex, const char *name,
			 const rl_mutexattr_t *attr);

/*
 * rl_mutex_destroy: end this handle; the lock on the servers is left alone.
 * After 0 any call on it but rl_mutex_init is EINVAL. Does not block, except
 * for a renewal or onlost callback of this mutex that is under way, and to ask
 * the servers where a lock that is kept by delegation is given back.
 *	EBUSY	this process holds it by this handle, or waits for it so. (What
 *		other processes do, and other handles of the same name, is no
 *		obstacle.)
 */
RL_API int rl_mutex_destroy(rl_mutex_t *mutex);

/*
 * rl_mutex_lock: wait until the lock is granted. On return of 0 or
 * EOWNERDEAD the calling thread holds it, with the whole validity of at least
 * one fresh lease less the time of the answer; on any other it does not.
 * Asks the servers, and rides out an outage: without a deadline it gives up
 * only when none of them could be asked for outage_timeout (5 s). Waiting
 * does not poll. How long it waits at most: attribute timeout.
 * As pthread_mutex_lock. What happens when the lock is held already:
 *
 *		by somebody else	by the calling thread
 *	NORMAL		wait		wait: a deadlock, as POSIX says
 *	ERRORCHECK	wait		EDEADLK
 *	RECURSIVE	wait		0, one deeper
 *	REFRESH		wait; 0 if the same owner, and the lease starts anew
 *
 *	EOWNERDEAD	robust only: held, but the last holder did not unlock.
 *		Mend what it left, then rl_mutex_consistent. May be said once
 *		too often (an answer was lost), never once too seldom.
 *	ENOTRECOVERABLE	somebody was told EOWNERDEAD, and unlocked without
 *		mending. Not only for robust mutexes.
 *	EDEADLK	as in the table.
 *	EAGAIN	recursive, and 65535 deep already.
 *	ETIMEDOUT	the attribute timeout has passed; or (several servers)
 *		the retries of the attribute retry are used up.
 *	EBUSY	the attribute timeout is 0 and the lock is not free.
 */
RL_API int rl_mutex_lock(rl_mutex_t *mutex);

/*
 * rl_mutex_trylock: as rl_mutex_lock, but never waits for a holder and makes
 * one try at the servers. As pthread_mutex_trylock. Free means: not held,
 * and nobody believed to wait for it; waiters that died are believed for up
 * to 3 s. A RECURSIVE lock held by the calling thread goes one deeper; a
 * REFRESH lock of the same owner starts its lease anew.
 *	EBUSY	held or waited for; ERRORCHECK and NORMAL: by the caller too.
 *	EOWNERDEAD, ENOTRECOVERABLE, EAGAIN	as rl_mutex_lock.
 */
RL_API int rl_mutex_trylock(rl_mutex_t *mutex);

/*
 * rl_mutex_timedlock, rl_mutex_clocklock: as rl_mutex_lock, but wait until
 * *abstime at most, on CLOCK_REALTIME, or on the clock given: CLOCK_REALTIME
 * or CLOCK_MONOTONIC. The attribute timeout is not used. The clock is read
 * once: setting it during the wait changes nothing. A deadline in the past
 * still takes a free lock. As pthread_mutex_timedlock, _clocklock.
 *	ETIMEDOUT	*abstime has passed; also when the servers were down
 *		all the time, and rl_last_error() then says so.
 *	EINVAL	nanoseconds not in 0 .. 999999999, or another clock; seen only
 *		if the call would wait.
 *	EOWNERDEAD, ENOTRECOVERABLE, EDEADLK, EAGAIN	as rl_mutex_lock.
 */
RL_API int rl_mutex_timedlock(rl_mutex_t *mutex,
			      const struct timespec *abstime);
RL_API int rl_mutex_clocklock(rl_mutex_t *mutex, clockid_t clock,
			      const struct timespec *abstime);

/*
 * rl_mutex_unlock: end the hold (RECURSIVE: its innermost level). After 0,
 * ESTALE and ENOLCK it is over, and another unlock is EPERM; after the rest
 * nothing has changed. Asks the servers unless it is an inner level or the
 * lock is passed on inside the process; with RL_RELEASE_ASYNC it does not
 * wait for their answer. Who may: with NORMAL and REFRESH any thread that is
 * the owner by its granularity, which ends the locker's hold without a word;
 * with ERRORCHECK and RECURSIVE the locking thread. A robust mutex locked
 * with EOWNERDEAD and not mended becomes not recoverable, for everyone until
 * rl_mutex_reset; this unlock itself returns 0. As pthread_mutex_unlock.
 *	EPERM	the caller may not: not the owner, or not held.
 *	ESTALE	the lease was lost before: what was done under the lock may
 *		have overlapped another holder. RECURSIVE: said at each level.
 *	ENOLCK	no server could be told in time. The work was covered; the
 *		lock becomes free when the lease runs out.
 */
RL_API int rl_mutex_unlock(rl_mutex_t *mutex);

/*
 * rl_mutex_consistent: declare what the lock protects mended, after
 * EOWNERDEAD and before the unlock. Asks the servers.
 * As pthread_mutex_consistent.
 *	EINVAL	there is nothing to mend: the mutex is not robust, its last
 *		holder did unlock, or the caller is not its owner.
 *	ESTALE	the lease was lost.
 */
RL_API int rl_mutex_consistent(rl_mutex_t *mutex);

/*
 * rl_mutex_refresh: start the configured lease anew, now, even if that is
 * shorter than what is left. For holders with RL_REFRESH_OFF, or who want to
 * be sure before a long step. Asks the servers. As Redis PEXPIRE, by owner.
 *	EPERM	the caller is not the owner (who is: as NORMAL in unlock).
 *	ESTALE	the lease was lost.
 *	ENOTSUP	the lease is 0.
 *	ENOLCK	nothing is known to have changed: the hold lasts as long as
 *		rl_mutex_remaining says.
 */
RL_API int rl_mutex_refresh(rl_mutex_t *mutex);

/*
 * rl_mutex_extend: as rl_mutex_refresh, with a lease of this length from now.
 * The background renewals do not shorten it again.
 *	EINVAL	below 10 ms, above 2^40 ms, or nanoseconds out of range.
 */
RL_API int rl_mutex_extend(rl_mutex_t *mutex, const struct timespec *lease);

/*
 * rl_mutex_remaining: *left is how long the hold is certain to last if it is
 * not renewed any more. Lease 0: the largest time there is. Local: asks
 * nobody, does not block. On failure *left is unchanged.
 *	EPERM	the caller does not hold it: for THREAD granularity it is not
 *		the locking thread, else the hold is not of this process.
 *	ESTALE	the lease was lost, or has run out.
 */
RL_API int rl_mutex_remaining(rl_mutex_t *mutex, struct timespec *left);

/*
 * rl_mutex_fence: *fence is the number of this owner's hold, 1 .. 2^53 - 1,
 * greater than that of every earlier hold of this lock. Send it with each
 * write to a store that refuses numbers below the highest it saw, and a
 * holder that lost its lease without knowing cannot spoil its successor's
 * work. Inner levels, renewals and passing on inside a process keep it.
 * Local in the process that locked; another process of the same owner asks
 * the servers. On failure *fence is unchanged.
 *	EPERM	the owner does not hold the lock.
 *	ESTALE	the lease was lost.
 */
RL_API int rl_mutex_fence(rl_mutex_t *mutex, uint64_t *fence);

/*
 * rl_mutex_held: ask the servers whether this owner holds the lock now. The
 * caller's hold that a single server does not have any more is lost from then
 * on (onlost, ESTALE); of several, a renewal may yet set it again.
 *	0	it does.
 *	EPERM	it does not.
 */
RL_API int rl_mutex_held(rl_mutex_t *mutex);

/*
 * rl_mutex_locked: ask the servers whether anybody holds the lock. The
 * answer may be old when you read it: for monitors, not for decisions.
 *	0	it is free.
 *	EBUSY	somebody holds it, or is just being handed it.
 */
RL_API int rl_mutex_locked(rl_mutex_t *mutex);

/*
 * rl_mutex_owner: ask the servers who holds the lock, and write the owner's
 * id to buf as a string: host:..., proc:..., thrd:... or name:..., the same
 * for each hold of that owner. Where a client other than rl holds it: its
 * whole value. 1200 bytes are enough for every id of rl's.
 *	ENOENT	nobody holds it, or it is just being handed over.
 *	ERANGE	size is too small; buf is unchanged.
 */
RL_API int rl_mutex_owner(rl_mutex_t *mutex, char *buf, size_t size);

/*
 * rl_mutex_reset: free the lock, whoever holds it, wherever, and make one
 * that is not recoverable usable again. Waiters go on waiting, and the first
 * of them gets it. The holder's hold is lost: it is told ESTALE, at its next
 * call or renewal, and may be writing until then. A process that keeps the
 * lock by delegation is first asked to give it back, for 0.2 s at most. Needs
 * no right but that to write on the servers, which it asks.
 */
RL_API int rl_mutex_reset(rl_mutex_t *mutex);

/*
 * rl_reset_all: rl_mutex_reset for every lock under the servers and prefix of
 * attr (null: of environment and defaults). *n, unless n is null, is how many
 * were held. Looks through the whole database, in steps that do not block the
 * server (SCAN); a lock made meanwhile may be missed. With prefix "" only
 * keys whose value has rl's form are touched.
 *	EINVAL	attr is not initialised; a bad environment value.
 *	ENOTSUP	a kind of server that this version lacks.
 */
RL_API int rl_reset_all(const rl_mutexattr_t *attr, size_t *n);

/*
 * RL_MUTEX_GUARD(err, &m); declares int err, locks m with rl_mutex_lock,
 * whose result err is, and at the end of the scope, however it is left,
 * unlocks if that result was 0 or EOWNERDEAD:
 *
 *	int add(long n)
 *	{
 *		RL_MUTEX_GUARD(err, &total_lock);
 *		if (err)
 *			return err;
 *		total += n;
 *		return 0;
 *	}
 *
 * The result of that unlock is lost: who must know of ESTALE unlocks by hand,
 * without a guard. Do not unlock inside the scope: the guard would unlock a
 * second time. Assigning to err later changes nothing. Two guards in one
 * scope need two names. Needs __attribute__((cleanup)): gcc, clang. For C++
 * there is <rl/mutex.hpp>.
 */
#if defined(__GNUC__)
static inline int rl_mutex_guard_enter_(rl_mutex_t **guard)
{
	int err = rl_mutex_lock(*guard);

	if (err != 0 && err != EOWNERDEAD)
		*guard = 0;
	return err;
}

static inline void rl_mutex_guard_leave_(rl_mutex_t **guard)
{
	if (*guard)
		rl_mutex_unlock(*guard);
}

#define RL_MUTEX_GUARD(err, mutex) \
	rl_mutex_t *rl_guard_##err \
		__attribute__((cleanup(rl_mutex_guard_leave_))) = (mutex); \
	int err = rl_mutex_guard_enter_(&rl_guard_##err)
#endif

RL_END_DECLS

#endif
