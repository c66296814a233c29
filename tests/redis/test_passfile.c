/*
 * passfile=: where the password comes from, and which files are refused.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rl/rl.h>

#include "support/server.h"
#include "support/sock.h"

#define PASSWORD "open sesame & 100%"

static struct server *srv;
static char dir[80], path[128];

static void setup(void)
{
	unsetenv("RL_SERVERS");
	unsetenv("RL_LOG");
	srv = server_start(&(struct server_options){ .password = PASSWORD });
	sock_mkdir(dir, sizeof(dir));
	snprintf(path, sizeof(path), "%s/password", dir);
}

static void teardown(void)
{
	sock_rmdir(dir);
	server_stop(srv);
}

TestSuite(passfile, .init = setup, .fini = teardown);

static void write_file(const char *text, size_t len, mode_t mode)
{
	FILE *f = fopen(path, "w");

	cr_assert(f && fwrite(text, 1, len, f) == len && !fclose(f));
	cr_assert_eq(chmod(path, mode), 0);
}

static void write_text(const char *text)
{
	write_file(text, strlen(text), 0600);
}

static int try_as(const char *user)
{
	rl_mutexattr_t attr;
	rl_mutex_t m;
	char url[512];
	int err;

	snprintf(url, sizeof(url), "unix://%s%s%s?passfile=%s", user,
		 *user ? "@" : "", srv->addr.path, path);
	cr_assert_eq(rl_mutexattr_init(&attr), 0);
	cr_assert_eq(rl_mutexattr_setservers(&attr, url), 0, "%s",
		     rl_last_error());
	cr_assert_eq(rl_mutex_init(&m, "n", &attr), 0);
	rl_mutexattr_destroy(&attr);
	err = rl_mutex_trylock(&m);
	if (!err)
		cr_expect_eq(rl_mutex_unlock(&m), 0);
	rl_mutex_destroy(&m);
	cr_expect(!strstr(rl_last_error(), "sesame"), "%s", rl_last_error());
	/* The next one connects anew. */
	server_ask(srv, "CLIENT KILL TYPE normal SKIPME yes");
	return err;
}

static void expect_refused(const char *why)
{
	int err = try_as("");

	cr_expect_eq(err, EACCES, "%d: %s", err, rl_last_error());
	cr_expect(strstr(rl_last_error(), why), "'%s' is not in: %s", why,
		  rl_last_error());
	cr_expect(strstr(rl_last_error(), path), "%s", rl_last_error());
}

Test(passfile, its_first_line_is_the_password)
{
	write_text(PASSWORD);
	cr_expect_eq(try_as(""), 0, "%s", rl_last_error());
	write_text(PASSWORD "\nand what else may stand there\n");
	cr_expect_eq(try_as(""), 0, "%s", rl_last_error());
	write_text(PASSWORD "\r\n");
	cr_expect_eq(try_as("default"), 0, "%s", rl_last_error());
	write_file(PASSWORD, strlen(PASSWORD), 0400);
	cr_expect_eq(try_as(""), 0, "%s", rl_last_error());
}

Test(passfile, it_is_read_at_each_connection)
{
	write_text("last year's sesame");
	cr_expect_eq(try_as(""), EACCES);
	cr_expect(strstr(rl_last_error(), "the server said"), "%s",
		  rl_last_error());
	write_text(PASSWORD);
	cr_expect_eq(try_as(""), 0, "%s", rl_last_error());
}

Test(passfile, others_may_not_even_read_it)
{
	static const mode_t modes[] = { 0640, 0604, 0620, 0602, 0610, 0601,
					0666, 0777 };

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		write_file(PASSWORD, strlen(PASSWORD), modes[i]);
		expect_refused("0600");
	}
}

Test(passfile, it_must_be_the_callers_own)
{
	if (geteuid() != 0)
		cr_skip_test("only root can give a file away");
	write_text(PASSWORD);
	cr_assert_eq(chown(path, 65534, 65534), 0);
	expect_refused("belongs to another user");
}

Test(passfile, a_link_counts_as_what_it_leads_to)
{
	char target[160];

	snprintf(target, sizeof(target), "%s-itself", path);
	write_text(PASSWORD);
	cr_assert_eq(rename(path, target), 0);
	cr_assert_eq(symlink(target, path), 0);
	cr_expect_eq(try_as(""), 0, "%s", rl_last_error());
	cr_assert_eq(chmod(target, 0644), 0);
	expect_refused("0600");
	cr_assert_eq(unlink(target), 0);
	expect_refused("No such file");
}

Test(passfile, only_a_regular_file_is_read)
{
	expect_refused("No such file");
	cr_assert_eq(mkdir(path, 0700), 0);
	expect_refused("is not a regular file");
	cr_assert_eq(rmdir(path), 0);
	/* Nobody will ever write into it. */
	cr_assert_eq(mkfifo(path, 0600), 0);
	expect_refused("is not a regular file");
}

Test(passfile, it_must_hold_a_password_of_sane_length)
{
	char text[5000];

	write_text("");
	expect_refused("empty");
	write_text("\n" PASSWORD "\n");
	expect_refused("empty");
	memset(text, 'x', sizeof(text));
	write_file(text, sizeof(text), 0600);
	expect_refused("longer than");
	write_file(text, 1000, 0600);
	cr_expect_eq(try_as(""), EACCES);
	cr_expect(!strstr(rl_last_error(), "xx"), "%s", rl_last_error());
}

Test(passfile, lock_does_not_wait_for_it_to_become_right)
{
	rl_mutexattr_t attr;
	rl_mutex_t m;
	char url[512];

	snprintf(url, sizeof(url), "unix://%s?passfile=%s", srv->addr.path,
		 path);
	rl_mutexattr_init(&attr);
	rl_mutexattr_setservers(&attr, url);
	cr_assert_eq(rl_mutex_init(&m, "n", &attr), 0);
	rl_mutexattr_destroy(&attr);
	cr_expect_eq(rl_mutex_lock(&m), EACCES);
	rl_mutex_destroy(&m);
}
