#include "support/sock.h"
#include "support/wait.h"

#include <errno.h>
#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

union any_addr {
	struct sockaddr sa;
	struct sockaddr_un un;
	struct sockaddr_in in;
};

static socklen_t fill(const struct sock_addr *addr, union any_addr *out)
{
	memset(out, 0, sizeof(*out));
	if (addr->path[0]) {
		out->un.sun_family = AF_UNIX;
		snprintf(out->un.sun_path, sizeof(out->un.sun_path), "%s",
			 addr->path);
		return sizeof(out->un);
	}
	out->in.sin_family = AF_INET;
	out->in.sin_port = htons((in_port_t)addr->port);
	out->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return sizeof(out->in);
}

static int open_socket(const union any_addr *addr)
{
	int fd = socket(addr->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	TEST_MUST(fd >= 0);
	return fd;
}

static int bound_port(int fd)
{
	struct sockaddr_in in;
	socklen_t len = sizeof(in);

	TEST_MUST(getsockname(fd, (struct sockaddr *)&in, &len) == 0);
	return ntohs(in.sin_port);
}

int sock_listen(struct sock_addr *addr)
{
	union any_addr any;
	socklen_t len = fill(addr, &any);
	int fd = open_socket(&any);
	int on = 1;

	if (addr->path[0])
		unlink(addr->path);
	else if (addr->port)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	TEST_MUST(bind(fd, &any.sa, len) == 0);
	TEST_MUST(listen(fd, 128) == 0);
	if (!addr->path[0])
		addr->port = bound_port(fd);
	return fd;
}

int sock_connect(const struct sock_addr *addr)
{
	union any_addr any;
	socklen_t len = fill(addr, &any);
	int fd = open_socket(&any);
	int err;

	if (connect(fd, &any.sa, len) == 0)
		return fd;
	err = errno;
	close(fd);
	errno = err;
	return -1;
}

int sock_reserve_port(int *port)
{
	struct sock_addr addr = { .port = 0 };
	union any_addr any;
	socklen_t len = fill(&addr, &any);
	int fd = open_socket(&any);
	int on = 1;

	/*
	 * Set only after the bind: before it, the kernel could choose a port
	 * that another reservation already has.
	 */
	TEST_MUST(bind(fd, &any.sa, len) == 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	*port = bound_port(fd);
	return fd;
}

void sock_mkdir(char *dir, size_t size)
{
	const char *base = getenv("TMPDIR");

	/* A long base would not fit into the address of a unix socket. */
	if (!base || !base[0] || strlen(base) > 64)
		base = "/tmp";
	snprintf(dir, size, "%s/rl-test-XXXXXX", base);
	TEST_MUST(mkdtemp(dir));
}

static int remove_entry(const char *path, const struct stat *st, int type,
			struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void sock_rmdir(const char *dir)
{
	nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* Close everything from 3 on but what is kept. */
static void close_others(const int *keep, int n)
{
	int max = (int)sysconf(_SC_OPEN_MAX);
	int fd, i;

	if (max < 0 || max > 4096)
		max = 4096;
	for (fd = 3; fd < max; fd++) {
		for (i = 0; i < n && keep[i] != fd; i++)
			;
		if (i == n)
			close(fd);
	}
}

static void default_signals(void)
{
	sigset_t none;
	int sig;

	for (sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

pid_t sock_fork(const int *keep, int n)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	TEST_MUST(pid >= 0);
	if (pid > 0)
		return pid;
	default_signals();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	close_others(keep, n);
	return 0;
}
