#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "support/proc.h"
#include "support/wait.h"

static const enum proc_kind kinds[] = { PROC_THREAD, PROC_PROCESS };

static int doubler(struct proc *self, void *arg)
{
	int64_t value;

	while ((value = proc_hear(self)) > 0)
		proc_tell(self, 2 * value);
	return *(int *)arg;
}

Test(support_proc, both_kinds_go_step_by_step_and_give_a_result)
{
	int result = 7;
	size_t i;

	for (i = 0; i < 2; i++) {
		struct proc *p = proc_start(kinds[i], doubler, &result);

		proc_tell(p, 4);
		proc_tell(p, 5);
		cr_expect_eq(proc_hear(p), 8);
		cr_expect_eq(proc_hear(p), 10);
		cr_expect_not(proc_heard(p, 0));
		proc_tell(p, 0);
		cr_expect_eq(proc_hear(p), PROC_ENDED);
		cr_expect_eq(proc_join(p), 7);
	}
}

static int failing(struct proc *self, void *arg)
{
	(void)self;
	(void)arg;
	fclose(stderr);
	stderr = fopen("/dev/null", "w");
	PROC_CHECK(1 + 1 == 3);
	return 0;
}

Test(support_proc, a_failed_check_is_result_1)
{
	cr_expect_eq(proc_join(proc_start(PROC_PROCESS, failing, NULL)), 1);
}

static int crashing(struct proc *self, void *arg)
{
	(void)self;
	(void)arg;
	raise(SIGUSR1);
	return 0;
}

Test(support_proc, a_signal_is_128_and_its_number)
{
	cr_expect_eq(proc_join(proc_start(PROC_PROCESS, crashing, NULL)),
		     128 + SIGUSR1);
}

static int talker(struct proc *self, void *arg)
{
	char text[] = "some bytes";

	proc_tell_bytes(self, text, sizeof(text));
	proc_hear(self);
	(void)arg;
	return 0;
}

Test(support_proc, bytes_arrive_whole_and_a_paused_one_goes_on)
{
	struct proc *p = proc_start(PROC_PROCESS, talker, NULL);
	char text[64];

	cr_expect_eq(proc_hear_bytes(p, text, sizeof(text)), 11);
	cr_expect_str_eq(text, "some bytes");
	proc_pause(p);
	proc_tell(p, 1);
	cr_expect_not(proc_heard(p, 20));
	proc_resume(p);
	cr_expect_eq(proc_join(p), 0);
}

Test(support_proc, a_killed_one_is_gone)
{
	struct proc *p = proc_start(PROC_PROCESS, talker, NULL);
	pid_t pid = p->pid;

	proc_kill(p);
	cr_expect_lt(kill(pid, 0), 0);
}
