#ifndef TESTS_SUPPORT_PROC_H
#define TESTS_SUPPORT_PROC_H

/*
 * Another party of a test: a process, or a thread, that runs a function and
 * goes step by step with the test. The same function serves as both, so that a
 * test can be written once for threads of one process and for processes:
 *
 *	static int holder(struct proc *self, void *arg)
 *	{
 *		rl_mutex_t m;
 *
 *		PROC_CHECK(rl_mutex_init(&m, "name", arg) == 0);
 *		PROC_CHECK(rl_mutex_lock(&m) == 0);
 *		proc_tell(self, 1);		// "I hold it"
 *		proc_hear(self);		// until the test says so
 *		PROC_CHECK(rl_mutex_unlock(&m) == 0);
 *		return 0;
 *	}
 *
 *	struct proc *p = proc_start(PROC_PROCESS, holder, &attr);
 *	proc_hear(p);
 *	cr_expect_eq(rl_mutex_trylock(&m), EBUSY);
 *	proc_tell(p, 1);
 *	cr_expect_eq(proc_join(p), 0);
 *
 * A process dies with the thread that started it. In a process that was
 * forked, Criterion's assertions do not work: use PROC_CHECK.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

enum proc_kind { PROC_THREAD, PROC_PROCESS };

#define PROC_ENDED INT64_MIN /* what proc_hear gives when the other ended */

struct proc {
	enum proc_kind kind;
	int fd;		    /* this side's end of the channel */
	pid_t pid;	    /* of a process; in the child: 0 */
	pthread_t thread;   /* of a thread */
	struct proc *other; /* of a thread: its own side */
	int (*fn)(struct proc *self, void *arg);
	void *arg;
	int result; /* of a thread; read after the join */
};

/* In a function of a party: a failed check ends it with result 1. */
#define PROC_CHECK(expr)                                                 \
	do {                                                             \
		if (!(expr)) {                                           \
			fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, \
				__LINE__, #expr);                        \
			return 1;                                        \
		}                                                        \
	} while (0)

struct proc *proc_start(enum proc_kind kind,
			int (*fn)(struct proc *self, void *arg), void *arg);

/*
 * Say a number to the other side, in order and without waiting; hear the next
 * one it said. If none comes within WAIT_MS the test aborts.
 */
void proc_tell(struct proc *p, int64_t value);
int64_t proc_hear(struct proc *p);

/* Whether something has been said, or the other ended, within timeout_ms. */
bool proc_heard(struct proc *p, int timeout_ms);

/* Likewise for up to 4096 bytes; proc_hear_bytes gives how many came. */
void proc_tell_bytes(struct proc *p, const void *data, size_t len);
size_t proc_hear_bytes(struct proc *p, void *data, size_t size);

/*
 * Wait for its end (the test aborts if it does not come within timeout_ms, or
 * three times WAIT_MS) and free it. Gives what the function returned, or 128 +
 * the signal that killed the process.
 */
int proc_join(struct proc *p);
int proc_join_ms(struct proc *p, int timeout_ms);

/* Kill a process with SIGKILL and wait for its end; frees p. */
void proc_kill(struct proc *p);

/* Stop a process, on return it stands still; let it go on. */
void proc_pause(struct proc *p);
void proc_resume(struct proc *p);

#endif
