/*
 * rlock doctor: asks each server what would break a promise of rl's, and says
 * what to do about it. It changes nothing but one lock of its own.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rl/rl.h>

#include "ask.h"
#include "base/clock.h"
#include "base/error.h"
#include "rlock.h"

#define SKEW_MS 500	/* said to be too much, beside the time of the answer */

static const char usage[] =
	"doctor [--servers URLS]\n"
	"  checks the servers of RL_SERVERS, or these. Exit status: 0 all is\n"
	"  well, 1 there are warnings, 3 locks will not work";

/* What was found so far, over all servers. */
struct findings {
	int warnings;
	int failures;
};

/* The server that is being asked. */
struct patient {
	struct rli_conns *conns;
	struct rli_node *node;
	struct findings *findings;
	struct answer info;
};

/* ----------------------------------------------------------------- saying */

static void say(const char *how, const char *who, const char *fmt,
		va_list args)
{
	printf("%-5s %s: ", how, who);
	vprintf(fmt, args);
	putchar('\n');
}

__attribute__((format(printf, 2, 3))) static void
good(const struct patient *p, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say("ok", p->node->url.label, fmt, args);
	va_end(args);
}

__attribute__((format(printf, 2, 3))) static void
warn(const struct patient *p, const char *fmt, ...)
{
	va_list args;

	p->findings->warnings++;
	va_start(args, fmt);
	say("warn", p->node->url.label, fmt, args);
	va_end(args);
}

__attribute__((format(printf, 2, 3))) static void
bad(const struct patient *p, const char *fmt, ...)
{
	va_list args;

	p->findings->failures++;
	va_start(args, fmt);
	say("BAD", p->node->url.label, fmt, args);
	va_end(args);
}

/* ------------------------------------------------------------------- INFO */

/* The value of a field of INFO; "" if there is none. */
static const char *field(const struct patient *p, const char *name,
			 char *value, size_t size)
{
	size_t len = strlen(name);
	const char *line = p->info.text;

	value[0] = '\0';
	while (line && *line) {
		if (!strncmp(line, name, len) && line[len] == ':') {
			line += len + 1;
			snprintf(value, size, "%.*s",
				 (int)strcspn(line, "\r\n"), line);
			return value;
		}
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	return value;
}

static long long number(const struct patient *p, const char *name)
{
	char value[32];

	return strtoll(field(p, name, value, sizeof(value)), NULL, 10);
}

static void check_version(const struct patient *p)
{
	char valkey[32], redis[32], mode[32];
	int major = 0, minor = 0;

	field(p, "valkey_version", valkey, sizeof(valkey));
	field(p, "redis_version", redis, sizeof(redis));
	field(p, "redis_mode", mode, sizeof(mode));
	sscanf(redis, "%d.%d", &major, &minor);
	if (major * 100 + minor < 602)
		bad(p, "Redis %s: 6.2 or later is needed", redis);
	else
		good(p, "%s %s", *valkey ? "Valkey" : "Redis",
		     *valkey ? valkey : redis);
	if (!strcmp(mode, "sentinel"))
		bad(p, "is a sentinel, which keeps no locks");
}

static void check_role(const struct patient *p)
{
	char role[32];
	long long replicas = number(p, "connected_slaves");

	if (strcmp(field(p, "role", role, sizeof(role)), "master") != 0)
		bad(p, "is a replica; locks are taken on its master");
	else if (replicas > 0)
		warn(p, "has %lld replica%s: one that is promoted may not know "
			"of the last locks, and grant them again", replicas,
		     replicas == 1 ? "" : "s");
	else
		good(p, "is a master without replicas");
}

/* *text, "" where the server does not say (it may be forbidden to ask). */
static void config(const struct patient *p, const char *name, char *text,
		   size_t size)
{
	const char *const words[] = { "CONFIG", "GET", name, NULL };
	struct answer answer;
	const char *value;

	text[0] = '\0';
	if (ask(p->conns, p->node, words, &answer))
		return;
	value = strchr(answer.text, '\n');
	if (value)
		snprintf(text, size, "%.*s", (int)strcspn(value + 1, "\n"),
			 value + 1);
	free(answer.text);
}

static void check_persistence(const struct patient *p)
{
	char fsync[32], save[80];

	config(p, "appendfsync", fsync, sizeof(fsync));
	config(p, "save", save, sizeof(save));
	if (number(p, "aof_enabled") == 0)
		warn(p, "has no append-only file%s: restarted, it has "
			"forgotten locks. Let it stay down for one longest "
			"lease, or set appendonly yes",
		     *save ? " (only snapshots)" : "");
	else if (!strcmp(fsync, "no"))
		warn(p, "appendfsync no: what it wrote last is lost if its "
			"machine fails");
	else if (!strcmp(fsync, "everysec"))
		good(p, "append-only file, everysec: a restart keeps the "
			"locks; a power cut may lose the last second's "
			"(always keeps them)");
	else
		good(p, "append-only file%s%s", *fsync ? ", " : "", fsync);
	if (number(p, "loading"))
		bad(p, "is loading its data");
}

static void check_memory(const struct patient *p)
{
	char policy[40];
	long long max = number(p, "maxmemory");

	field(p, "maxmemory_policy", policy, sizeof(policy));
	if (max == 0)
		good(p, "no limit of memory");
	else if (strcmp(policy, "noeviction") != 0)
		bad(p, "maxmemory-policy %s: with its memory full it throws "
		       "locks away; set noeviction", policy);
	else if (number(p, "used_memory") > max / 10 * 9)
		warn(p, "more than nine tenths of maxmemory are used: when "
			"all is, no lock is granted");
	else
		good(p, "maxmemory-policy noeviction");
}

/* ----------------------------------------------------------------- others */

static void check_clock(const struct patient *p)
{
	static const char *const words[] = { "TIME", NULL };
	struct timespec now;
	struct answer answer;
	long long seconds = 0, us = 0, skew;
	int64_t middle, real;

	if (ask(p->conns, p->node, words, &answer))
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	middle = (rli_now() - answer.sent) / 2;
	real = now.tv_sec * RLI_S + now.tv_nsec - middle;
	sscanf(answer.text, "%lld %lld", &seconds, &us);
	free(answer.text);
	skew = (seconds * RLI_S + us * RLI_US - real) / RLI_MS;
	if (llabs(skew) > SKEW_MS)
		warn(p, "its clock is %lld ms %s of this machine's; leases do "
			"not suffer, fences can when a server forgets",
		     llabs(skew), skew < 0 ? "behind" : "ahead");
	else
		good(p, "clock within %lld ms of this machine's, answer in "
			"%.2f ms", llabs(skew),
		     (double)(answer.heard - answer.sent) / (double)RLI_MS);
}

/* Takes a lock of its own: scripts run, and the user may run them. */
static int try_lock(const char *url, char *why, size_t size)
{
	char name[80];
	rl_mutexattr_t attr;
	rl_mutex_t mutex;
	int err = rl_mutexattr_init(&attr);

	snprintf(name, sizeof(name), "rlock:doctor:%ld", (long)getpid());
	if (!err)
		err = rl_mutexattr_setservers(&attr, url);
	if (!err)
		err = rl_mutexattr_setlease(&attr, 1000);
	if (!err)
		err = rl_mutex_init(&mutex, name, &attr);
	rl_mutexattr_destroy(&attr);
	if (!err) {
		err = rl_mutex_trylock(&mutex);
		if (!err)
			err = rl_mutex_unlock(&mutex);
		snprintf(why, size, "%s", rl_last_error());
		rl_mutex_destroy(&mutex);
		return err;
	}
	snprintf(why, size, "%s", rl_last_error());
	return err;
}

/* ------------------------------------------------------------ one and all */

/* Most messages begin with the server, which has been named already. */
static const char *last_error(const struct patient *p)
{
	const char *label = p->node->url.label;
	const char *text = rl_last_error();

	if (!strncmp(text, label, strlen(label)) &&
	    !strncmp(text + strlen(label), ": ", 2))
		text += strlen(label) + 2;
	return text;
}

static void check_server(struct patient *p)
{
	static const char *const words[] = { "INFO", NULL };
	int err = ask(p->conns, p->node, words, &p->info);

	if (err == EACCES || err == EPROTO) {
		warn(p, "does not tell about itself: %s", last_error(p));
		return;
	}
	if (err) {
		bad(p, "%s", last_error(p));
		return;
	}
	check_version(p);
	check_role(p);
	check_persistence(p);
	check_memory(p);
	check_clock(p);
	free(p->info.text);
}

static void check_number(const struct rli_servers *servers,
			 struct findings *findings)
{
	if (servers->n == 1)
		return;
	if (servers->n % 2) {
		printf("ok    %d servers, a majority are %d\n", servers->n,
		       servers->n / 2 + 1);
		return;
	}
	findings->warnings++;
	printf("warn  %d servers, a majority are %d: one fewer would bear as "
	       "many failures\n", servers->n, servers->n / 2 + 1);
}

static void check_lock(const char *urls, struct findings *findings)
{
	char why[512];
	int err = try_lock(urls, why, sizeof(why));

	if (!err) {
		printf("ok    a lock was taken and given back\n");
		return;
	}
	findings->failures++;
	printf("BAD   no lock could be taken: %s (%s)\n", rl_strerror(err),
	       why);
}

static int check_all(const char *urls)
{
	struct findings findings = { 0 };
	struct rli_servers *servers;
	struct rli_conns *conns;
	int err = rli_servers_get(urls, &servers);

	if (!err)
		err = rli_conns_open(&conns);
	if (err) {
		rlock_say("%s", rl_last_error());
		return err == EINVAL ? RLOCK_USAGE : RLOCK_FAILED;
	}
	for (int i = 0; i < servers->n; i++) {
		struct patient p = { .conns = conns,
				     .node = servers->node[i],
				     .findings = &findings };

		check_server(&p);
	}
	check_number(servers, &findings);
	check_lock(urls, &findings);
	rli_conns_close(conns);
	rli_servers_put(servers);
	if (findings.failures)
		return RLOCK_FAILED;
	return findings.warnings ? RLOCK_NO : RLOCK_OK;
}

int rlock_doctor(int argc, char **argv)
{
	static const struct option options[] = {
		{ "servers", required_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *urls = getenv("RL_SERVERS");
	int c;

	while ((c = getopt_long(argc, argv, "s:h", options, NULL)) != -1) {
		switch (c) {
		case 's':
			urls = optarg;
			break;
		case 'h':
			printf("usage: rlock %s\n", usage);
			return RLOCK_OK;
		default:
			return rlock_usage(usage);
		}
	}
	if (optind != argc)
		return rlock_usage(usage);
	return check_all(urls ? urls : "redis://127.0.0.1:6379/0");
}
