#include "common/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const placements[] = { "apart", "together", "free" };

static _Noreturn void usage(const char *program)
{
	fprintf(stderr,
		"usage: %s [--placement apart|together|free] [--rounds N] "
		"[--ms MS]\n\t[--procs N] [--threads N] [--inside NS] "
		"[--holds N] [--mode MODE]\n\t[--nodes N] [--dead N] [--hung N] "
		"[--socket PATH] [--tcp] [--any-share]\n",
		program);
	exit(2);
}

static long number(const char *program, long max)
{
	char *end;
	long n = strtol(optarg, &end, 10);

	if (end == optarg || *end || n < 0 || n > max)
		usage(program);
	return n;
}

static enum placement placement(const char *program)
{
	unsigned i;

	for (i = 0; i < 3; i++)
		if (!strcmp(optarg, placements[i]))
			return (enum placement)i;
	usage(program);
}

const char *placement_name(enum placement p)
{
	return placements[p];
}

/* Bounds keep a slip of the keyboard from running for hours. */
static void take(struct options *o, int option, const char *program)
{
	switch (option) {
	case 'p':
		o->placement = placement(program);
		break;
	case 'r':
		o->rounds = (int)number(program, 1000);
		break;
	case 'm':
		o->ms = (int)number(program, 60000);
		break;
	case 'P':
		o->procs = (int)number(program, 256);
		break;
	case 't':
		o->threads = (int)number(program, 4000);
		break;
	case 'i':
		o->inside_ns = (int)number(program, 1000000000);
		break;
	case 'h':
		o->holds = number(program, 100000000);
		break;
	case 'M':
		o->mode = optarg;
		break;
	case 'n':
		o->nodes = (int)number(program, 15);
		break;
	case 'd':
		o->dead = (int)number(program, 7);
		break;
	case 'H':
		o->hung = (int)number(program, 7);
		break;
	case 's':
		o->socket = optarg;
		break;
	case 'a':
		o->any_share = true;
		break;
	case 'T':
		o->tcp = true;
		break;
	default:
		usage(program);
	}
}

void options_read(struct options *o, int argc, char **argv)
{
	static const struct option known[] = {
		{ "placement", required_argument, NULL, 'p' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "ms", required_argument, NULL, 'm' },
		{ "procs", required_argument, NULL, 'P' },
		{ "threads", required_argument, NULL, 't' },
		{ "inside", required_argument, NULL, 'i' },
		{ "holds", required_argument, NULL, 'h' },
		{ "mode", required_argument, NULL, 'M' },
		{ "nodes", required_argument, NULL, 'n' },
		{ "dead", required_argument, NULL, 'd' },
		{ "hung", required_argument, NULL, 'H' },
		{ "socket", required_argument, NULL, 's' },
		{ "any-share", no_argument, NULL, 'a' },
		{ "tcp", no_argument, NULL, 'T' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1)
		take(o, option, argv[0]);
	if (optind < argc || !o->rounds || !o->ms || !o->procs || !o->threads)
		usage(argv[0]);
}
