#ifndef TESTS_SUPPORT_SERVER_H
#define TESTS_SUPPORT_SERVER_H

/*
 * A real Redis server of the test's own, in a folder of its own: on a unix
 * socket, and on a TCP port if asked for. It dies with the thread that started
 * it, so start it from the test's main thread (a fixture does).
 *
 *	static struct server *srv;
 *
 *	static void setup(void) { srv = server_start(NULL); }
 *	static void teardown(void) { server_stop(srv); }
 *
 * The program is redis-server, or what RL_TEST_SERVER names. Functions abort
 * the test when the environment fails them.
 */

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <sys/types.h>

#include "support/sock.h"

struct server_options {
	bool tcp;	      /* listen on a TCP port too */
	const char *password; /* requirepass */
	bool persist;	      /* append-only file, every write synced */
	/* More lines of redis.conf, e.g. "maxmemory 2mb\nuser u on >p +@all" */
	const char *config;
};

struct server {
	pid_t pid; /* 0: not running */
	char dir[80];
	struct sock_addr addr; /* the unix socket */
	int port;	       /* of 127.0.0.1, 0: none */
	int port_fd;	       /* keeps the port ours, -1: none */
	char url[256];	   /* unix://..., with the password if there is one */
	char tcp_url[256]; /* redis://..., likewise; empty if no port */
	struct server *next; /* of several, in one list */
	int nodes;	     /* the first: how many there are, … */
	char urls[2048];     /* … and their urls */
};

/* Start one and wait until it answers. NULL: no TCP, no password, no data. */
struct server *server_start(const struct server_options *options);

/*
 * Several, at most 15, as the nodes of one quorum; n 0: as many as RL_TEST_NODES
 * says, else one. The first stands for all: everything below happens to each of
 * them, server_ask gives what most of them answer, server_ask_int the median,
 * server_info the largest.
 */
struct server *server_start_many(const struct server_options *options, int n);

/* Kill it if it runs, remove its folder. NULL is fine. */
void server_stop(struct server *srv);

/* SIGKILL, and wait for its end. */
void server_kill(struct server *srv);

/* SHUTDOWN as an operator does it: data is saved if it persists. */
void server_shutdown(struct server *srv);

/*
 * Start it again on the same socket and port (killing it if it runs), with
 * the data it persisted or with none. server_resurrect does not wait until it
 * answers.
 */
void server_restart(struct server *srv, bool keep_data);
void server_resurrect(struct server *srv, bool keep_data);
void server_wait_ready(struct server *srv);

/* SIGSTOP, on return it stands still; SIGCONT. */
void server_pause(struct server *srv);
void server_resume(struct server *srv);

/*
 * Run one command (formatted as by redisCommand: %s is one argument) and give
 * the reply as text: "(nil)", "(no answer)", an error with a "-" before it, an
 * array as lines. The text is good for the next 16 calls, of all threads. It
 * runs as the user "tester", who may do everything, whatever the options say of
 * passwords.
 */
const char *server_ask(struct server *srv, const char *fmt, ...);

/* The same of one server, even if there are several. */
const char *server_ask_one(struct server *srv, const char *fmt, ...);

/* Likewise for a reply that is a number; anything else aborts. */
long long server_ask_int(struct server *srv, const char *fmt, ...);

/* A connection as that user, for the caller to redisFree; NULL if down. */
redisContext *server_connect(struct server *srv);

/* The value of a field of INFO, 0 if there is none: "connected_clients". */
long long server_info(struct server *srv, const char *field);

/* Wait until a field of INFO has a value; false when WAIT_MS have passed. */
bool server_info_becomes(struct server *srv, const char *field,
			 long long value);

#endif
