/* rlock owner, rlock reset: one lock, by its name. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include <rl/rl.h>

#include "rlock.h"

#define OWNER_MAX 1200	/* enough for every owner id of rl's */

static int failed(const char *name, int err)
{
	rlock_say("%s: %s (%s)", name, rl_strerror(err), rl_last_error());
	return RLOCK_FAILED;
}

static int say_owner(rl_mutex_t *mutex, const char *name)
{
	char owner[OWNER_MAX];
	int err = rl_mutex_owner(mutex, owner, sizeof(owner));

	if (err == ENOENT) {
		printf("free\n");
		return RLOCK_NO;
	}
	if (err)
		return failed(name, err);
	printf("%s\n", owner);
	return RLOCK_OK;
}

static int reset(rl_mutex_t *mutex, const char *name)
{
	int err = rl_mutex_reset(mutex);

	return err ? failed(name, err) : RLOCK_OK;
}

static int with_mutex(const char *name,
		      int (*fn)(rl_mutex_t *mutex, const char *name))
{
	rl_mutex_t mutex;
	int status;
	int err = rl_mutex_init(&mutex, name, NULL);

	if (err)
		return failed(name, err);
	status = fn(&mutex, name);
	rl_mutex_destroy(&mutex);
	return status;
}

static int one_lock(int argc, char **argv, const char *usage,
		    int (*fn)(rl_mutex_t *mutex, const char *name))
{
	static const struct option options[] = {
		{ "servers", required_argument, NULL, 's' },
		{ "prefix", required_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "s:p:h", options, NULL)) != -1) {
		switch (c) {
		case 's':
			rlock_setenv("RL_SERVERS", optarg);
			break;
		case 'p':
			rlock_setenv("RL_PREFIX", optarg);
			break;
		case 'h':
			printf("usage: rlock %s\n", usage);
			return RLOCK_OK;
		default:
			return rlock_usage(usage);
		}
	}
	if (optind != argc - 1)
		return rlock_usage(usage);
	return with_mutex(argv[optind], fn);
}

int rlock_owner(int argc, char **argv)
{
	return one_lock(argc, argv,
			"owner [--servers URLS] [--prefix TEXT] LOCK\n"
			"  prints the owner; exit status 1 and \"free\" if "
			"nobody holds the lock", say_owner);
}

int rlock_reset(int argc, char **argv)
{
	return one_lock(argc, argv,
			"reset [--servers URLS] [--prefix TEXT] LOCK\n"
			"  frees the lock, whoever holds it: the holder loses "
			"it", reset);
}
