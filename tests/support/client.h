#ifndef TESTS_SUPPORT_CLIENT_H
#define TESTS_SUPPORT_CLIENT_H

/*
 * A program in another language that a test tells what to do: it reads a line,
 * does it, and answers with a line. Its first line says that it is ready.
 *
 *	const char *argv[] = { "python3", "lock.py", srv->addr.path, NULL };
 *	struct client *c = client_start(argv);
 *
 *	cr_expect_str_eq(client_ask(c, "take %s 1000 0", key), "yes");
 *	client_stop(c);
 *
 * What goes wrong with the program itself aborts the test.
 */

#include <stdbool.h>
#include <sys/types.h>

struct client {
	pid_t pid;
	int fd;
	size_t len;	 /* of what has come and is not given out */
	char text[4096];
	char line[4096]; /* the last answer */
};

/* Runs argv[0], sought in PATH, and waits until it is ready. */
struct client *client_start(const char *const *argv);

/* Tell it a line; hear the next one it answers, which must come in time. The
 * text is good until the next one is heard. */
void client_tell(struct client *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
const char *client_hear(struct client *c);

/* Whether an answer comes within so many milliseconds. */
bool client_heard(struct client *c, int timeout_ms);

/* Both. */
const char *client_ask(struct client *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Kills it. */
void client_stop(struct client *c);

#endif
