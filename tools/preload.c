/*
 * rlock preload: the environment for librl_interpose.so, and then the program
 * in place of this one.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "program.h"
#include "rlock.h"

#define LIBRARY "librl_interpose.so"

static const char usage[] =
	"preload [option...] [--] PROGRAM [argument...]\n"
	"  -b, --bind MUTEX[=LOCK][,option=value...]  bind a mutex; as often as\n"
	"                        needed. MUTEX: symbol, lib.so:symbol,\n"
	"                        symbol+offset, module+0xoffset, a pattern,\n"
	"                        @pshared, @all\n"
	"      --bind-file FILE  bindings, one in a line\n"
	"  -s, --servers URLS    RL_SERVERS\n"
	"  -n, --namespace NAME  RL_NAMESPACE\n"
	"      --lease MS        RL_LEASE_MS\n"
	"      --granularity thread|process|host\n"
	"      --on-lost abort|log\n"
	"      --on-outage abort|wait\n"
	"      --stats FILE      at the end, what was intercepted and bound\n"
	"      --library FILE    " LIBRARY ", where it is not found\n"
	"      --print           say what would be done, and do not run it";

/* Options that are one variable of the environment each. */
static const struct {
	const char *option;
	const char *variable;
	bool is_file;
} plain[] = {
	{ "bind-file", "RL_BIND_FILE", true },
	{ "servers", "RL_SERVERS", false },
	{ "namespace", "RL_NAMESPACE", false },
	{ "lease", "RL_LEASE_MS", false },
	{ "granularity", "RL_GRANULARITY", false },
	{ "on-lost", "RL_ON_LOST", false },
	{ "on-outage", "RL_ON_OUTAGE", false },
	{ "stats", "RL_INTERPOSE_STATS", true },
};

static const struct option options[] = {
	{ "bind", required_argument, NULL, 'b' },
	{ "bind-file", required_argument, NULL, 'v' },
	{ "servers", required_argument, NULL, 's' },
	{ "namespace", required_argument, NULL, 'n' },
	{ "lease", required_argument, NULL, 'v' },
	{ "granularity", required_argument, NULL, 'v' },
	{ "on-lost", required_argument, NULL, 'v' },
	{ "on-outage", required_argument, NULL, 'v' },
	{ "stats", required_argument, NULL, 'v' },
	{ "library", required_argument, NULL, 'l' },
	{ "print", no_argument, NULL, 'p' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* ------------------------------------------------------------ the library */

/* Beside this program, in the library folder beside its own, or in the tree
 * where it was built. */
static const char *const places[] = {
	"", "../lib/", "../" RLOCK_LIBDIR "/", "../interpose/",
};

static bool find_beside(char *path)
{
	char self[PROGRAM_PATH_MAX];
	char try[2 * PROGRAM_PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (n < 0)
		return false;
	self[n] = '\0';
	slash = strrchr(self, '/');
	if (!slash)
		return false;
	slash[1] = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		snprintf(try, sizeof(try), "%s%s%s", self, places[i], LIBRARY);
		if (access(try, R_OK) == 0 && realpath(try, path))
			return true;
	}
	return false;
}

static int find_library(const char *given, char *path)
{
	if (given) {
		if (access(given, R_OK) || !realpath(given, path)) {
			rlock_say("%s: %s", given, strerror(errno));
			return RLOCK_PRELOAD;
		}
	} else if (!find_beside(path) &&
		   (access(RLOCK_LIBDIR_FULL "/" LIBRARY, R_OK) ||
		    !realpath(RLOCK_LIBDIR_FULL "/" LIBRARY, path))) {
		rlock_say(LIBRARY " is neither beside rlock nor in "
			  RLOCK_LIBDIR_FULL "; --library FILE says where it is");
		return RLOCK_PRELOAD;
	}
	if (strpbrk(path, ": ")) {
		rlock_say("%s: the dynamic loader cannot preload a file with "
			  "a space or a colon in its name", path);
		return RLOCK_PRELOAD;
	}
	return 0;
}

/* --------------------------------------------------------- the environment */

/* Lines: a name may hold what else could separate. */
static void add_binding(const char *binding)
{
	const char *old = getenv("RL_BIND");
	size_t size = (old ? strlen(old) : 0) + strlen(binding) + 2;
	char *all = malloc(size);

	if (!all) {
		rlock_say("no memory");
		exit(RLOCK_PRELOAD);
	}
	snprintf(all, size, "%s%s%s", old ? old : "", old ? "\n" : "",
		 binding);
	rlock_setenv("RL_BIND", all);
	free(all);
}

/* The program may change its folder before it writes the file. */
static void set_file(const char *variable, const char *file)
{
	char here[PROGRAM_PATH_MAX];
	char path[2 * PROGRAM_PATH_MAX];

	if (*file == '/' || !getcwd(here, sizeof(here))) {
		rlock_setenv(variable, file);
		return;
	}
	snprintf(path, sizeof(path), "%s/%s", here, file);
	rlock_setenv(variable, path);
}

static void set_plain(const char *option, const char *value)
{
	for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++) {
		if (strcmp(option, plain[i].option) != 0)
			continue;
		if (plain[i].is_file)
			set_file(plain[i].variable, value);
		else
			rlock_setenv(plain[i].variable, value);
	}
}

/* What was to be preloaded before still is, behind ours. */
static void set_preload(const char *library)
{
	const char *old = getenv("LD_PRELOAD");
	char *all;

	if (!old || !*old) {
		rlock_setenv("LD_PRELOAD", library);
		return;
	}
	all = malloc(strlen(old) + strlen(library) + 2);
	if (!all) {
		rlock_say("no memory");
		exit(RLOCK_PRELOAD);
	}
	sprintf(all, "%s:%s", library, old);
	rlock_setenv("LD_PRELOAD", all);
	free(all);
}

static void print_environment(void)
{
	static const char *const names[] = { "LD_PRELOAD", "RL_BIND" };
	const char *value;

	for (size_t i = 0; i < 2; i++) {
		value = getenv(names[i]);
		if (value)
			printf("%s=%s\n", names[i], value);
	}
	for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++) {
		value = getenv(plain[i].variable);
		if (value && strcmp(plain[i].variable, "RL_SERVERS"))
			printf("%s=%s\n", plain[i].variable, value);
	}
}

/* ---------------------------------------------------------------- running */

static int run(const char *library, bool print, char **argv)
{
	char path[PROGRAM_PATH_MAX];
	char lib[PATH_MAX];
	int status = program_find(argv[0], path);

	if (!status)
		status = program_check(path);
	if (!status)
		status = find_library(library, lib);
	if (status)
		return status;
	if (!getenv("RL_BIND") && !getenv("RL_BIND_FILE")) {
		rlock_say("nothing to bind: give --bind or --bind-file");
		return RLOCK_PRELOAD;
	}
	set_preload(lib);
	if (print) {
		print_environment();
		return RLOCK_OK;
	}
	execv(path, argv);
	rlock_say("%s: %s", path, strerror(errno));
	return RLOCK_CANNOT_RUN;
}

int rlock_preload(int argc, char **argv)
{
	const char *library = NULL;
	bool print = false;
	int index = 0;
	int c;

	while ((c = getopt_long(argc, argv, "+b:s:n:h", options, &index)) !=
	       -1) {
		switch (c) {
		case 'b':
			add_binding(optarg);
			break;
		case 's':
			rlock_setenv("RL_SERVERS", optarg);
			break;
		case 'n':
			rlock_setenv("RL_NAMESPACE", optarg);
			break;
		case 'v':
			set_plain(options[index].name, optarg);
			break;
		case 'l':
			library = optarg;
			break;
		case 'p':
			print = true;
			break;
		case 'h':
			printf("usage: rlock %s\n", usage);
			return RLOCK_OK;
		default:
			return rlock_usage(usage);
		}
	}
	if (optind == argc)
		return rlock_usage(usage);
	return run(library, print, argv + optind);
}
