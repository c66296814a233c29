/*
 * usage: slow SERVER LISTEN MICROSECONDS
 *
 * Between clients and a server on unix sockets: what a client sends reaches the
 * server so much later, as if there were a network between them. It listens
 * when it has closed its standard output, and ends with its standard input.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* One direction of a connection, with a thread of its own. */
struct way {
	int from, to;
	long delay_us;
	struct way *back;	/* the other direction */
	int *left;		/* ways that still go; both ways' */
};

static struct sockaddr_un server;
static long delay_us;
static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static int unix_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		fail("socket");
	return fd;
}

static struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		fail(path);
	}
	strcpy(address.sun_path, path);
	return address;
}

static void pass_on(const struct way *way)
{
	const struct timespec delay = { way->delay_us / 1000000,
					way->delay_us % 1000000 * 1000 };
	char bytes[65536];
	ssize_t n, sent, done;

	while ((n = read(way->from, bytes, sizeof(bytes))) > 0) {
		if (way->delay_us)
			nanosleep(&delay, NULL);
		for (done = 0; done < n; done += sent) {
			sent = send(way->to, bytes + done, (size_t)(n - done),
				    MSG_NOSIGNAL);
			if (sent < 0)
				return;
		}
	}
}

/* The end of one way ends the other; who ends last closes both sockets. */
static void *go(void *arg)
{
	struct way *way = arg;
	int left;

	/* Else each sleep is some 50 us longer than it should be. */
	prctl(PR_SET_TIMERSLACK, 1UL);
	pass_on(way);
	shutdown(way->to, SHUT_RDWR);
	shutdown(way->from, SHUT_RDWR);
	pthread_mutex_lock(&guard);
	left = --*way->left;
	pthread_mutex_unlock(&guard);
	if (left)
		return NULL;
	close(way->to);
	close(way->from);
	free(way->left);
	free(way->back);
	free(way);
	return NULL;
}

static void start(struct way *way)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, 256 * 1024);
	errno = pthread_create(&thread, &attr, go, way);
	if (errno)
		fail("pthread_create");
	pthread_attr_destroy(&attr);
}

static void connect_through(int client)
{
	struct way *there = calloc(1, sizeof(*there));
	struct way *back = calloc(1, sizeof(*back));
	int *left = malloc(sizeof(*left));
	int fd = unix_socket();

	if (!there || !back || !left)
		fail("malloc");
	if (connect(fd, (struct sockaddr *)&server, sizeof(server))) {
		close(fd);
		close(client);
		free(there);
		free(back);
		free(left);
		return;
	}
	*left = 2;
	*there = (struct way){ client, fd, delay_us, back, left };
	*back = (struct way){ fd, client, 0, there, left };
	start(there);
	start(back);
}

static void *accept_all(void *arg)
{
	int listener = *(int *)arg, client;

	for (;;) {
		client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (client >= 0)
			connect_through(client);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct sockaddr_un here;
	pthread_t thread;
	char byte;
	int fd;

	if (argc != 4) {
		fprintf(stderr, "usage: slow SERVER LISTEN MICROSECONDS\n");
		return 2;
	}
	server = address_of(argv[1]);
	here = address_of(argv[2]);
	delay_us = atol(argv[3]);
	fd = unix_socket();
	if (bind(fd, (struct sockaddr *)&here, sizeof(here)) || listen(fd, 512))
		fail(argv[2]);
	errno = pthread_create(&thread, NULL, accept_all, &fd);
	if (errno)
		fail("pthread_create");
	close(STDOUT_FILENO);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 0;
}
