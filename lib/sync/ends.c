#include "sync/ends.h"

#include "base/cancel.h"
#include "lock/keeper.h"
#include "lock/lock.h"

static void close_connections(struct rli_thread *self)
{
	if (self->conns)
		rli_backend.close(self->conns);
	self->conns = NULL;
}

void rli_thread_ends(struct rli_thread *self)
{
	rli_release_of_ended(self);
	close_connections(self);
}

void rli_process_ends(void)
{
	struct rli_thread *self = rli_thread_peek();
	struct rli_cancel cancel;

	rli_cancel_off(&cancel);
	rli_keeper_stop();
	if (self)
		close_connections(self);
	rli_cancel_as_before(&cancel);
}
