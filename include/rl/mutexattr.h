#ifndef RL_MUTEXATTR_H
#define RL_MUTEXATTR_H

/*
 * Mutex attributes: how a mutex behaves and which servers keep it.
 *
 * One attribute object can initialise any number of mutexes. It is the
 * factory that carries the connection details of them all; mutexes with the
 * same servers share each thread's connection. rl_mutex_init copies what it
 * needs: changing or destroying the attribute object later has no effect on
 * mutexes made with it.
 *
 * What an attribute object leaves unset comes from the environment when the
 * mutex is initialised (for a static one: at its first use), and then from
 * the default. So whoever deploys a program chooses what its author left
 * open, without recompiling:
 *
 *	attribute        environment       default
 *	servers          RL_SERVERS        redis://127.0.0.1:6379/0
 *	prefix           RL_PREFIX         rl:
 *	type             -                 RL_MUTEX_NORMAL
 *	granularity      RL_GRANULARITY    RL_GRANULARITY_THREAD
 *	owner            RL_OWNER          none
 *	robust           -                 RL_MUTEX_STALLED
 *	lease            RL_LEASE_MS       10000 ms
 *	refresh          RL_REFRESH        RL_REFRESH_AUTO
 *	maxhold          RL_MAX_HOLD_MS    0, no limit
 *	refreshinterval  RL_REFRESH_MS     0, a third of the lease
 *	timeout          RL_TIMEOUT_MS     -1, wait for ever
 *	retry            RL_RETRY          -1,20,20
 *	release          RL_RELEASE        RL_RELEASE_SYNC
 *	slice            RL_SLICE_US       1000 microseconds
 *	delegation       RL_DELEGATION     RL_DELEGATION_OFF
 *	onlost           -                 none
 *
 * Example, two mutexes from one attribute object:
 *
 *	rl_mutexattr_t attr;
 *	rl_mutex_t jobs, mail;
 *	int err = rl_mutexattr_init(&attr);
 *
 *	if (!err)
 *		err = rl_mutexattr_setservers(&attr, "redis://db1/0");
 *	if (!err)
 *		err = rl_mutexattr_setrobust(&attr, RL_MUTEX_ROBUST);
 *	if (!err)
 *		err = rl_mutex_init(&jobs, "jobs", &attr);
 *	if (!err)
 *		err = rl_mutex_init(&mail, "mail", &attr);
 *	rl_mutexattr_destroy(&attr);
 *	if (err)
 *		fprintf(stderr, "rl: %s\n", rl_last_error());
 *
 * Common to all functions below
 *	Return 0 or a positive error number; errno is left alone. A failure
 *	changes nothing, and rl_last_error() says which value was wrong.
 *	EINVAL	the attribute object is null, was never initialised or is
 *		destroyed; or the value is bad (each setter says which are).
 *		A getter: or the environment variable it had to read is bad.
 *	ENOMEM	no memory to copy a string (setservers, setprefix, setowner).
 *	None blocks, none talks to a server, none is a cancellation point.
 *	Like pthread_mutexattr_t an attribute object is not locked inside: it
 *	may be read by many threads at once (getters and rl_mutex_init only
 *	read), but whoever changes it must be alone with it. A forked child
 *	has its own copy, as of every object. Not for signal handlers.
 *
 * A setter checks its own value. What must fit together is checked by
 * rl_mutex_init: an interval not below the lease, delegation without what
 * it needs.
 *
 * A getter gives what a mutex initialised now would use: the attribute if
 * set, else the environment, else the default. A string from a getter is
 * the attribute object's: valid until that attribute is set again or the
 * object destroyed, or, when it came from the environment, until the
 * variable is changed or a getter is called again.
 */
#include <rl/api.h>

RL_BEGIN_DECLS

typedef union rl_mutex rl_mutex_t;	/* <rl/mutex.h> */

/*
 * Sized and opaque; not to be copied: two copies would own the same memory.
 */
typedef union rl_mutexattr {
	char rl_size[256];
	long long rl_align;
} rl_mutexattr_t;

/* type: what a thread may do with a lock that is already held */
enum {
	RL_MUTEX_NORMAL = 0,	/* the holder who locks again waits */
	RL_MUTEX_DEFAULT = RL_MUTEX_NORMAL,
	RL_MUTEX_ERRORCHECK = 1,	/* ... gets EDEADLK */
	RL_MUTEX_RECURSIVE = 2,	/* ... is counted; as many unlocks */
	RL_MUTEX_REFRESH = 3	/* its owner's lease starts anew, uncounted */
};

/* robust: what the next one learns when a holder did not unlock */
enum {
	RL_MUTEX_STALLED = 0,	/* nothing */
	RL_MUTEX_ROBUST = 1	/* EOWNERDEAD, and it holds the lock */
};

/* granularity: who besides the locking thread is the owner */
enum {
	RL_GRANULARITY_THREAD = 0,	/* nobody */
	RL_GRANULARITY_PROCESS = 1,	/* every thread of the process */
	RL_GRANULARITY_HOST = 2	/* every process of the machine */
};

enum { RL_REFRESH_AUTO = 0, RL_REFRESH_OFF = 1 };
enum { RL_RELEASE_SYNC = 0, RL_RELEASE_ASYNC = 1 };
enum { RL_DELEGATION_OFF = 0, RL_DELEGATION_ON = 1 };

/*
 * Called once for a hold that is found lost, with the mutex that took it,
 * ESTALE, and the argument given to setonlost. It runs on rl's background
 * thread or on the thread that found the loss, with no lock of rl's held: it
 * may call rl, except rl_mutex_destroy on this mutex, and should be short,
 * because renewals of other locks wait for it. It must not exit its thread.
 */
typedef void rl_onlost_fn(rl_mutex_t *mutex, int error, void *arg);

/*
 * rl_mutexattr_init: every attribute unset. rl_mutexattr_destroy: frees what
 * it holds; afterwards only rl_mutexattr_init may be called on it (anything
 * else is EINVAL). Initialising an object twice without destroying it leaks.
 * As POSIX pthread_mutexattr_init.
 */
RL_API int rl_mutexattr_init(rl_mutexattr_t *attr);
RL_API int rl_mutexattr_destroy(rl_mutexattr_t *attr);

/*
 * servers: one URL, or several separated by spaces or commas.
 *	redis://[user][:password@][host][:port][/db][?option=value&...]
 *	rediss://... through TLS, otherwise the same
 *	unix://[user][:password@]/path/to/socket[?db=0&option=value...]
 * Options: connect_timeout, command_timeout (ms, 1000 each),
 * outage_timeout (ms, 5000), keepalive, passfile (a file that holds the
 * password, is the caller's own and closed to others). For rediss://: cacert
 * (file or folder of CA certificates), cert, key (ours), sni, verify=full (the
 * default), ca or none; see docs/tls.md. One entry is a single server;
 * several, at most 15, are a quorum of independent ones. Nothing is asked of
 * them yet.
 * EINVAL: null, empty, does not parse (rl_last_error says where, never
 * showing a password), the same server twice, more than 15. ENOTSUP: a scheme that this
 * version does not know how to speak. NULL is EINVAL: there is no way back
 * to unset but a new attribute object.
 */
RL_API int rl_mutexattr_setservers(rl_mutexattr_t *attr, const char *servers);
RL_API int rl_mutexattr_getservers(const rl_mutexattr_t *attr,
				   const char **servers);

/*
 * prefix: put before the name of each mutex; prefix + name is the key on the
 * servers. "" is a valid prefix: then rl excludes, and is excluded by, every
 * client of the common SET NX PX recipe that uses the same key. NULL: unset.
 */
RL_API int rl_mutexattr_setprefix(rl_mutexattr_t *attr, const char *prefix);
RL_API int rl_mutexattr_getprefix(const rl_mutexattr_t *attr,
				  const char **prefix);

/* type: RL_MUTEX_NORMAL, _ERRORCHECK, _RECURSIVE or _REFRESH. */
RL_API int rl_mutexattr_settype(rl_mutexattr_t *attr, int type);
RL_API int rl_mutexattr_gettype(const rl_mutexattr_t *attr, int *type);

/*
 * granularity: who besides the locking thread may refresh, unlock or take
 * over a hold. It never weakens exclusion: two threads never both hold a
 * lock, whatever the granularity, except with type REFRESH, made for that.
 * With PROCESS and HOST an unlock may pass the lock to the next thread of the
 * process without asking the servers (see slice).
 */
RL_API int rl_mutexattr_setgranularity(rl_mutexattr_t *attr, int granularity);
RL_API int rl_mutexattr_getgranularity(const rl_mutexattr_t *attr,
				       int *granularity);

/*
 * owner: a name of your own, 1 to 1024 bytes. It wins over the granularity:
 * whoever gives the same name, on whatever machine, is the same owner.
 * NULL: unset. EINVAL: empty or too long. The getter gives NULL for none.
 */
RL_API int rl_mutexattr_setowner(rl_mutexattr_t *attr, const char *owner);
RL_API int rl_mutexattr_getowner(const rl_mutexattr_t *attr,
				 const char **owner);

/* robust: RL_MUTEX_STALLED or RL_MUTEX_ROBUST. As POSIX. */
RL_API int rl_mutexattr_setrobust(rl_mutexattr_t *attr, int robust);
RL_API int rl_mutexattr_getrobust(const rl_mutexattr_t *attr, int *robust);

/*
 * lease: milliseconds after which the servers free the lock by themselves,
 * 10 to 2^40, counted anew by every renewal. 0: it never expires; a holder
 * that dies then holds it until rl_mutex_reset.
 */
RL_API int rl_mutexattr_setlease(rl_mutexattr_t *attr, long lease_ms);
RL_API int rl_mutexattr_getlease(const rl_mutexattr_t *attr, long *lease_ms);

/*
 * refresh: RL_REFRESH_AUTO, a background thread renews the lease while the
 * lock is held; RL_REFRESH_OFF, only rl_mutex_refresh and _extend do.
 */
RL_API int rl_mutexattr_setrefresh(rl_mutexattr_t *attr, int refresh);
RL_API int rl_mutexattr_getrefresh(const rl_mutexattr_t *attr, int *refresh);

/*
 * maxhold: milliseconds after which the background thread stops renewing one
 * hold, so that a holder that is stuck cannot keep it for ever; the lease
 * then runs out. 0: no limit. At most 2^40.
 */
RL_API int rl_mutexattr_setmaxhold(rl_mutexattr_t *attr, long maxhold_ms);
RL_API int rl_mutexattr_getmaxhold(const rl_mutexattr_t *attr,
				   long *maxhold_ms);

/*
 * refreshinterval: milliseconds from one renewal to the next; 0: a third of
 * the lease. At most 2^40. rl_mutex_init refuses one that is not below the
 * lease. Unused with lease 0.
 */
RL_API int rl_mutexattr_setrefreshinterval(rl_mutexattr_t *attr,
					   long interval_ms);
RL_API int rl_mutexattr_getrefreshinterval(const rl_mutexattr_t *attr,
					   long *interval_ms);

/*
 * timeout: how long a plain rl_mutex_lock waits, in milliseconds (then
 * ETIMEDOUT). -1: for ever. 0: as trylock (then EBUSY). At most 2^40.
 * rl_mutex_timedlock and _clocklock have their own.
 */
RL_API int rl_mutexattr_settimeout(rl_mutexattr_t *attr, long timeout_ms);
RL_API int rl_mutexattr_gettimeout(const rl_mutexattr_t *attr,
				   long *timeout_ms);

/*
 * retry: how often to ask several servers when no majority grants the lock:
 * number of retries (-1: until the deadline; used up: lock says ETIMEDOUT), and
 * the pause before each, in milliseconds: delay plus a random part of up to
 * jitter. Only for votes that are split: a lock that somebody holds is waited
 * for, whatever this says. A single server keeps the waiters in line.
 * EINVAL: count below -1, delay or jitter negative or above 2^40. Each
 * pointer of the getter may be null.
 */
RL_API int rl_mutexattr_setretry(rl_mutexattr_t *attr, int count,
				 long delay_ms, long jitter_ms);
RL_API int rl_mutexattr_getretry(const rl_mutexattr_t *attr, int *count,
				 long *delay_ms, long *jitter_ms);

/*
 * release: RL_RELEASE_SYNC, unlock waits for the servers' word;
 * RL_RELEASE_ASYNC, it sends the release and does not wait: faster, and a
 * loss that only the servers know of is then not told.
 */
RL_API int rl_mutexattr_setrelease(rl_mutexattr_t *attr, int release);
RL_API int rl_mutexattr_getrelease(const rl_mutexattr_t *attr, int *release);

/*
 * slice: how long, in microseconds, the threads of one process may pass the
 * lock on among themselves before others get their turn. 0: they never do.
 * Needs PROCESS or HOST granularity or an owner name; unused with THREAD.
 * At most 2^40.
 */
RL_API int rl_mutexattr_setslice(rl_mutexattr_t *attr, long slice_us);
RL_API int rl_mutexattr_getslice(const rl_mutexattr_t *attr, long *slice_us);

/*
 * delegation: RL_DELEGATION_OFF, or RL_DELEGATION_ON: the process keeps the
 * lease after an unlock and hands it out to its own threads without asking the
 * servers, until another process asks for it or nobody has wanted it for
 * 100 ms. For a lock that mostly one process wants: locking and unlocking again
 * costs no message, and another process waits one message longer.
 *
 * It is unlocked as far as this process is concerned. Others see it held: a
 * trylock of theirs is EBUSY, asks for it, and a later one finds it free; if
 * the process is killed then, it is held for the rest of its lease, and a
 * robust locker is told EOWNERDEAD. With HOST granularity or an owner name
 * other processes of the owner cannot unlock it (EPERM). Destroying the mutex
 * and the end of the process give it back. An unlock that keeps it asks nobody:
 * a loss that only the server knows of by then is told to nobody, and the next
 * lock asks for it anew once a renewal has found it.
 *
 * Needs PROCESS or HOST granularity or an owner name, a lease, RL_REFRESH_AUTO
 * (else rl_mutex_init answers EINVAL) and a single server (else ENOTSUP). No
 * effect on type REFRESH.
 */
RL_API int rl_mutexattr_setdelegation(rl_mutexattr_t *attr, int delegation);
RL_API int rl_mutexattr_getdelegation(const rl_mutexattr_t *attr,
				      int *delegation);

/*
 * onlost: called once when a hold is found lost; see rl_onlost_fn. A loss is
 * found by the next renewal, or at the end of the lease, or by a call that
 * meets it; with lease 0 the servers are asked every 3 s. A null function:
 * none. Each pointer of the getter may be null.
 */
RL_API int rl_mutexattr_setonlost(rl_mutexattr_t *attr, rl_onlost_fn *fn,
				  void *arg);
RL_API int rl_mutexattr_getonlost(const rl_mutexattr_t *attr,
				  rl_onlost_fn **fn, void **arg);

RL_END_DECLS

#endif
