#include <criterion/criterion.h>

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/owner.h"

static char id[RLI_ID_MAX];

static void setup(void)
{
	setenv("RL_HOST_ID", "my-host", 1);
}

TestSuite(owner, .init = setup, .timeout = 20);

/* What ps says of the process's start, in other words: field 22. */
static uint64_t start_of(pid_t pid)
{
	char path[64], stat[1024];
	uint64_t start = 0;
	FILE *file;
	size_t len;

	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	file = fopen(path, "r");
	cr_assert_not_null(file);
	len = fread(stat, 1, sizeof(stat) - 1, file);
	fclose(file);
	stat[len] = '\0';
	sscanf(strrchr(stat, ')') + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u "
	       "%*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %" SCNu64, &start);
	return start;
}

static const char *expected_process(void)
{
	static char text[RLI_ID_MAX];

	snprintf(text, sizeof(text), "proc:my-host/%ld.%" PRIu64,
		 (long)getpid(), start_of(getpid()));
	return text;
}

Test(owner, a_host_is_named_by_its_host_id)
{
	cr_assert_eq(rli_host_owner(id, sizeof(id)), 0);
	cr_assert_str_eq(id, "host:my-host");
}

Test(owner, a_process_is_named_by_host_pid_and_start)
{
	cr_assert_eq(rli_process_owner(id, sizeof(id)), 0);
	cr_assert_str_eq(id, expected_process());
	cr_assert_gt(start_of(getpid()), 0);
}

Test(owner, a_thread_is_named_by_its_process_tid_and_serial)
{
	char expected[RLI_ID_MAX + 64];

	snprintf(expected, sizeof(expected), "thrd:%s/%ld.%lu",
		 expected_process() + strlen("proc:"), syscall(SYS_gettid),
		 4294967297ul);
	cr_assert_eq(rli_thread_owner(id, sizeof(id), 4294967297ul), 0);
	cr_assert_str_eq(id, expected);
}

Test(owner, a_program_name_with_blanks_and_parentheses_does_no_harm)
{
	prctl(PR_SET_NAME, ") 1 (2) 3");
	cr_assert_eq(rli_process_owner(id, sizeof(id)), 0);
	cr_assert_str_eq(id, expected_process());
}

Test(owner, a_forked_child_is_another_process_of_the_same_host)
{
	char before[RLI_ID_MAX], host[RLI_ID_MAX];
	int status;
	pid_t pid;

	cr_assert_eq(rli_process_owner(before, sizeof(before)), 0);
	cr_assert_eq(rli_host_owner(host, sizeof(host)), 0);
	pid = fork();
	if (pid == 0) {
		char child_host[RLI_ID_MAX];

		rli_owner_after_fork();
		rli_process_owner(id, sizeof(id));
		rli_host_owner(child_host, sizeof(child_host));
		_exit(!(strcmp(id, before) != 0 &&
			!strcmp(id, expected_process()) &&
			!strcmp(child_host, host)));
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0);
}

/* As by a clone that no fork handler sees. */
Test(owner, a_child_that_nobody_announced_is_another_process_too)
{
	char before[RLI_ID_MAX];
	int status;
	long pid;

	cr_assert_eq(rli_process_owner(before, sizeof(before)), 0);
	pid = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0);
	if (pid == 0) {
		rli_process_owner(id, sizeof(id));
		syscall(SYS_exit_group, !strcmp(id, before));
	}
	cr_assert_eq(waitpid((pid_t)pid, &status, 0), pid);
	cr_assert_eq(status, 0);
}

Test(owner, a_name_of_ones_own_is_taken_as_it_is)
{
	cr_assert_eq(rli_name_owner(id, sizeof(id), "job #7/a"), 0);
	cr_assert_str_eq(id, "name:job #7/a");
}

Test(owner, an_empty_name_is_einval)
{
	cr_assert_eq(rli_name_owner(id, sizeof(id), ""), EINVAL);
	cr_assert_eq(rli_name_owner(id, sizeof(id), NULL), EINVAL);
	cr_assert(strstr(rl_last_error(), "empty"));
}

Test(owner, a_name_has_at_most_1024_bytes)
{
	char name[RLI_OWNER_NAME_MAX + 2] = "";

	memset(name, 'x', RLI_OWNER_NAME_MAX);
	cr_assert_eq(rli_name_owner(id, sizeof(id), name), 0);
	cr_assert_str_eq(id + strlen("name:"), name);
	name[RLI_OWNER_NAME_MAX] = 'x';
	cr_assert_eq(rli_name_owner(id, sizeof(id), name), EINVAL);
	cr_assert(strstr(rl_last_error(), "1025"));
}

Test(owner, a_buffer_too_small_is_erange_and_stays_empty)
{
	char small[16] = "before";

	cr_assert_eq(rli_process_owner(small, sizeof(small)), ERANGE);
	cr_assert_str_eq(small, "");
	cr_assert_eq(rli_thread_owner(small, sizeof(small), 1), ERANGE);
	cr_assert_eq(rli_host_owner(small, 12), ERANGE);
	cr_assert_eq(rli_host_owner(small, 13), 0);
	cr_assert_str_eq(small, "host:my-host");
	cr_assert_eq(rli_name_owner(small, sizeof(small), "eleven bytes"),
		     ERANGE);
}

Test(owner, a_bad_host_id_is_passed_on)
{
	setenv("RL_HOST_ID", "a/b", 1);
	cr_assert_eq(rli_host_owner(id, sizeof(id)), EINVAL);
	cr_assert_eq(rli_process_owner(id, sizeof(id)), EINVAL);
	cr_assert_eq(rli_thread_owner(id, sizeof(id), 1), EINVAL);
	cr_assert_eq(rli_name_owner(id, sizeof(id), "mine"), 0);
}

Test(owner, the_longest_host_id_leaves_room_in_an_id)
{
	char host[RLI_HOSTID_MAX + 1] = "";

	memset(host, 'x', RLI_HOSTID_MAX);
	setenv("RL_HOST_ID", host, 1);
	cr_assert_eq(rli_thread_owner(id, sizeof(id), -1ul), 0);
}
