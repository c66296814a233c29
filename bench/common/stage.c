#include "common/stage.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

/* ---------------------------------------------------------------- cores */

static int cores(const cpu_set_t *allowed, int *core, int max)
{
	int i, n = 0;

	for (i = 0; i < CPU_SETSIZE && n < max; i++)
		if (CPU_ISSET(i, allowed))
			core[n++] = i;
	return n;
}

static void pin(const cpu_set_t *set)
{
	if (sched_setaffinity(0, sizeof(*set), set)) {
		perror("sched_setaffinity");
		exit(2);
	}
}

/* The first core is the server's; clients get as many others as they are. */
static void choose(struct stage *stage, const struct options *o, int clients,
		   cpu_set_t *server, cpu_set_t *client)
{
	static cpu_set_t all; /* before a stage pinned us */
	int core[CPU_SETSIZE], n, i;

	if (!CPU_COUNT(&all))
		sched_getaffinity(0, sizeof(all), &all);
	*server = *client = all;
	n = cores(client, core, CPU_SETSIZE);
	stage->server_core = stage->client_core = -1;
	if (o->placement == PLACE_FREE)
		return;
	if (o->placement == PLACE_APART && n < 2) {
		fprintf(stderr, "one core only: --placement apart needs two\n");
		exit(2);
	}
	CPU_ZERO(server);
	CPU_ZERO(client);
	stage->server_core = core[0];
	CPU_SET(core[0], server);
	if (o->placement == PLACE_TOGETHER)
		CPU_SET(core[0], client);
	else
		for (i = 1; i < n && i <= clients; i++)
			CPU_SET(core[i], client);
	if (CPU_COUNT(client) == 1)
		stage->client_core = core[o->placement == PLACE_APART];
}

/* Every client has a connection or two. */
static void raise_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static struct server *nth(struct stage *stage, int n)
{
	struct server *srv = stage->server;

	while (srv && n-- > 0)
		srv = srv->next;
	return srv;
}

/* What is done to a server is done to all behind it. */
static void lose(struct stage *stage, int nodes, const struct options *o)
{
	stage->alive = nodes - o->dead - o->hung;
	if (o->hung)
		server_pause(nth(stage, stage->alive));
	if (o->dead)
		server_kill(nth(stage, nodes - o->dead));
}

static void connect_controls(struct stage *stage)
{
	struct server *srv = stage->server;
	int i;

	for (i = 0; i < stage->alive; i++, srv = srv->next) {
		stage->control[i] = server_connect(srv);
		if (!stage->control[i]) {
			fprintf(stderr, "no connection to the server\n");
			exit(2);
		}
	}
}

void stage_open(struct stage *stage, const struct options *o, int clients)
{
	const struct server_options options = {
		.tcp = o->tcp,
		.config = "tcp-backlog 4096\nmaxclients 9000",
	};
	int nodes = o->nodes ? o->nodes : 1;
	cpu_set_t server, client;

	raise_limits();
	choose(stage, o, clients, &server, &client);
	pin(&server);
	stage->server = server_start_many(&options, nodes);
	pin(&client);
	lose(stage, nodes, o);
	stage->url = o->tcp ? stage->server->tcp_url : stage->server->urls;
	connect_controls(stage);
}

void stage_close(struct stage *stage)
{
	int i;

	for (i = 0; i < stage->alive; i++)
		redisFree(stage->control[i]);
	server_stop(stage->server);
}

/* ------------------------------------------------------------- counting */

/* Asking is a read of the server's too, and is not to be counted. */
static redisReply *info(struct stage *stage, int node)
{
	redisReply *reply = redisCommand(stage->control[node], "INFO all");

	stage->asked++;
	if (!reply || !reply->str) {
		fprintf(stderr, "INFO: %s\n", stage->control[node]->errstr);
		exit(2);
	}
	return reply;
}

static double field(const char *text, const char *name)
{
	size_t len = strlen(name);
	const char *p = text;

	while ((p = strstr(p, name)) && (p[-1] != '\n' || p[len] != ':'))
		p += len;
	return p ? strtod(p + len + 1, NULL) : 0;
}

double stage_info(struct stage *stage, const char *name)
{
	redisReply *reply = info(stage, 0);
	double value = field(reply->str, name);

	freeReplyObject(reply);
	return value;
}

static void add_command(const char *line, const char *requests,
			struct counters *c)
{
	char name[66];
	double calls;

	if (sscanf(line, "cmdstat_%63[^:]:calls=%lf", name + 1, &calls) != 2)
		return;
	name[0] = ' ';
	strcat(name, " ");
	if (!strcmp(name, " info "))
		return;
	c->calls += calls;
	if (strstr(requests, name))
		c->requests += calls;
}

static void count_node(struct stage *stage, int node, const char *requests,
		       struct counters *c)
{
	redisReply *reply = info(stage, node);
	const char *line = reply->str;

	while ((line = strstr(line, "\ncmdstat_")))
		add_command(++line, requests, c);
	c->reads += field(reply->str, "total_reads_processed");
	c->cpu_us += 1e6 * (field(reply->str, "used_cpu_user") +
			    field(reply->str, "used_cpu_sys"));
	freeReplyObject(reply);
}

void stage_count(struct stage *stage, const char *requests, struct counters *c)
{
	int i;

	memset(c, 0, sizeof(*c));
	for (i = 0; i < stage->alive; i++)
		count_node(stage, i, requests, c);
	c->reads -= stage->asked;
}

double cpu_us_of(pid_t pid)
{
	struct timespec t;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &t))
		return 0;
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}
