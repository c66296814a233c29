#include "support/fork.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/wait.h"

#ifdef __SANITIZE_ADDRESS__

/* A thread keeps up to 256 pieces of a size, and less than 128 KiB in all;
 * beyond that it goes to what all threads share, and has locks. */
#define MOST 257
#define MOST_BYTES ((size_t)1 << 17)
/* An honest child is done in some 10 ms. */
#define SILENCE_MS 2000

static void try_size(size_t size)
{
	void *piece[MOST];
	size_t n = MOST_BYTES / size + 2, i;

	if (n > MOST)
		n = MOST;
	for (i = 0; i < n; i++)
		piece[i] = malloc(size);
	for (i = 0; i < n; i++)
		free(piece[i]);
}

/* The sanitizer's size classes are nearer to each other than these. */
static void try_all_sizes(void)
{
	size_t size, step;

	for (size = 1; size < 256; size += 16)
		try_size(size);
	for (; size < MOST_BYTES; size += step) {
		step = size / 8;
		try_size(size);
	}
}

static bool speaks(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	char c;

	return poll(&pfd, 1, SILENCE_MS) == 1 && read(fd, &c, 1) == 1;
}

pid_t fork_whole(void)
{
	int fd[2], tries;
	pid_t pid = -1;

	for (tries = 0; tries < 20; tries++) {
		TEST_MUST(!pipe(fd));
		pid = fork();
		if (pid == 0) {
			try_all_sizes();
			TEST_MUST(write(fd[1], "!", 1) == 1);
		}
		close(fd[1]);
		if (pid <= 0 || speaks(fd[0])) {
			close(fd[0]);
			return pid;
		}
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		close(fd[0]);
	}
	TEST_DIE("%d children in a row cannot allocate", tries);
}

#else

pid_t fork_whole(void)
{
	return fork();
}

#endif
