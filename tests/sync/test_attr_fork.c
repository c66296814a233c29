/* A process that forks while another thread works with attribute objects, and
 * has no mutex yet. */
#include <criterion/criterion.h>

#include <rl/rl.h>
#include <stdatomic.h>

#include "support/proc.h"

#define FORKS 300

static atomic_bool over;

static int set_servers(void)
{
	rl_mutexattr_t attr;
	int err = rl_mutexattr_init(&attr);

	if (!err)
		err = rl_mutexattr_setservers(&attr, "unix:///nowhere");
	rl_mutexattr_destroy(&attr);
	return err;
}

static int in_a_thread(struct proc *self, void *arg)
{
	(void)self;
	(void)arg;
	while (!atomic_load(&over))
		PROC_CHECK(set_servers() == 0);
	return 0;
}

static int in_a_child(struct proc *self, void *arg)
{
	(void)self;
	(void)arg;
	PROC_CHECK(set_servers() == 0);
	return 0;
}

Test(attr_fork, a_child_can_set_the_servers_whatever_its_parent_was_doing)
{
	struct proc *busy = proc_start(PROC_THREAD, in_a_thread, NULL);
	int i;

	for (i = 0; i < FORKS; i++)
		cr_assert_eq(proc_join(proc_start(PROC_PROCESS, in_a_child,
						  NULL)), 0);
	atomic_store(&over, true);
	cr_expect_eq(proc_join(busy), 0);
}
