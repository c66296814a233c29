#include "support/client.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/sock.h"
#include "support/wait.h"

/* An interpreter on a busy machine takes its time to start. */
#define START_MS (3 * WAIT_MS)

static _Noreturn void run(const char *const *argv, int fd)
{
	union {
		const char *const *in;
		char *const *out;
	} args = { argv };

	if (dup2(fd, STDIN_FILENO) < 0 || dup2(fd, STDOUT_FILENO) < 0)
		_exit(126);
	close(fd);
	execvp(argv[0], args.out);
	fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static bool has_line(const struct client *c)
{
	return memchr(c->text, '\n', c->len);
}

static void receive(struct client *c)
{
	ssize_t n = read(c->fd, c->text + c->len, sizeof(c->text) - c->len);

	if (n < 0 && errno == EINTR)
		return;
	if (n <= 0)
		TEST_DIE("the client has ended");
	c->len += (size_t)n;
	TEST_MUST(c->len < sizeof(c->text));
}

bool client_heard(struct client *c, int timeout_ms)
{
	struct pollfd pfd = { .fd = c->fd, .events = POLLIN };
	int64_t deadline = wait_now_ms() + timeout_ms;
	int64_t left;

	while (!has_line(c)) {
		left = deadline - wait_now_ms();
		if (poll(&pfd, 1, left > 0 ? (int)left : 0) > 0)
			receive(c);
		else if (left <= 0)
			return false;
	}
	return true;
}

static const char *next_line(struct client *c)
{
	size_t len = (size_t)((char *)memchr(c->text, '\n', c->len) - c->text);

	memcpy(c->line, c->text, len);
	c->line[len] = '\0';
	c->len -= len + 1;
	memmove(c->text, c->text + len + 1, c->len);
	return c->line;
}

const char *client_hear(struct client *c)
{
	if (!client_heard(c, WAIT_MS))
		TEST_DIE("the client says nothing");
	return next_line(c);
}

struct client *client_start(const char *const *argv)
{
	struct client *c = calloc(1, sizeof(*c));
	int fd[2];

	TEST_MUST(c);
	TEST_MUST(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd));
	c->pid = sock_fork(&fd[1], 1);
	if (!c->pid)
		run(argv, fd[1]);
	close(fd[1]);
	c->fd = fd[0];
	if (!client_heard(c, START_MS) || strcmp(next_line(c), "ready") != 0)
		TEST_DIE("%s: does not get ready", argv[0]);
	return c;
}

static void tell(struct client *c, const char *fmt, va_list args)
{
	char line[2048];
	int n = vsnprintf(line, sizeof(line) - 1, fmt, args);

	TEST_MUST(n > 0 && (size_t)n < sizeof(line) - 1);
	line[n++] = '\n';
	TEST_MUST(send(c->fd, line, (size_t)n, MSG_NOSIGNAL) == n);
}

void client_tell(struct client *c, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	tell(c, fmt, args);
	va_end(args);
}

const char *client_ask(struct client *c, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	tell(c, fmt, args);
	va_end(args);
	return client_hear(c);
}

void client_stop(struct client *c)
{
	kill(c->pid, SIGKILL);
	TEST_MUST(waitpid(c->pid, NULL, 0) == c->pid);
	close(c->fd);
	free(c);
}
