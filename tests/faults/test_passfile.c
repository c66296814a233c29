/*
 * A password kept in a file: read anew for each connection, and only if it is
 * the caller's own and nobody else's to read.
 */
#include <sys/stat.h>
#include <unistd.h>

#include "faults/faults.h"

static struct server *srv;
static rl_mutex_t m;
static char path[100];

static void write_file(const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");

	cr_assert(f);
	fputs(text, f);
	cr_assert_eq(fclose(f), 0);
	cr_assert_eq(chmod(path, mode), 0);
}

static void setup(void)
{
	char url[300];

	srv = server_start(&(struct server_options){ .password = "sesame-9" });
	snprintf(path, sizeof(path), "%s/password", srv->dir);
	snprintf(url, sizeof(url), "unix://%s?passfile=%s", srv->addr.path,
		 path);
	make(&m, &(struct want){ .url = url });
}

static void teardown(void)
{
	rl_mutex_destroy(&m);
	server_stop(srv);
}

TestSuite(faults_passfile, .init = setup, .fini = teardown);

static void expect_refused(const char *why)
{
	cr_expect_eq(rl_mutex_trylock(&m), EACCES);
	expect_said(srv, why);
	cr_expect_eq(rl_mutex_lock(&m), EACCES);
	cr_expect_not(strstr(rl_last_error(), "sesame"));
}

static void expect_works(void)
{
	cr_expect_eq(rl_mutex_lock(&m), 0, "%s", rl_last_error());
	cr_expect_eq(rl_mutex_unlock(&m), 0, "%s", rl_last_error());
}

Test(faults_passfile, its_first_line_is_the_password)
{
	write_file("sesame-9\nand a remark\n", 0600);
	expect_works();
}

Test(faults_passfile, it_is_read_anew_for_each_connection)
{
	write_file("wrong", 0600);
	expect_refused("WRONGPASS");
	write_file("sesame-9", 0600);
	expect_works();
	write_file("sesame-8", 0600);
	server_ask(srv, "CONFIG SET requirepass sesame-8");
	server_ask(srv, "CLIENT KILL TYPE normal SKIPME yes");
	expect_works();
}

Test(faults_passfile, a_file_that_is_not_there_is_eacces)
{
	expect_refused("No such file");
	write_file("sesame-9", 0600);
	expect_works();
}

Test(faults_passfile, a_file_that_is_open_to_others_is_eacces)
{
	write_file("sesame-9", 0644);
	expect_refused("0600");
	write_file("sesame-9", 0620);
	expect_refused("0600");
	chmod(path, 0400);
	expect_works();
}

Test(faults_passfile, what_is_no_file_is_eacces)
{
	cr_assert_eq(mkdir(path, 0700), 0);
	expect_refused("regular file");
	rmdir(path);
	cr_assert_eq(mkfifo(path, 0600), 0);
	expect_refused("regular file");
}

Test(faults_passfile, a_password_that_is_too_long_is_eacces)
{
	char text[2001];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	write_file(text, 0600);
	expect_refused("longer");
}
