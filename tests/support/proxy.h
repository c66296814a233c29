#ifndef TESTS_SUPPORT_PROXY_H
#define TESTS_SUPPORT_PROXY_H

/*
 * A proxy before a server, in a process of its own, which breaks connections
 * where it is told to. Every call has taken effect when it returns.
 *
 *	struct proxy *p = proxy_start(&srv->addr, false);
 *
 *	... servers: p->url ...
 *	// The server gets the next EVALSHA and runs it; its answer is lost.
 *	proxy_arm(p, &(struct proxy_rule){ .command = "EVALSHA",
 *		.dir = TO_CLIENT, .action = PROXY_CUT });
 *	cr_expect_eq(rl_mutex_lock(&m), 0);
 *	cr_expect(proxy_fired(p));
 *	proxy_stop(p);
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "support/sock.h"

enum proxy_dir { TO_SERVER, TO_CLIENT };

enum proxy_action {
	PROXY_CUT,  /* close both connections in order */
	PROXY_RST,  /* reset the client's (TCP only), close the server's */
	PROXY_HALF, /* end this direction only, as by shutdown(SHUT_WR) */
	PROXY_HOLD, /* keep what comes in this direction: proxy_release */
	PROXY_DROP  /* lose what comes in this direction from now on */
};

/*
 * What shall happen once. Without a command: after `bytes` more bytes have
 * gone in this direction, counted over all connections, to the connection of
 * the last of them; with bytes 0 when the next one comes, which is not passed
 * on. With a command, counting begins with the connection of, and after, the
 * nth command (0 and 1: the first) that begins with these words: "EVALSHA",
 * "evalsha 12ab34...".
 */
struct proxy_rule {
	enum proxy_dir dir;
	enum proxy_action action;
	int64_t bytes;
	char command[80];
	int nth;
};

struct proxy_stats {
	int accepted;	  /* connections in all */
	int open;	  /* connections now */
	int64_t commands; /* whole commands passed to the server */
	int64_t bytes[2]; /* passed on, by direction */
	int fired;	  /* rules that have come true */
};

struct proxy {
	pid_t pid;
	int ctl;	       /* the channel to its process */
	struct sock_addr addr; /* where it listens */
	char dir[80];
	char url[160]; /* without a password */
};

/* Before `server`, on a unix socket or on a TCP port of 127.0.0.1. */
struct proxy *proxy_start(const struct sock_addr *server, bool tcp);
void proxy_stop(struct proxy *p);

/* Set the one rule, in place of any that is still to come true; unset it. */
void proxy_arm(struct proxy *p, const struct proxy_rule *rule);
void proxy_disarm(struct proxy *p);

/* Whether the last rule that was set has come true; wait until it has. */
bool proxy_fired(struct proxy *p);
bool proxy_fires(struct proxy *p);

/* At once, on every connection there is: an action in this direction. */
void proxy_act(struct proxy *p, enum proxy_dir dir, enum proxy_action action);

/* Let go on what PROXY_HOLD keeps, and what PROXY_DROP would lose. */
void proxy_release(struct proxy *p);

/* Everything in this direction comes so many ms later; 0: as it comes. */
void proxy_delay(struct proxy *p, enum proxy_dir dir, int ms);

/* New connections are accepted and closed at once, or served again. */
void proxy_refuse(struct proxy *p, bool refuse);

struct proxy_stats proxy_stats(struct proxy *p);

#endif
