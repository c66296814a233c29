#ifndef TESTS_KEEPER_TASKS_H
#define TESTS_KEEPER_TASKS_H

/* The threads of this process, by name, as the kernel shows them. */

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

#include "support/wait.h"

static inline void task_read(pid_t tid, const char *file, char *buf,
			     size_t size)
{
	char path[80];
	size_t n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/%s", (int)tid, file);
	f = fopen(path, "r");
	if (f) {
		n = fread(buf, 1, size - 1, f);
		fclose(f);
	}
	buf[n] = '\0';
}

/* How many threads have this name; the last one's id in *tid. */
static inline int tasks_named(const char *name, pid_t *tid)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	char comm[32];
	int n = 0;

	TEST_MUST(dir);
	while ((entry = readdir(dir))) {
		pid_t id = (pid_t)atoi(entry->d_name);

		if (!id)
			continue;
		task_read(id, "comm", comm, sizeof(comm));
		comm[strcspn(comm, "\n")] = '\0';
		if (strcmp(comm, name) == 0) {
			n++;
			*tid = id;
		}
	}
	closedir(dir);
	return n;
}

static inline int keepers(void)
{
	pid_t tid;

	return tasks_named("rl-keeper", &tid);
}

static inline bool keepers_are(void *n)
{
	return keepers() == *(int *)n;
}

/* Wait until so many keepers run. */
static inline bool keepers_become(int n, int timeout_ms)
{
	return wait_until(keepers_are, &n, timeout_ms);
}

/* Wait for time to pass, where that is what a test is about. */
static inline void pass_ms(int64_t ms)
{
	struct timespec ts = { .tv_sec = ms / 1000,
			       .tv_nsec = ms % 1000 * 1000000 };

	while (nanosleep(&ts, &ts))
		;
}

#endif
