/*
 * wordcount: several processes, each of several threads, count the words of
 * some files into one result file, with or without a lock around each change.
 * One run; demo.sh makes a series of them.
 *
 * Read first: worker.c, which uses the lock; then result.c, which repairs.
 */
#include "count.h"
#include "progress.h"
#include "result.h"
#include "worker.h"

#include <err.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TEXTS	"/usr/share/common-licenses"

struct options {
	const char *label, *path;
	unsigned workers, threads;
	unsigned long parts;
	bool lock, kill;
};

static void usage(void)
{
	fputs("usage: wordcount [options] [file or folder ...]\n"
	      "  -n         no lock\n"
	      "  -k         one worker is killed while it writes\n"
	      "  -w NUMBER  worker processes (4)\n"
	      "  -t NUMBER  threads in each (4)\n"
	      "  -u NUMBER  updates of the result file (20000)\n"
	      "  -o FILE    the result file (wordcount.result)\n"
	      "  -l TEXT    what to call this run\n"
	      "Counts the files under " TEXTS " if none are given.\n"
	      "exit status: 0 exact, 1 counts are wrong, 2 trouble\n", stderr);
	exit(2);
}

static unsigned long number(const char *text, unsigned long max)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (end == text || *end || n == 0 || n > max)
		errx(2, "%s: not a number from 1 to %lu", text, max);
	return n;
}

static void parse_options(int argc, char **argv, struct options *o)
{
	int c;

	while ((c = getopt(argc, argv, "nkw:t:u:o:l:")) != -1) {
		switch (c) {
		case 'n':
			o->lock = false;
			break;
		case 'k':
			o->kill = true;
			break;
		case 'w':
			o->workers = (unsigned)number(optarg, 64);
			break;
		case 't':
			o->threads = (unsigned)number(optarg, 64);
			break;
		case 'u':
			o->parts = number(optarg, 100000000);
			break;
		case 'o':
			o->path = optarg;
			break;
		case 'l':
			o->label = optarg;
			break;
		default:
			usage();
		}
	}
	if (o->workers * o->threads > THREADS_MAX)
		errx(2, "more than %d threads", THREADS_MAX);
	if (o->kill && (!o->lock || o->workers < 2))
		errx(2, "-k needs the lock, and a second worker to repair");
}

/* Zeroed memory that stays shared between this process and its workers. */
static struct board *make_board(void)
{
	void *board = mmap(NULL, sizeof(struct board), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (board == MAP_FAILED)
		err(2, "mmap");
	return board;
}

static pid_t start_worker(const struct job *job, unsigned number, bool die)
{
	pid_t pid = fork();

	if (pid < 0)
		err(2, "fork");
	if (pid == 0) {
		/* No worker outlives a demonstration that was stopped. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		exit(worker_run(job, number, die));
	}
	return pid;
}

/* Worker `number` has ended; true if another was started in its place. */
static bool replace(const struct job *job, struct progress *progress,
		    pid_t *pid, unsigned number, int status)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return false;
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		errx(2, "worker %u failed", number);
	progress_say(progress, "worker %u killed while writing the result; "
		     "another takes its place", number);
	*pid = start_worker(job, number, false);
	return true;
}

static unsigned which(const pid_t *pid, unsigned workers, pid_t ended)
{
	unsigned i = 0;

	while (i < workers - 1 && pid[i] != ended)
		i++;
	return i;
}

/* Until a child ends, or a tenth of a second has passed. */
static void doze(void)
{
	static const struct timespec tenth = { .tv_nsec = 100000000 };
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigtimedwait(&child, NULL, &tenth);
}

static void watch(const struct job *job, struct progress *progress, pid_t *pid)
{
	while (progress->alive > 0) {
		int status;
		pid_t ended = waitpid(-1, &status, WNOHANG);
		unsigned i;

		if (ended < 0)
			err(2, "waitpid");
		if (ended == 0) {
			doze();
			progress_show(progress, job);
			continue;
		}
		i = which(pid, job->workers, ended);
		if (!replace(job, progress, &pid[i], i, status))
			progress->alive--;
	}
}

/* Runs the job to its end; how long it took, in seconds. */
static double run(const struct job *job, struct progress *progress, bool die)
{
	pid_t pid[THREADS_MAX];
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);

	progress->alive = job->workers;
	for (unsigned i = 0; i < job->workers; i++)
		pid[i] = start_worker(job, i, die && i == 1);
	watch(job, progress, pid);
	progress_end(progress, job);
	return now() - progress->begun;
}

static void read_counts(const struct job *job, struct counts *counts)
{
	struct result_file file;
	struct result result;

	result_open(&file, job->path, job->workers * job->threads);
	result_read(&file, &result);
	result_close(&file);
	memcpy(counts->n, result.n, sizeof(counts->n));
}

/* One line about the run on standard output; true if the result is exact. */
static bool report(const struct job *job, const char *label, double seconds)
{
	const struct board *board = job->board;
	unsigned long died = atomic_load(&board->owner_died);
	struct counts expected = { { 0 } }, counts;
	bool exact;

	count_words(job->text, 0, job->text->len, &expected);
	read_counts(job, &counts);
	exact = memcmp(&expected, &counts, sizeof(counts)) == 0;

	printf("%-26s %9" PRIu64 " %9" PRId64 "  %-5s", label,
	       counts.n[ALL_WORDS],
	       (int64_t)(expected.n[ALL_WORDS] - counts.n[ALL_WORDS]),
	       exact ? "exact" : "WRONG");
	if (job->lock)
		printf(" %9.0f", (double)atomic_load(&board->locks) / seconds);
	if (died)
		printf("  EOWNERDEAD %lu, repaired %lu", died,
		       atomic_load(&board->repairs));
	putchar('\n');
	return exact;
}

/* With -k the worker must have died where it was told to. */
static bool killed_and_repaired(const struct job *job)
{
	if (atomic_load(&job->board->owner_died) > 0 &&
	    atomic_load(&job->board->repairs) == 1)
		return true;
	warnx("nobody was told EOWNERDEAD, or had a half result to undo");
	return false;
}

int main(int argc, char **argv)
{
	struct options o = { .label = "wordcount", .workers = 4, .threads = 4,
			     .path = "wordcount.result", .parts = 20000,
			     .lock = true };
	struct text text = { 0 };
	struct progress progress;
	char *path;
	bool good;

	parse_options(argc, argv, &o);
	for (int i = optind; i < argc; i++)
		text_load(&text, argv[i]);
	if (optind == argc)
		text_load(&text, TEXTS);
	if (text.len == 0)
		errx(2, "no text to count");
	result_create(o.path, o.workers * o.threads);
	path = realpath(o.path, NULL);
	if (!path)
		err(2, "%s", o.path);

	struct job job = { .text = &text, .path = path,
			   .workers = o.workers, .threads = o.threads,
			   .parts = o.parts, .lock = o.lock,
			   .board = make_board() };

	progress_begin(&progress, o.label);
	good = report(&job, o.label, run(&job, &progress, o.kill));
	if (o.kill && !killed_and_repaired(&job))
		good = false;
	text_free(&text);
	free(path);
	return good ? 0 : 1;
}
