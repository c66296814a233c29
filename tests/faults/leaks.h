/*
 * What a process has, and its server sees of it: the same after as before.
 */
#ifndef TESTS_FAULTS_LEAKS_H
#define TESTS_FAULTS_LEAKS_H

#include <dirent.h>

#include "faults/faults.h"
#include "faults/heap.h"

static struct server *srv;

static void setup(void)
{
	srv = server_start(&(struct server_options){ .tcp = true });
	use_counted_heap();
}

static void teardown(void)
{
	server_stop(srv);
}

static inline int entries(const char *dir)
{
	DIR *d = opendir(dir);
	int n = 0;

	cr_assert(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

struct left {
	int descriptors, threads;
	long long clients;
	long memory;
};

static inline struct left count_all(void)
{
	return (struct left){ entries("/proc/self/fd"),
			      entries("/proc/self/task"),
			      server_info(srv, "connected_clients"),
			      atomic_load(&live) };
}

static inline bool same(void *arg)
{
	const struct left *before = arg;
	struct left now = count_all();

	return now.descriptors == before->descriptors &&
	       now.threads == before->threads &&
	       now.clients == before->clients && now.memory == before->memory;
}

/* The keeper goes when it has had nothing to do for a second. */
static inline void expect_same(struct left before)
{
	struct left now;

	if (wait_until(same, &before, 4000))
		return;
	now = count_all();
	cr_expect(false, "descriptors %d (%d), threads %d (%d), connections "
		  "%lld (%lld), memory %ld (%ld)", now.descriptors,
		  before.descriptors, now.threads, before.threads, now.clients,
		  before.clients, now.memory, before.memory);
}

static int threads_at_first;

static inline bool keeper_has_gone(void *arg)
{
	(void)arg;
	return entries("/proc/self/task") == threads_at_first;
}

/* All that a process makes once is there, and the keeper has gone again. */
static inline struct left settle(void (*cycle)(void))
{
	threads_at_first = entries("/proc/self/task");
	cycle();
	cr_assert(wait_until(keeper_has_gone, NULL, 4000), "%d threads",
		  entries("/proc/self/task"));
	return count_all();
}

#endif /* TESTS_FAULTS_LEAKS_H */
