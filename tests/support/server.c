#include "support/server.h"
#include "support/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void write_config(struct server *srv, const struct server_options *o)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/redis.conf", srv->dir);
	f = fopen(path, "w");
	TEST_MUST(f);
	fprintf(f, "bind 127.0.0.1\nport %d\nunixsocket %s\n", srv->port,
		srv->addr.path);
	fprintf(f, "dir %s\ndaemonize no\nsave \"\"\nlogfile %s/log\n",
		srv->dir, srv->dir);
	fprintf(f, "user tester on >tester allcommands allkeys allchannels\n");
	if (o->password)
		fprintf(f, "requirepass \"%s\"\n", o->password);
	if (o->persist)
		fprintf(f, "appendonly yes\nappendfsync always\n");
	if (o->config)
		fprintf(f, "%s\n", o->config);
	TEST_MUST(fclose(f) == 0);
}

static void make_urls(struct server *srv, const char *password)
{
	const char *pre = password ? ":" : "";
	const char *post = password ? "@" : "";

	if (!password)
		password = "";
	snprintf(srv->url, sizeof(srv->url), "unix://%s%s%s%s", pre, password,
		 post, srv->addr.path);
	if (srv->port)
		snprintf(srv->tcp_url, sizeof(srv->tcp_url),
			 "redis://%s%s%s127.0.0.1:%d", pre, password, post,
			 srv->port);
}

static void launch(struct server *srv)
{
	const char *program = getenv("RL_TEST_SERVER");
	char config[128];

	if (!program || !program[0])
		program = "redis-server";
	snprintf(config, sizeof(config), "%s/redis.conf", srv->dir);
	srv->pid = sock_fork(NULL, 0);
	if (srv->pid)
		return;
	/* What it says before it opens its log is worth seeing only there. */
	(void)!freopen("/dev/null", "r", stdin);
	(void)!freopen("/dev/null", "w", stdout);
	execlp(program, program, config, (char *)NULL);
	fprintf(stderr, "%s: %s\n", program, strerror(errno));
	_exit(127);
}

static void die_with_log(struct server *srv, const char *why)
{
	char line[512];
	FILE *f;

	snprintf(line, sizeof(line), "%s/log", srv->dir);
	f = fopen(line, "r");
	while (f && fgets(line, sizeof(line), f))
		fputs(line, stderr);
	TEST_DIE("redis-server %s", why);
}

static bool answers(void *arg)
{
	struct server *srv = arg;
	int status;

	if (waitpid(srv->pid, &status, WNOHANG) == srv->pid) {
		srv->pid = 0;
		die_with_log(srv, "ended at its start");
	}
	return !strcmp(server_ask_one(srv, "PING"), "PONG");
}

/* The program may have to come from a disk that stands still. */
void server_wait_ready(struct server *srv)
{
	for (; srv; srv = srv->next)
		if (!wait_until(answers, srv, 6 * WAIT_MS))
			die_with_log(srv, "does not answer");
}

/*
 * One that writes all it does to disk, and awaits that, would stand still as long
 * as anybody keeps the disk busy. It is killed, and the machine is not: memory
 * keeps its data as well.
 */
static void make_dir(struct server *srv, bool persist)
{
	const char *memory = getenv("RL_TEST_MEMORY");

	if (!memory)
		memory = "/dev/shm";
	if (!persist || access(memory, W_OK | X_OK)) {
		sock_mkdir(srv->dir, sizeof(srv->dir));
		return;
	}
	snprintf(srv->dir, sizeof(srv->dir), "%s/rl-test-XXXXXX", memory);
	TEST_MUST(mkdtemp(srv->dir));
}

static struct server *start_one(const struct server_options *options)
{
	static const struct server_options none;
	struct server *srv = calloc(1, sizeof(*srv));

	TEST_MUST(srv);
	if (!options)
		options = &none;
	make_dir(srv, options->persist);
	snprintf(srv->addr.path, sizeof(srv->addr.path), "%s/sock", srv->dir);
	srv->port_fd = options->tcp ? sock_reserve_port(&srv->port) : -1;
	make_urls(srv, options->password);
	write_config(srv, options);
	srv->nodes = 1;
	strcpy(srv->urls, srv->url);
	launch(srv);
	return srv;
}

struct server *server_start(const struct server_options *options)
{
	return server_start_many(options, 1);
}

struct server *server_start_many(const struct server_options *options, int n)
{
	const char *text = getenv("RL_TEST_NODES");
	struct server *first, *last;

	if (!n)
		n = text && atoi(text) > 1 ? atoi(text) : 1;
	first = last = start_one(options);
	for (first->nodes = 1; first->nodes < n; first->nodes++) {
		last->next = start_one(options);
		last = last->next;
		TEST_MUST(strlen(first->urls) + strlen(last->url) + 2 <=
			  sizeof(first->urls));
		strcat(strcat(first->urls, " "), last->url);
	}
	server_wait_ready(first);
	return first;
}

/* The state letter of a process that need not be our child; 0: gone. */
static char process_state(pid_t pid)
{
	char path[64], text[512];
	const char *p;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	p = strrchr(text, ')');
	return p && p[1] ? p[2] : 0;
}

static bool has_ended(void *arg)
{
	struct server *srv = arg;
	pid_t pid = waitpid(srv->pid, NULL, WNOHANG);
	char state;

	if (pid)
		return pid == srv->pid || !process_state(srv->pid);
	state = process_state(srv->pid);
	return !state;
}

static bool stands_still(void *arg)
{
	struct server *srv = arg;

	return process_state(srv->pid) == 'T';
}

static void await_end(struct server *srv)
{
	if (!wait_until(has_ended, srv, WAIT_MS))
		TEST_DIE("redis-server does not end");
	srv->pid = 0;
}

static void end(struct server *srv, int sig)
{
	for (; srv; srv = srv->next) {
		if (!srv->pid)
			continue;
		kill(srv->pid, sig);
		await_end(srv);
	}
}

void server_kill(struct server *srv)
{
	end(srv, SIGKILL);
}

void server_shutdown(struct server *srv)
{
	end(srv, SIGTERM);
}

void server_stop(struct server *srv)
{
	struct server *next;

	if (srv)
		server_kill(srv);
	for (; srv; srv = next) {
		next = srv->next;
		if (srv->port_fd >= 0)
			close(srv->port_fd);
		sock_rmdir(srv->dir);
		free(srv);
	}
}

static void wipe(struct server *srv)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/appendonlydir", srv->dir);
	sock_rmdir(path);
	snprintf(path, sizeof(path), "%s/appendonly.aof", srv->dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/dump.rdb", srv->dir);
	unlink(path);
}

void server_resurrect(struct server *srv, bool keep_data)
{
	server_kill(srv);
	for (; srv; srv = srv->next) {
		if (!keep_data)
			wipe(srv);
		launch(srv);
	}
}

void server_restart(struct server *srv, bool keep_data)
{
	server_resurrect(srv, keep_data);
	server_wait_ready(srv);
}

void server_pause(struct server *srv)
{
	for (; srv; srv = srv->next) {
		kill(srv->pid, SIGSTOP);
		if (!wait_until(stands_still, srv, WAIT_MS))
			TEST_DIE("redis-server does not stop");
	}
}

void server_resume(struct server *srv)
{
	for (; srv; srv = srv->next)
		kill(srv->pid, SIGCONT);
}
