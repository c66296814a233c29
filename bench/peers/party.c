/*
 * A client that plays when it is told to: the C counterpart of redis_py.py and
 * redlock.js. usage: party --mode floor|poll|rl|flock|pthread --socket PATH,
 * where PATH is the server's socket, or the file that flock and pthread use.
 *
 * It says "ready". Each line of standard input, "END FILE", makes it take and
 * release the lock until CLOCK_MONOTONIC says END ns; then it writes to FILE,
 * as int64, how often it had it, and from when to when (ns) for each hold or
 * as many as it noted, and says "done".
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <signal.h>
#include <unistd.h>

#include "common/kind.h"
#include "common/now.h"
#include "common/options.h"

#define NOTES_MAX 50000

static const struct {
	const char *mode;
	const struct kind *kind;
} modes[] = {
	{ "floor", &kind_bare },   { "poll", &kind_bare_poll },
	{ "rl", &kind_rl },	   { "flock", &kind_flock },
	{ "pthread", &kind_pthread },
};

static const struct kind *kind_of(const char *mode)
{
	size_t i;

	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (!strcmp(mode, modes[i].mode))
			return modes[i].kind;
	fprintf(stderr, "no mode %s\n", mode);
	exit(2);
}

/* A mutex in a file; who makes the file makes the mutex. */
static pthread_mutex_t *shared_mutex(const char *path)
{
	int made = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int fd = made >= 0 ? made : open(path, O_RDWR | O_CLOEXEC);
	pthread_mutexattr_t attr;
	pthread_mutex_t *m;

	if (fd < 0 || ftruncate(fd, 4096))
		exit(2);
	m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (m == MAP_FAILED)
		exit(2);
	if (made >= 0) {
		pthread_mutexattr_init(&attr);
		pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
		pthread_mutex_init(m, &attr);
	}
	return m;
}

static void *open_lock(const struct kind *kind, const char *path)
{
	char url[256];
	struct terms terms = { .url = url, .path = path, .name = "party" };
	void *lock;

	snprintf(url, sizeof(url), "unix://%s", path);
	if (kind == &kind_pthread)
		terms.mutex = shared_mutex(path);
	if (kind->open(&terms, &lock))
		exit(2);
	return lock;
}

/* Gives how many holds there were. */
static size_t play(const struct kind *kind, void *lock, int64_t end,
		   int64_t *times)
{
	size_t n = 0;

	while (now_ns() < end) {
		size_t at = n < NOTES_MAX ? n : NOTES_MAX;

		if (kind->lock(lock))
			exit(1);
		times[2 * at] = now_ns();
		times[2 * at + 1] = now_ns();
		n++;
		if (kind->unlock(lock))
			exit(1);
	}
	return n;
}

static void save(const char *path, const int64_t *times, size_t n)
{
	size_t notes = n < NOTES_MAX ? n : NOTES_MAX;
	int64_t holds = (int64_t)n;
	FILE *f = fopen(path, "wb");

	if (!f || fwrite(&holds, sizeof(holds), 1, f) != 1 ||
	    fwrite(times, 2 * sizeof(*times), notes, f) != notes || fclose(f))
		exit(2);
}

int main(int argc, char **argv)
{
	struct options o = { .rounds = 1, .ms = 1, .procs = 1, .threads = 1,
			     .mode = "rl", .socket = "" };
	const struct kind *kind;
	int64_t end, *times;
	char path[512];
	void *lock;

	options_read(&o, argc, argv);
	times = malloc(2 * sizeof(*times) * (NOTES_MAX + 1));
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	kind = kind_of(o.mode);
	lock = open_lock(kind, o.socket);
	if (!times || kind->lock(lock) || kind->unlock(lock))
		return 1;
	puts("ready");
	fflush(stdout);
	while (scanf("%" SCNd64 " %511s", &end, path) == 2) {
		save(path, times, play(kind, lock, end, times));
		puts("done");
		fflush(stdout);
	}
	kind->close(lock);
	free(times);
	return 0;
}
