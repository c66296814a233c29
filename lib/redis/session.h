/*
 * redis/session.h - one connection to one server, and who waits on it.
 *
 * A session is a small machine that never blocks: it looks its host up,
 * connects, secures the connection if it is to be TLS, greets (AUTH, SELECT),
 * and then sends commands and gives each request its answer, in order. Whoever
 * owns the session polls its descriptor and calls rli_session_advance().
 *
 * A session belongs to one thread. A request is its caller's memory, and is
 * the session's from submit until its done function is called, which happens
 * exactly once, with 0 and a reply or with the reason why there is none.
 */
#ifndef RLI_REDIS_SESSION_H
#define RLI_REDIS_SESSION_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/servers.h"
#include "redis/out.h"
#include "redis/reply.h"
#include "redis/resolve.h"
#include "redis/wire.h"

struct rli_session;

struct rli_request {
	struct rli_request *next;
	int64_t deadline;	/* then the session is given up */
	int64_t patience;	/* 0, or how much of that may be left when a
				   connection that is yet to be made is there */
	int64_t since;		/* when it was submitted, if its owner says so;
				   else 0 */
	/*
	 * err 0: reply holds the answer, until done returns. Else ENOLCK,
	 * EACCES, EPROTO or ENOMEM with the thread's message set; unsent: no
	 * byte of it reached the kernel (through TLS: no whole record, which a
	 * server does not look into). A done function may submit again.
	 */
	void (*done)(struct rli_request *request, int err, bool unsent,
		     const struct rli_reply *reply);
	/* Called instead when its deadline has passed, if not NULL, to end the
	 * session in its own way (rli_session_last_words). */
	void (*expired)(struct rli_request *request,
			struct rli_session *session);
	const struct rli_sink *sink;	/* for the texts of the answer, or
					   NULL */
	bool repeatable;	/* run twice, it does and answers the same */
	bool awaited;		/* its owner sends it again if it was not sent */
	bool first;		/* the connection was made for it; else it may
				   have ended before, with nobody looking */
	size_t begin;		/* where its bytes begin, counted from the first
				   that the connection carries behind the
				   greeting */
};

enum rli_session_state {
	RLI_CLOSED,
	RLI_RESOLVING,		/* lookup is set, or list is */
	RLI_CONNECTING,		/* wire.fd is set */
	RLI_SECURING,		/* wire.tls is set, and shakes hands */
	RLI_GREETING,		/* the answers to AUTH and SELECT are due */
	RLI_READY
};

struct rli_session {
	struct rli_session *next;	/* of the same thread */
	struct rli_node *node;		/* held */
	enum rli_session_state state;
	struct rli_wire wire;
	struct rli_lookup *lookup;
	struct addrinfo *list, *addr;	/* addr: the one that is tried */
	int64_t deadline;		/* of connecting, up to READY */
	int failed;			/* connecting failed at once: the next
					   advance tells; the cause is in why */
	char why[256];
	bool used;			/* it has answered a request … */
	int64_t heard;			/* … the last time then */
	unsigned scripts;		/* seen to run; one bit each: op.c's, and
					   quorum_send.c's */
	bool listens;			/* rli_conns_listener()'s */
	bool owed;			/* round.c's: an acquire that was not
					   answered may yet be run */
	bool closing;			/* for good: nothing is submitted */
	int greetings;			/* answers to come before READY */
	redisReader *reader;
	struct rli_reply reply;
	struct rli_out greeting;	/* sent while GREETING */
	struct rli_out out;		/* sent while READY */
	size_t flushed;			/* bytes of out sent, ever, on it */
	bool full;			/* the socket takes no more until poll(2)
					   says so */
	struct rli_request *head, **tail;	/* submitted, in order */
};

/* A closed session with node. ENOMEM. */
int rli_session_open(struct rli_node *node, struct rli_session **session);

/* Frees it. Requests still submitted are told ENOLCK. */
void rli_session_close(struct rli_session *session);

/* In a forked child: close the sockets, and touch nothing else. */
void rli_session_forget(struct rli_session *session);

/*
 * Puts a command (as rli_out_command does) into the line, to be sent by the next
 * flush, together with whatever else has been submitted by then; begins to
 * connect if need be.
 * Never calls done. ENOMEM: not submitted.
 */
int rli_session_submit(struct rli_session *session,
		       struct rli_request *request, const struct rli_arg *arg,
		       int n);

/* Sends what was submitted, as far as possible. */
void rli_session_flush(struct rli_session *session);

/* Sends a command, if connected, whose answer nobody will read, and closes;
 * requests are told err, with the thread's message. */
void rli_session_last_words(struct rli_session *session, int err,
			    const struct rli_arg *arg, int n);

/* Closes the connection; requests are told err, with the thread's message. */
void rli_session_break(struct rli_session *session, int err);

/* It is greeted. For connect.c. */
void rli_session_is_ready(struct rli_session *session);

/* As far as the socket takes it, and has it; answers go to whom they belong.
 * ENOLCK, EPROTO, ENOMEM: the connection is to be broken. For session.c.
 * (session_io.c) */
int rli_session_send(struct rli_session *session);
int rli_session_receive(struct rli_session *session);

/* What poll(2) cannot know of must be read while somebody waits for it; the
 * rest, like a parting word behind the last answer, until the next request. */
bool rli_session_has_more(const struct rli_session *session);

/* What to poll for: true if there is anything. */
bool rli_session_poll(const struct rli_session *session, struct pollfd *fd);

/* Whether an answer is due that takes no longer than a script. */
bool rli_session_answers_soon(const struct rli_session *session);

/* When rli_session_advance() must be called although nothing happens. */
int64_t rli_session_due(const struct rli_session *session);

/* Input and output as far as possible; revents as poll(2) gave it. */
void rli_session_advance(struct rli_session *session, short revents);

#endif /* RLI_REDIS_SESSION_H */
