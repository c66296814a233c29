#include "base/backend.h"

#include "redis/conns.h"
#include "redis/op.h"
#include "redis/sweep.h"
#include "redis/wait.h"

const struct rli_backend rli_backend = {
	.open = rli_conns_open,
	.close = rli_conns_close,
	.start = rli_op_start,
	.pump = rli_conns_pump,
	.post = rli_op_post,
	.wait_begin = rli_wait_begin,
	.wait_poll = rli_wait_poll,
	.wait_end = rli_wait_end,
	.sweep = rli_sweep,
	.before_fork = rli_conns_before_fork,
	.after_fork_parent = rli_conns_after_fork_parent,
	.after_fork_child = rli_conns_after_fork_child,
};
