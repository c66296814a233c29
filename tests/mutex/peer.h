/*
 * Somebody else who uses a lock: a thread of this process, on the test's own
 * mutex or on one of its own, or another process. It makes the calls that it
 * is told to, one after the other, and says what came of each.
 *
 *	struct peer *p = peer_start(PEER_PROCESS, &spec, NULL);
 *
 *	cr_expect_eq(peer_do(p, LOCK, 0), 0);
 *	cr_expect_eq(rl_mutex_trylock(&m), EBUSY);
 *	peer_end(p);
 */
#ifndef TESTS_MUTEX_PEER_H
#define TESTS_MUTEX_PEER_H

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/proc.h"

#include "lock_spec.h"

enum peer_kind {
	PEER_SAME_MUTEX,	/* a thread, on the test's mutex */
	PEER_OWN_MUTEX,		/* a thread, on another mutex of the lock */
	PEER_PROCESS,
	PEER_KINDS
};

static const char *const peer_names[] = { "a thread on the same mutex",
	"a thread on a mutex of its own", "a process" };

/* Beside enum act: what a peer can do to itself. */
enum {
	PEER_RETURN = 100,	/* its function returns */
	PEER_EXIT,		/* pthread_exit, or _exit */
	PEER_CANCEL		/* waits to be cancelled */
};

/* Before a thread ends without returning: AddressSanitizer would take what is
 * left of its frames for its own. */
#ifdef __SANITIZE_ADDRESS__
void __asan_handle_no_return(void);
#define PEER_UNWINDS() __asan_handle_no_return()
#else
#define PEER_UNWINDS() ((void)0)
#endif

struct peer {
	enum peer_kind kind;
	struct spec spec;
	rl_mutex_t *mutex;	/* what it uses */
	rl_mutex_t own;
	pthread_t thread;
	pid_t tid;
	bool over;		/* it has ended by itself */
	struct proc *proc;
};

struct order {
	int act;
	int64_t arg;
};

/* What tells the test is a cancellation point, too, but not the one meant. */
static inline void peer_wait_cancelled(struct proc *self)
{
	const struct answer ready = { .text = "" };
	int old;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
	proc_tell_bytes(self, &ready, sizeof(ready));
	PEER_UNWINDS();
	pthread_setcancelstate(old, NULL);
	for (;;)
		pause();
}

static inline void peer_leave(struct peer *p, struct proc *self, int how)
{
	if (how == PEER_CANCEL)
		peer_wait_cancelled(self);
	PEER_UNWINDS();
	if (how == PEER_EXIT && p->kind == PEER_PROCESS)
		_exit(0);
	if (how == PEER_EXIT)
		pthread_exit(NULL);
}

static inline int peer_main(struct proc *self, void *arg)
{
	struct peer *p = arg;
	struct order order;
	struct answer a = { .text = "" };

	if (p->mutex == &p->own)
		a.err = spec_init(&p->spec, &p->own);
	p->thread = pthread_self();
	p->tid = gettid();
	proc_tell_bytes(self, &a, sizeof(a));
	while (proc_hear_bytes(self, &order, sizeof(order)) == sizeof(order)) {
		if (order.act >= PEER_RETURN)
			peer_leave(p, self, order.act);
		if (order.act >= PEER_RETURN)
			break;
		a = act_full(p->mutex, (enum act)order.act, order.arg);
		proc_tell_bytes(self, &a, sizeof(a));
	}
	return 0;
}

static inline void peer_begin(struct peer *p, int act, int64_t arg)
{
	struct order order = { .act = act, .arg = arg };

	proc_tell_bytes(p->proc, &order, sizeof(order));
}

/* Whether it has said what came of the last call. */
static inline bool peer_answers(struct peer *p, int timeout_ms)
{
	return proc_heard(p->proc, timeout_ms);
}

static inline struct answer peer_answer(struct peer *p)
{
	struct answer a;

	if (proc_hear_bytes(p->proc, &a, sizeof(a)) != sizeof(a))
		a = (struct answer){ .err = -1 };	/* it is gone */
	return a;
}

static inline struct answer peer_ask(struct peer *p, int act, int64_t arg)
{
	peer_begin(p, act, arg);
	return peer_answer(p);
}

static inline int peer_do(struct peer *p, int act, int64_t arg)
{
	return peer_ask(p, act, arg).err;
}

static inline bool peer_sleeps_inside(void *arg)
{
	struct peer *p = arg;
	char path[64], text[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", p->tid);
	f = fopen(path, "r");
	if (!f)
		return false;
	if (!fgets(text, sizeof(text), f))
		text[0] = '\0';
	fclose(f);
	return strtol(text, NULL, 10) == SYS_futex;
}

/* A thread that was told to lock stands in line behind others of its process:
 * wait until it does. False: this system does not let us know. */
static inline bool peer_stands_in_line(struct peer *p)
{
	return !access("/proc/self/syscall", R_OK) &&
	       wait_until(peer_sleeps_inside, p, WAIT_MS);
}

/* mutex: what PEER_SAME_MUTEX uses. */
static inline struct peer *peer_start(enum peer_kind kind,
				      const struct spec *spec,
				      rl_mutex_t *mutex)
{
	struct peer *p = calloc(1, sizeof(*p));

	TEST_MUST(p);
	p->kind = kind;
	p->spec = *spec;
	p->mutex = kind == PEER_SAME_MUTEX ? mutex : &p->own;
	p->proc = proc_start(kind == PEER_PROCESS ? PROC_PROCESS : PROC_THREAD,
			     peer_main, p);
	TEST_MUST(peer_answer(p).err == 0);
	return p;
}

/* It ends in that way, and has ended on return; peer_end() is still to come. */
static inline void peer_leaves(struct peer *p, int how)
{
	if (how == PEER_CANCEL) {
		peer_do(p, how, 0);
		pthread_cancel(p->thread);
	} else {
		peer_begin(p, how, 0);
	}
	proc_join(p->proc);
	p->over = true;
}

static inline void peer_kill(struct peer *p)
{
	proc_kill(p->proc);
	p->over = true;
}

static inline void peer_end(struct peer *p)
{
	if (!p->over)
		peer_leaves(p, PEER_RETURN);
	if (p->kind == PEER_OWN_MUTEX)
		spec_end(&p->own);
	free(p);
}

#endif
