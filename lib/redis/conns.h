/*
 * redis/conns.h - the connections of one thread, one per server.
 */
#ifndef RLI_REDIS_CONNS_H
#define RLI_REDIS_CONNS_H

#include "redis/awake.h"
#include "redis/session.h"

struct rli_post;
struct rli_round;

struct rli_conns {
	struct rli_conns *next, **link;	/* under the registry's guard */
	struct rli_session *sessions;
	int n;
	struct pollfd *fds;		/* room for n + 1 */
	struct rli_post *posts;		/* to use again */
	struct rli_awake awake;
	struct rli_round *rounds;	/* of a quorum, that are awaited */
	struct rli_round *spare_rounds;	/* to use again */
	struct rli_out same;		/* what the last round was made to ask
					   all nodes alike … */
	const struct rli_round *same_of;	/* … and which; or NULL */
	unsigned same_flags;		/* … with what flags */
	struct rli_node *waits_at;	/* which node of a quorum knows that we
					   shall wait, as far as was asked */
	bool closing;
	unsigned finished;		/* operations, ever */
};

int rli_conns_open(struct rli_conns **conns);
void rli_conns_close(struct rli_conns *conns);

/* The session with a node, made if need be. ENOMEM. */
int rli_conns_session(struct rli_conns *conns, struct rli_node *node,
		      struct rli_session **session);

/* Another one with it, for what waits while that goes on. ENOMEM. */
int rli_conns_listener(struct rli_conns *conns, struct rli_node *node,
		       struct rli_session **session);

/* See rli_backend.pump. */
void rli_conns_pump(struct rli_conns *conns, int64_t until, int wakefd);

/* See rli_backend. */
void rli_conns_before_fork(void);
void rli_conns_after_fork_parent(void);
void rli_conns_after_fork_child(void);

#endif /* RLI_REDIS_CONNS_H */
