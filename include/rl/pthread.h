/*
 * rl/pthread.h - a program's pthread mutexes become rl mutexes when it is
 * compiled, and nothing in it is edited:
 *
 *	cc -include rl/pthread.h worker.c -lrl -o worker
 *	RL_SERVERS=redis://db1.example/0 ./worker
 *
 * pthread_mutex_t and the names of all functions that take one are redefined
 * here, and pthread_mutexattr_t and pthread_cond_t stay those of the C
 * library. Inside the process each mutex is what it was: the object holds a
 * real pthread mutex of the same type and attributes, the gate. Whoever has
 * taken the gate then takes the rl lock; the rl lock is given back first. So
 * error numbers, types, priorities and robustness inside the process are the
 * C library's own, and a lock across processes and machines comes on top.
 *
 * NAMES
 *
 * Two mutexes are the same lock if they have the same name, and every mutex
 * has one: after the place in the source where it was initialised.
 *
 *	static pthread_mutex_t jobs = PTHREAD_MUTEX_INITIALIZER;
 *
 * in line 12 of worker.c is the lock "NAMESPACE:worker.c:12", where NAMESPACE
 * is RL_NAMESPACE or, without that, the name of the program. The file is
 * __FILE__, that is, as the compiler was told; -fmacro-prefix-map=OLD=NEW
 * takes folders out of it that are not the same everywhere. With
 * pthread_mutex_init it is the place of the call.
 *
 * More mutexes from the same place never become one lock by themselves: the
 * second one is called "NAMESPACE:worker.c:12#2", and so on.
 *  - Static ones (arrays too) are counted in the order of memory, which is
 *    the same in all processes of one program file.
 *  - Others are counted in the order in which they are initialised: each
 *    takes the lowest number free in its process and gives it back at
 *    pthread_mutex_destroy, or when another mutex takes its address. Where the
 *    order can differ from process to process, so does what is locked: name
 *    such mutexes, or leave them out, with RL_SITES.
 * A zeroed mutex in static storage without an initialiser has no place; it is
 * called after the program file and its offset there, "worker+0x4060". One
 * elsewhere stays a plain mutex.
 *
 * RL_SITES=PLACE[=NAME][;PLACE[=NAME]...] says which mutexes become rl locks;
 * the others stay plain. PLACE is file:line, for a static one file:line#n too,
 * and may be a pattern of the shell. With NAME, what is matched is that lock:
 * all of it one lock, under that very name, without namespace. The first
 * match counts.
 *
 *	RL_SITES='worker.c:12=nightly;cache.c:*'
 *
 * WHEN THE SERVERS FAIL
 *
 * A program written for pthreads does not look for errors of a network.
 *  - A hold that was lost ends the program: a message on standard error and
 *    abort(). RL_ON_LOST=log says it and goes on.
 *  - Servers that cannot be asked for outage_timeout end it in the same way;
 *    RL_ON_OUTAGE=wait says so, less and less often, and waits on.
 *    pthread_mutex_timedlock answers ETIMEDOUT at its deadline instead.
 *  - Anything else that is no answer of a mutex (a refused password, a bad
 *    setting) ends the program.
 * docs/porting.md says what else changes in meaning.
 *
 * The settings of the environment in rl(7) hold. If RL_GRANULARITY is not
 * set, a robust mutex belongs to its thread, a process-shared one to the host,
 * any other to the process, so that whoever may unlock it as a pthread mutex
 * may unlock it still.
 *
 * CONDITIONS
 *
 * pthread_cond_wait, _timedwait and _clockwait give the rl lock back, wait
 * with the gate, and take the lock again before they return or before the
 * thread's cleanup handlers run. Signals reach those who share the
 * pthread_cond_t: the threads of the process, or with a process-shared
 * condition in shared memory the processes of the host. They do not cross
 * machines.
 *
 * LIMITS
 *
 *  - Compile every file that sees the mutex with this header: the type has
 *    another size. So it does not fit public structures of libraries that
 *    have a pthread_mutex_t inside and were compiled without it.
 *  - In C++ std::mutex and its kind stay as they are: libstdc++ is compiled
 *    already. Take rl::mutex of <rl/mutex.hpp>, or the interposer.
 *  - C11's mtx_t, rwlocks, spin locks and barriers stay as they are.
 *  - pthread_cond_wait on a recursive mutex locked more than once keeps the
 *    rl lock, as the C library keeps the mutex.
 *  - Asynchronous cancellation acts while a thread waits for others of its
 *    process, and after it has waited for the rl lock, not during that.
 *  - Not from a signal handler, as with pthread mutexes.
 */
#ifndef RL_PTHREAD_H
#define RL_PTHREAD_H

#include <rl/api.h>

/*
 * The C library's header, whole; but what the program defines to choose its
 * interfaces (_XOPEN_SOURCE and the like) must still count for the headers
 * that it includes itself. C++ compilers always choose all.
 */
#ifdef __cplusplus
/* These must see the C library's own names. */
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>
#if __cplusplus >= 201402L
#include <shared_mutex>
#endif
#include <pthread.h>
#else
#pragma push_macro("_GNU_SOURCE")
#pragma push_macro("_DEFAULT_SOURCE")
#pragma push_macro("_POSIX_SOURCE")
#pragma push_macro("_POSIX_C_SOURCE")
#pragma push_macro("_XOPEN_SOURCE")
#pragma push_macro("_XOPEN_SOURCE_EXTENDED")
#pragma push_macro("_ISOC95_SOURCE")
#pragma push_macro("_ISOC99_SOURCE")
#pragma push_macro("_ISOC11_SOURCE")
#pragma push_macro("_ISOC2X_SOURCE")
#pragma push_macro("_ISOC23_SOURCE")
#pragma push_macro("_LARGEFILE64_SOURCE")
#pragma push_macro("_ATFILE_SOURCE")
#pragma push_macro("_DYNAMIC_STACK_SIZE_SOURCE")
#undef _GNU_SOURCE
#define _GNU_SOURCE 1
#include <pthread.h>
#pragma pop_macro("_DYNAMIC_STACK_SIZE_SOURCE")
#pragma pop_macro("_ATFILE_SOURCE")
#pragma pop_macro("_LARGEFILE64_SOURCE")
#pragma pop_macro("_ISOC23_SOURCE")
#pragma pop_macro("_ISOC2X_SOURCE")
#pragma pop_macro("_ISOC11_SOURCE")
#pragma pop_macro("_ISOC99_SOURCE")
#pragma pop_macro("_ISOC95_SOURCE")
#pragma pop_macro("_XOPEN_SOURCE_EXTENDED")
#pragma pop_macro("_XOPEN_SOURCE")
#pragma pop_macro("_POSIX_C_SOURCE")
#pragma pop_macro("_POSIX_SOURCE")
#pragma pop_macro("_DEFAULT_SOURCE")
#pragma pop_macro("_GNU_SOURCE")
/* The next header of the C library chooses anew. */
#undef _FEATURES_H
#endif

RL_BEGIN_DECLS

/* Sized and opaque; the fields of the first member are rl's. */
typedef union rl_pthread_mutex {
	struct {
		unsigned long long rl_magic;
		const char *rl_site;
		int rl_kind;
		int rl_state;
	} rl_private;
	char rl_size[192];
	long long rl_align;
} rl_pthread_mutex_t;

#define RL_PTHREAD_STATIC_ 0x726c537461746963ULL	/* "rlStatic" */
#define RL_PTHREAD_TEXT2_(line) #line
#define RL_PTHREAD_TEXT_(line) RL_PTHREAD_TEXT2_(line)
#define RL_PTHREAD_SITE_ __FILE__ ":" RL_PTHREAD_TEXT_(__LINE__)
#define RL_PTHREAD_INITIALIZER_(kind) \
	{ { RL_PTHREAD_STATIC_, RL_PTHREAD_SITE_, kind, 0 } }

/*
 * As the functions of the C library whose names they end in. site is the
 * place that names the mutex; the one without it calls it "unnamed".
 */
RL_API int rl_pthread_mutex_init_at(rl_pthread_mutex_t *mutex,
				    const pthread_mutexattr_t *attr,
				    const char *site);
RL_API int rl_pthread_mutex_init(rl_pthread_mutex_t *mutex,
				 const pthread_mutexattr_t *attr);
RL_API int rl_pthread_mutex_destroy(rl_pthread_mutex_t *mutex);
RL_API int rl_pthread_mutex_lock(rl_pthread_mutex_t *mutex);
RL_API int rl_pthread_mutex_trylock(rl_pthread_mutex_t *mutex);
RL_API int rl_pthread_mutex_timedlock(rl_pthread_mutex_t *mutex,
				      const struct timespec *abstime);
RL_API int rl_pthread_mutex_clocklock(rl_pthread_mutex_t *mutex,
				      clockid_t clock,
				      const struct timespec *abstime);
RL_API int rl_pthread_mutex_unlock(rl_pthread_mutex_t *mutex);
RL_API int rl_pthread_mutex_consistent(rl_pthread_mutex_t *mutex);
RL_API int rl_pthread_mutex_getprioceiling(const rl_pthread_mutex_t *mutex,
					   int *ceiling);
RL_API int rl_pthread_mutex_setprioceiling(rl_pthread_mutex_t *mutex,
					   int ceiling, int *old);
RL_API int rl_pthread_cond_wait(pthread_cond_t *cond,
				rl_pthread_mutex_t *mutex);
RL_API int rl_pthread_cond_timedwait(pthread_cond_t *cond,
				     rl_pthread_mutex_t *mutex,
				     const struct timespec *abstime);
RL_API int rl_pthread_cond_clockwait(pthread_cond_t *cond,
				     rl_pthread_mutex_t *mutex,
				     clockid_t clock,
				     const struct timespec *abstime);

RL_END_DECLS

#ifndef RL_PTHREAD_NO_NAMES_	/* rl's own sources define it */

#define pthread_mutex_t rl_pthread_mutex_t

#undef PTHREAD_MUTEX_INITIALIZER
#undef PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP
#undef PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP
#undef PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP
#define PTHREAD_MUTEX_INITIALIZER \
	RL_PTHREAD_INITIALIZER_(PTHREAD_MUTEX_TIMED_NP)
#define PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP \
	RL_PTHREAD_INITIALIZER_(PTHREAD_MUTEX_RECURSIVE_NP)
#define PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP \
	RL_PTHREAD_INITIALIZER_(PTHREAD_MUTEX_ERRORCHECK_NP)
#define PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP \
	RL_PTHREAD_INITIALIZER_(PTHREAD_MUTEX_ADAPTIVE_NP)

/* In two steps, so that the name of the function alone is one, too. */
#define pthread_mutex_init rl_pthread_mutex_init
#define rl_pthread_mutex_init(mutex, attr) \
	rl_pthread_mutex_init_at(mutex, attr, RL_PTHREAD_SITE_)

#define pthread_mutex_destroy rl_pthread_mutex_destroy
#define pthread_mutex_lock rl_pthread_mutex_lock
#define pthread_mutex_trylock rl_pthread_mutex_trylock
#define pthread_mutex_timedlock rl_pthread_mutex_timedlock
#define pthread_mutex_clocklock rl_pthread_mutex_clocklock
#define pthread_mutex_unlock rl_pthread_mutex_unlock
#define pthread_mutex_consistent rl_pthread_mutex_consistent
#define pthread_mutex_getprioceiling rl_pthread_mutex_getprioceiling
#define pthread_mutex_setprioceiling rl_pthread_mutex_setprioceiling
#define pthread_cond_wait rl_pthread_cond_wait
#define pthread_cond_timedwait rl_pthread_cond_timedwait
#define pthread_cond_clockwait rl_pthread_cond_clockwait

#endif /* RL_PTHREAD_NO_NAMES_ */

#endif /* RL_PTHREAD_H */
