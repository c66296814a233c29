#ifndef TESTS_SUPPORT_FAKE_H
#define TESTS_SUPPORT_FAKE_H

/*
 * A peer that looks like a server and does what a script says, in a process of
 * its own: for answers that a real server would never give.
 *
 *	static const struct fake_step script[] = {
 *		{ FAKE_ACCEPT },
 *		{ FAKE_COMMAND, .text = "EVALSHA" },
 *		{ FAKE_SEND, .text = "*3\r\n:1\r\n" },	// half a reply
 *		{ FAKE_CLOSE },
 *		{ FAKE_AGAIN }
 *	};
 *	struct fake *f = fake_start(script, 5, false);
 *
 * After the last step it keeps its connection and never answers again.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "support/sock.h"

enum fake_kind {
	FAKE_ACCEPT, /* wait for a connection; the one before stays open */
	/*
	 * Read whole commands until one begins with the word `text` (NULL: any
	 * command). Those before it are answered +OK, PING with +PONG.
	 */
	FAKE_COMMAND,
	FAKE_SEND,  /* send text, or len bytes of it */
	FAKE_BYTES, /* read len bytes, whatever they are */
	FAKE_PAUSE, /* wait until fake_go() */
	FAKE_EOF,   /* wait until the other side has closed */
	FAKE_HALF,  /* shutdown(SHUT_WR) */
	FAKE_CLOSE,
	FAKE_RST,  /* close with a reset (TCP only) */
	FAKE_AGAIN /* from the first step on */
};

struct fake_step {
	enum fake_kind kind;
	const char *text;
	size_t len;
};

struct fake {
	pid_t pid;
	int ctl;	   /* the channel to its process */
	atomic_int *steps; /* done so far; written by its process */
	struct sock_addr addr;
	char dir[80];
	char url[160];
};

/* Listen on a unix socket, or on a TCP port. The script must live on. */
struct fake *fake_start(const struct fake_step *script, int n, bool tcp);
void fake_stop(struct fake *f);

/* Let it go on from a FAKE_PAUSE, the next one if it is not there yet. */
void fake_go(struct fake *f);

/* Wait until this many steps have been done; false after WAIT_MS. */
bool fake_reaches(struct fake *f, int steps);

/* How many steps have been done, in all rounds. */
int fake_steps(struct fake *f);

#endif
