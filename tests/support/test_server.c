#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/proc.h"
#include "support/server.h"
#include "support/wait.h"

Test(support_server, a_reply_comes_as_text)
{
	struct server *srv = server_start(NULL);

	cr_expect_str_eq(server_ask(srv, "SET %s %s", "k", "a b"), "OK");
	cr_expect_str_eq(server_ask(srv, "GET k"), "a b");
	cr_expect_str_eq(server_ask(srv, "GET none"), "(nil)");
	cr_expect_str_eq(server_ask(srv, "MGET k none"), "a b\n(nil)");
	cr_expect_eq(server_ask_int(srv, "EXISTS k"), 1);
	cr_expect_eq(*server_ask(srv, "LPUSH k x"), '-');
	cr_expect_eq(server_info(srv, "connected_clients"), 1);
	server_stop(srv);
}

Test(support_server, a_password_guards_both_addresses)
{
	struct server *srv = server_start(
		&(struct server_options){ .tcp = true, .password = "se cret" });
	redisContext *c = redisConnect("127.0.0.1", srv->port);
	redisReply *r = redisCommand(c, "PING");

	cr_expect_eq(strncmp(r->str, "NOAUTH", 6), 0);
	freeReplyObject(r);
	r = redisCommand(c, "AUTH %s", "se cret");
	cr_expect_str_eq(r->str, "OK");
	freeReplyObject(r);
	redisFree(c);
	cr_expect_eq(strncmp(srv->tcp_url, "redis://:se", 11), 0);
	server_stop(srv);
}

Test(support_server, a_line_of_config_makes_an_acl_user)
{
	struct server *srv = server_start(&(struct server_options){
		.config = "user u on >p ~rl:* +get\nmaxmemory 3mb" });

	cr_expect(strstr(server_ask(srv, "ACL LIST"), "user u on"));
	cr_expect(strstr(server_ask(srv, "CONFIG GET maxmemory"), "3145728"));
	server_stop(srv);
}

Test(support_server, a_restart_keeps_address_and_data_if_asked)
{
	struct server *srv = server_start(
		&(struct server_options){ .tcp = true, .persist = true });
	int port = srv->port;

	server_ask(srv, "SET k v");
	server_restart(srv, true);
	cr_expect_str_eq(server_ask(srv, "GET k"), "v");
	cr_expect_eq(server_ask_int(srv, "DBSIZE"), 1);
	server_shutdown(srv);
	cr_expect_str_eq(server_ask(srv, "PING"), "(no answer)");
	server_restart(srv, false);
	cr_expect_str_eq(server_ask(srv, "GET k"), "(nil)");
	cr_expect(strstr(server_ask(srv, "CONFIG GET port"), "port"));
	cr_expect_eq(atoi(server_ask(srv, "CONFIG GET port") + 5), port);
	server_stop(srv);
}

Test(support_server, a_paused_one_is_silent_until_resumed)
{
	struct server *srv = server_start(NULL);
	redisContext *c = server_connect(srv);
	struct timeval brief = { .tv_usec = 50000 };
	redisReply *r;

	server_pause(srv);
	redisSetTimeout(c, brief);
	cr_expect_null(redisCommand(c, "PING"));
	redisFree(c);
	server_resume(srv);
	c = server_connect(srv);
	r = redisCommand(c, "PING");
	cr_expect_str_eq(r->str, "PONG");
	freeReplyObject(r);
	redisFree(c);
	server_stop(srv);
}

static int start_and_tell(struct proc *self, void *arg)
{
	struct server *srv = server_start(NULL);

	(void)arg;
	proc_tell(self, srv->pid);
	proc_tell_bytes(self, srv->dir, sizeof(srv->dir));
	proc_hear(self);
	return 0;
}

static bool is_gone(void *arg)
{
	pid_t *pid = arg;

	return kill(*pid, 0) < 0;
}

Test(support_server, it_dies_with_the_process_that_started_it)
{
	struct proc *p = proc_start(PROC_PROCESS, start_and_tell, NULL);
	pid_t pid = (pid_t)proc_hear(p);
	char dir[80];

	cr_assert_eq(proc_hear_bytes(p, dir, sizeof(dir)), sizeof(dir));
	cr_assert_eq(kill(pid, 0), 0);
	proc_kill(p);
	sock_rmdir(dir);
	/* Reaped by whoever adopts orphans, or a zombie for ever. */
	if (!wait_until(is_gone, &pid, 3000)) {
		char path[64], state = 0;
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
		f = fopen(path, "r");
		cr_assert(f && fscanf(f, "%*d %*s %c", &state) == 1);
		fclose(f);
		cr_expect_eq(state, 'Z');
	}
}
