#include <criterion/criterion.h>

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/hostid.h"
#include "failing_alloc.h"
#include "support/small_stack.h"

static char dir[PATH_MAX];
static char machine_id[PATH_MAX + 32];
static char tmp[PATH_MAX + 32];
static struct rli_hostid_places places;
static char id[RLI_HOSTID_MAX + 1];

static void remove_dir(void)
{
	char command[PATH_MAX + 32];

	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	cr_assert_eq(system(command), 0);
}

/* A world with no id anywhere, in a directory of the test's own. */
static void setup(void)
{
	const char *base = getenv("TMPDIR");

	snprintf(dir, sizeof(dir), "%s/rl-hostid-XXXXXX",
		 base ? base : "/tmp");
	cr_assert_not_null(mkdtemp(dir));
	snprintf(machine_id, sizeof(machine_id), "%s/machine-id", dir);
	snprintf(tmp, sizeof(tmp), "%s/tmp", dir);
	cr_assert_eq(mkdir(tmp, 0700), 0);
	places = (struct rli_hostid_places){ machine_id, false, tmp };
	unsetenv("RL_HOST_ID");
	unsetenv("XDG_STATE_HOME");
	unsetenv("HOME");
}

TestSuite(hostid, .init = setup, .fini = remove_dir, .timeout = 20);

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	cr_assert_not_null(file);
	fputs(text, file);
	fclose(file);
}

static void expect_id_in(const char *where, const char *name)
{
	char path[PATH_MAX + 128], line[64];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", where, name);
	file = fopen(path, "r");
	cr_assert_not_null(file, "%s", path);
	cr_assert_not_null(fgets(line, sizeof(line), file));
	fclose(file);
	line[strcspn(line, "\n")] = '\0';
	cr_assert_str_eq(line, id);
	cr_assert_eq(strlen(id), 32);
}

static const char *tmp_name(void)
{
	static char name[64];

	snprintf(name, sizeof(name), "rl-host-id-%lu",
		 (unsigned long)geteuid());
	return name;
}

Test(hostid, rl_host_id_comes_first)
{
	write_file(machine_id, "0123456789abcdef0123456789abcdef\n");
	setenv("RL_HOST_ID", "my-host:1", 1);
	cr_assert_eq(rli_hostid_find(&places, id), 0);
	cr_assert_str_eq(id, "my-host:1");
}

Test(hostid, a_bad_rl_host_id_is_einval_with_a_message)
{
	static const char *const bad[] = {
		"", " ", "a b", "a#b", "a/b", "a\nb", "\t", "a\x7f"
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		setenv("RL_HOST_ID", bad[i], 1);
		cr_assert_eq(rli_hostid_find(&places, id), EINVAL);
		cr_assert(strstr(rl_last_error(), "RL_HOST_ID"));
	}
}

Test(hostid, rl_host_id_has_at_most_200_bytes)
{
	char text[RLI_HOSTID_MAX + 2] = "";

	memset(text, 'x', RLI_HOSTID_MAX);
	setenv("RL_HOST_ID", text, 1);
	cr_assert_eq(rli_hostid_find(&places, id), 0);
	cr_assert_str_eq(id, text);
	text[RLI_HOSTID_MAX] = 'x';
	setenv("RL_HOST_ID", text, 1);
	cr_assert_eq(rli_hostid_find(&places, id), EINVAL);
}

Test(hostid, the_machine_id_comes_next)
{
	setenv("HOME", dir, 1);
	write_file(machine_id, "0123456789abcdef0123456789abcdef\n");
	cr_assert_eq(rli_hostid_find(&places, id), 0);
	cr_assert_str_eq(id, "0123456789abcdef0123456789abcdef");
}

Test(hostid, a_machine_id_that_is_none_is_passed_over)
{
	static const char *const bad[] = {
		"", "\n", "uninitialized\n", "0123456789abcdef\n",
		"00000000000000000000000000000000\n",
		"0123456789abcdef0123456789abcdeg\n",
		"0123456789abcdef0123456789abcdef0\n",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		write_file(machine_id, bad[i]);
		cr_assert_eq(rli_hostid_find(&places, id), 0);
		expect_id_in(tmp, tmp_name());
	}
}

Test(hostid, a_mac_address_comes_next_where_there_is_one)
{
	places.mac = true;
	setenv("HOME", dir, 1);
	cr_assert_eq(rli_hostid_find(&places, id), 0);
	if (!strchr(id, ':')) {
		expect_id_in(dir, ".local/state/rl/host-id");
		return;
	}
	cr_assert_eq(strlen(id), 17);
	cr_assert_eq(strspn(id, "0123456789abcdef:"), 17);
	cr_assert_str_neq(id, "00:00:00:00:00:00");
}

Test(hostid, an_id_is_kept_in_the_state_directory)
{
	char first[RLI_HOSTID_MAX + 1];

	setenv("XDG_STATE_HOME", dir, 1);
	setenv("HOME", "/nonexistent", 1);
	cr_assert_eq(rli_hostid_find(&places, id), 0);
	expect_id_in(dir, "rl/host-id");
	strcpy(first, id);
	cr_assert_eq(rli_hostid_find(&places, id), 0);
	cr_assert_str_eq(id, first);
}

Test(hostid, without_one_it_is_kept_in_the_home_directory)
{
	setenv("XDG_STATE_HOME", "relative/is/not/used", 1);
	setenv("HOME", dir, 1);
	cr_assert_eq(rli_hostid_find(&places, id), 0);
	expect_id_in(dir, ".local/state/rl/host-id");
}

Test(hostid, without_a_home_it_is_kept_under_the_users_number)
{
	cr_assert_eq(rli_hostid_find(&places, id), 0);
	expect_id_in(tmp, tmp_name());
}

Test(hostid, two_hosts_keep_different_ids)
{
	char first[RLI_HOSTID_MAX + 1];

	cr_assert_eq(rli_hostid_find(&places, id), 0);
	strcpy(first, id);
	setenv("HOME", dir, 1);
	cr_assert_eq(rli_hostid_find(&places, id), 0);
	cr_assert_str_neq(id, first);
}

Test(hostid, a_link_in_place_of_the_kept_file_is_not_followed)
{
	char path[PATH_MAX + 128];

	write_file(machine_id, "planted\n");
	snprintf(path, sizeof(path), "%s/%s", tmp, tmp_name());
	cr_assert_eq(symlink(machine_id, path), 0);
	cr_assert_eq(rli_hostid_find(&places, id), EINVAL);
}

Test(hostid, a_pipe_in_place_of_the_kept_file_is_not_waited_for)
{
	char path[PATH_MAX + 128];

	snprintf(path, sizeof(path), "%s/%s", tmp, tmp_name());
	cr_assert_eq(mkfifo(path, 0600), 0);
	cr_assert_eq(rli_hostid_find(&places, id), EINVAL);
}

Test(hostid, with_no_place_to_keep_one_it_is_einval_with_a_message)
{
	places.tmp = "/nonexistent";
	errno = 77;
	cr_assert_eq(rli_hostid_find(&places, id), EINVAL);
	cr_assert_eq(errno, 77);
	cr_assert(strstr(rl_last_error(), "RL_HOST_ID"));
}

static void find_in_child(int go, int out)
{
	char byte;

	if (read(go, &byte, 1) < 0 || rli_hostid_find(&places, id))
		_exit(1);
	_exit(write(out, id, 32) != 32);
}

static void *find_for(void *arg)
{
	*(int *)arg = rli_hostid_find(&places, id);
	return NULL;
}

Test(hostid, the_smallest_stack_is_enough_to_make_the_file)
{
	int err = -1;

	on_small_stack(find_for, &err);
	cr_assert_eq(err, 0);
	expect_id_in(tmp, tmp_name());
}

/* All wait for one pipe to close, and then look at once. */
Test(hostid, processes_that_make_the_file_at_once_agree)
{
	enum { CHILDREN = 8 };
	int go[2], out[2], status;
	char ids[CHILDREN][32];

	cr_assert_eq(pipe(go) | pipe(out), 0);
	for (int i = 0; i < CHILDREN; i++)
		if (fork() == 0) {
			close(go[1]);
			find_in_child(go[0], out[1]);
		}
	close(go[1]);
	for (int i = 0; i < CHILDREN; i++) {
		cr_assert(wait(&status) > 0 && status == 0);
		cr_assert_eq(read(out[0], ids[i], 32), 32);
		cr_assert_arr_eq(ids[i], ids[0], 32);
	}
}

Test(hostid, is_found_once_and_then_constant)
{
	const char *first, *again;

	setenv("RL_HOST_ID", "one", 1);
	cr_assert_eq(rli_hostid(&first), 0);
	setenv("RL_HOST_ID", "two", 1);
	cr_assert_eq(rli_hostid(&again), 0);
	cr_assert_eq(first, again);
	cr_assert_str_eq(again, "one");
}

Test(hostid, a_failure_is_not_remembered)
{
	const char *found;

	setenv("RL_HOST_ID", "", 1);
	cr_assert_eq(rli_hostid(&found), EINVAL);
	setenv("RL_HOST_ID", "good", 1);
	fail_allocation(1, true);
	cr_assert_eq(rli_hostid(&found), ENOMEM);
	fail_no_allocation();
	cr_assert_eq(rli_hostid(&found), 0);
	cr_assert_str_eq(found, "good");
}

static void *find_in_thread(void *arg)
{
	const char *found = NULL;

	(void)arg;
	rli_hostid(&found);
	return (void *)found;
}

Test(hostid, threads_that_look_at_once_get_the_same)
{
	pthread_t thread[8];
	void *found[8];

	setenv("RL_HOST_ID", "shared", 1);
	for (int i = 0; i < 8; i++)
		cr_assert_eq(pthread_create(&thread[i], NULL, find_in_thread,
					    NULL), 0);
	for (int i = 0; i < 8; i++)
		pthread_join(thread[i], &found[i]);
	for (int i = 0; i < 8; i++)
		cr_assert_eq(found[i], found[0]);
	cr_assert_str_eq(found[0], "shared");
}
