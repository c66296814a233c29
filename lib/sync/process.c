/*
 * What happens to the process: start and fork. Its end is in ends.c.
 *
 * FORK
 *
 * Before: the registries and the keeper are brought to rest, in the order
 * locks > keeper > connections > servers, which is the order in which their
 * guards are taken elsewhere. The guard of a single lock is not taken; a
 * program may have thousands. A program's own handler may take a lock before
 * a fork: handlers run from the last registered to the first, so these are
 * registered as the library is loaded, and run when it has.
 *
 * Parent after: gives them back, in reverse. Nothing else has changed.
 *
 * Child after: is another process and another thread. It holds nothing, stands
 * in no line, has no keeper and no connection: sockets of the parent are
 * closed, without a byte on them. Memory that a thread which is not there any
 * more may have been changing is not looked into.
 */
#include <pthread.h>

#include "base/error.h"
#include "base/watch.h"
#include "lock/keeper.h"
#include "sync/ends.h"
#include "sync/mutex.h"

static void before_fork(void)
{
	rli_locks_before_fork();
	rli_keeper_before_fork();
	rli_backend.before_fork();
	rli_servers_before_fork();
}

static void after_fork_parent(void)
{
	rli_servers_after_fork_parent();
	rli_backend.after_fork_parent();
	rli_keeper_after_fork_parent();
	rli_locks_after_fork_parent();
}

static void after_fork_child(void)
{
	rli_servers_after_fork_child();
	rli_backend.after_fork_child();
	rli_keeper_after_fork_child();
	rli_locks_after_fork_child();
	rli_owner_after_fork();
	rli_thread_after_fork();
}

__attribute__((destructor)) static void unloaded(void)
{
	rli_process_ends();
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int once_err;

/* Of the registration of the handlers of fork; as the library is loaded. */
static int fork_err;

__attribute__((constructor)) static void register_fork(void)
{
	fork_err = pthread_atfork(before_fork, after_fork_parent,
				  after_fork_child);
}

static void init(void)
{
	rli_watches_init();
	once_err = rli_threads_init(rli_thread_ends);
	if (!once_err)
		once_err = fork_err;
	rli_backend.at_exit(rli_process_ends);
}

int rli_process_init(void)
{
	pthread_once(&once, init);
	return once_err ? rli_fail_nomem() : 0;
}
