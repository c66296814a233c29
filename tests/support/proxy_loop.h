#ifndef TESTS_SUPPORT_PROXY_LOOP_H
#define TESTS_SUPPORT_PROXY_LOOP_H

/* Between proxy.c, in the test, and proxy_loop.c, in the proxy's process. */

#include "support/proxy.h"

enum proxy_op {
	PROXY_OP_STATS,
	PROXY_OP_ARM,
	PROXY_OP_DISARM,
	PROXY_OP_ACT,
	PROXY_OP_RELEASE,
	PROXY_OP_DELAY,
	PROXY_OP_REFUSE
};

/* Each is answered by a struct proxy_stats. */
struct proxy_request {
	enum proxy_op op;
	struct proxy_rule rule; /* ARM; ACT: its dir and action */
	int value;		/* DELAY: ms, in rule.dir; REFUSE */
};

_Noreturn void proxy_loop(int ctl, int listener,
			  const struct sock_addr *server);

#endif
