#include "support/proc.h"
#include "support/fork.h"
#include "support/wait.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BYTES_MAX 4096

static struct proc *new_proc(enum proc_kind kind, int fd)
{
	struct proc *p = calloc(1, sizeof(*p));

	TEST_MUST(p);
	p->kind = kind;
	p->fd = fd;
	return p;
}

static void *run_thread(void *arg)
{
	struct proc *self = arg;

	self->result = self->fn(self, self->arg);
	/* Tells the other side that there will be nothing more. */
	shutdown(self->fd, SHUT_WR);
	return NULL;
}

static void start_thread(struct proc *p, int fd)
{
	p->other = new_proc(PROC_THREAD, fd);
	p->other->fn = p->fn;
	p->other->arg = p->arg;
	TEST_MUST(!pthread_create(&p->thread, NULL, run_thread, p->other));
}

static void start_process(struct proc *p, int fd)
{
	pid_t parent = getpid();

	fflush(stdout);
	p->pid = fork_whole();
	TEST_MUST(p->pid >= 0);
	if (p->pid) {
		close(fd);
		return;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	close(p->fd);
	p->fd = fd;
	/* exit() would run what Criterion registered for its own process. */
	_exit(p->fn(p, p->arg));
}

struct proc *proc_start(enum proc_kind kind,
			int (*fn)(struct proc *self, void *arg), void *arg)
{
	struct proc *p;
	int fd[2];

	TEST_MUST(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd));
	p = new_proc(kind, fd[0]);
	p->fn = fn;
	p->arg = arg;
	if (kind == PROC_THREAD)
		start_thread(p, fd[1]);
	else
		start_process(p, fd[1]);
	return p;
}

void proc_tell_bytes(struct proc *p, const void *data, size_t len)
{
	ssize_t n;

	TEST_MUST(len && len <= BYTES_MAX);
	do {
		n = send(p->fd, data, len, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	/* Nobody there to hear it: join or hear will say so. */
	TEST_MUST(n == (ssize_t)len || errno == EPIPE || errno == ECONNRESET);
}

bool proc_heard(struct proc *p, int timeout_ms)
{
	struct pollfd pfd = { .fd = p->fd, .events = POLLIN };
	int64_t deadline = wait_now_ms() + timeout_ms;
	int64_t left;
	int n;

	do {
		left = deadline - wait_now_ms();
		n = poll(&pfd, 1, left > 0 ? (int)left : 0);
	} while (n < 0 && errno == EINTR);
	return n > 0;
}

size_t proc_hear_bytes(struct proc *p, void *data, size_t size)
{
	ssize_t n;

	if (!proc_heard(p, WAIT_MS))
		TEST_DIE("the other side says nothing");
	do {
		n = recv(p->fd, data, size, 0);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? 0 : (size_t)n;
}

void proc_tell(struct proc *p, int64_t value)
{
	proc_tell_bytes(p, &value, sizeof(value));
}

int64_t proc_hear(struct proc *p)
{
	int64_t value;

	if (proc_hear_bytes(p, &value, sizeof(value)) != sizeof(value))
		return PROC_ENDED;
	return value;
}

static void free_proc(struct proc *p)
{
	if (p->other) {
		close(p->other->fd);
		free(p->other);
	}
	close(p->fd);
	free(p);
}

struct end {
	pid_t pid;
	int status;
	int options; /* of waitpid */
};

static bool has_changed(void *arg)
{
	struct end *end = arg;
	pid_t pid = waitpid(end->pid, &end->status, end->options | WNOHANG);

	TEST_MUST(pid >= 0);
	return pid == end->pid;
}

static int join_process(struct proc *p, int timeout_ms)
{
	struct end end = { .pid = p->pid };

	if (!wait_until(has_changed, &end, timeout_ms))
		TEST_DIE("process %d does not end", (int)p->pid);
	if (WIFSIGNALED(end.status))
		return 128 + WTERMSIG(end.status);
	return WEXITSTATUS(end.status);
}

static int join_thread(struct proc *p, int timeout_ms)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_sec += timeout_ms / 1000 + 1;
	if (pthread_timedjoin_np(p->thread, NULL, &ts))
		TEST_DIE("a thread does not end");
	return p->other->result;
}

int proc_join_ms(struct proc *p, int timeout_ms)
{
	int result = p->kind == PROC_THREAD ? join_thread(p, timeout_ms)
					    : join_process(p, timeout_ms);

	free_proc(p);
	return result;
}

int proc_join(struct proc *p)
{
	return proc_join_ms(p, 3 * WAIT_MS);
}

void proc_kill(struct proc *p)
{
	TEST_MUST(p->kind == PROC_PROCESS);
	kill(p->pid, SIGKILL);
	proc_join(p);
}

void proc_pause(struct proc *p)
{
	struct end end = { .pid = p->pid, .options = WUNTRACED };

	TEST_MUST(p->kind == PROC_PROCESS);
	kill(p->pid, SIGSTOP);
	if (!wait_until(has_changed, &end, WAIT_MS) || !WIFSTOPPED(end.status))
		TEST_DIE("process %d does not stop", (int)p->pid);
}

void proc_resume(struct proc *p)
{
	TEST_MUST(p->kind == PROC_PROCESS);
	kill(p->pid, SIGCONT);
}
