#include "base/backend.h"

#include <errno.h>

#include "base/error.h"
#include "redis/conns.h"
#include "redis/op.h"
#include "redis/quorum.h"
#include "redis/recall.h"
#include "redis/sweep.h"
#include "redis/tls.h"
#include "redis/wait.h"

static int check(const struct rli_servers *servers)
{
	int i;

	for (i = 0; i < servers->n; i++)
		if (servers->node[i]->url.scheme == RLI_REDISS &&
		    !rli_tls_supported())
			return rli_fail(ENOTSUP, "%s: this rl was built "
					"without TLS",
					servers->node[i]->url.label);
	return 0;
}

const struct rli_backend rli_backend = {
	.check = check,
	.at_exit = rli_tls_at_exit,
	.open = rli_conns_open,
	.close = rli_conns_close,
	.start = rli_op_start,
	.pump = rli_conns_pump,
	.post = rli_op_post,
	.wait_begin = rli_wait_begin,
	.wait_poll = rli_wait_poll,
	.wait_end = rli_wait_end,
	.give_up = rli_quorum_settle,
	.recall = rli_recall_send,
	.listen = rli_listen_begin,
	.sweep = rli_sweep,
	.before_fork = rli_conns_before_fork,
	.after_fork_parent = rli_conns_after_fork_parent,
	.after_fork_child = rli_conns_after_fork_child,
};
