#ifndef TESTS_SUPPORT_SOCK_H
#define TESTS_SUPPORT_SOCK_H

/*
 * Sockets and temporary folders for the fixtures. What cannot be had aborts
 * the test.
 */

#include <stddef.h>
#include <sys/types.h>

#define SOCK_PATH_MAX 108

/*
 * An address of a server: a unix socket if path is not empty, else a port of
 * 127.0.0.1.
 */
struct sock_addr {
	char path[SOCK_PATH_MAX];
	int port;
};

/* A listening, close-on-exec socket; a port of 0 is filled in. */
int sock_listen(struct sock_addr *addr);

/* A connection, or -1 with errno. */
int sock_connect(const struct sock_addr *addr);

/*
 * Take a TCP port from the kernel and keep it ours: the returned socket is
 * bound and never listens, so that a server started by us can use the port,
 * also again and again, while the kernel gives it to nobody else.
 */
int sock_reserve_port(int *port);

/* Make a folder of our own in $TMPDIR or /tmp; remove it with all in it. */
void sock_mkdir(char *dir, size_t size);
void sock_rmdir(const char *dir);

/*
 * fork() for a fixture's process: it dies with the thread that called, keeps
 * no descriptor but stdin to stderr and `keep`, and has default signals.
 */
pid_t sock_fork(const int *keep, int n);

#endif
