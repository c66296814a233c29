#ifndef TESTS_QUORUM_BARE_H
#define TESTS_QUORUM_BARE_H

/*
 * What the tests of thrift share: a lock, and holds of it that not all nodes were
 * asked for.
 */
#include "quorum.h"

static rl_mutex_t m;
static int many;	/* how many nodes are: else a bare majority */

static inline void begin(int n, const struct want *want)
{
	nodes_begin(n, NULL);
	many = nodes / 2 + 1;
	make(&m, want);
	become_known(&m, "n");
}

static inline void three(void)
{
	begin(3, &(struct want){ .robust = true, .lease_ms = 60000 });
}

static inline void teardown(void)
{
	rl_mutex_destroy(&m);
	nodes_end();
}

/* Whether it is one; had: the nodes that have it. */
static inline bool is_bare(int *had)
{
	int i, n = 0;

	for (i = 0; i < nodes; i++)
		n += had[i] = holds(i, "n");
	/* Or one that is behind: not for so long. */
	return n == many && holding("n") == n;
}

struct bare {
	rl_mutex_t *m;
	int had[NODES_MAX];
};

/* Locks are taken often, and here is one of many. */
static inline bool get_bare(void *arg)
{
	struct bare *b = arg;
	int i;

	for (i = 0; i < 5; i++) {
		if (rl_mutex_lock(b->m))
			return false;
		if (i == 4 && is_bare(b->had))
			return true;
		if (rl_mutex_unlock(b->m))
			return false;
	}
	return false;
}

/* Where cores are scarce, few holds are disturbed by nothing. */
#define LONG_MS (3 * WAIT_MS)

/* Holds m, barely, for some ms; had: which nodes have it. */
static inline bool hold_barely(struct bare *b)
{
	b->m = &m;
	return wait_until(get_bare, b, LONG_MS);
}

/* The first, or the second …, of those that have it, or that have not. */
static inline int nth_that(const struct bare *b, int had, int nth)
{
	int i = 0;

	while (b->had[i] != had || nth-- > 0)
		i++;
	return i;
}

static inline int one_that(const struct bare *b, int had)
{
	return nth_that(b, had, 0);
}

static inline void end_well(void)
{
	OK(rl_mutex_unlock(&m));
	cr_expect(holding_becomes("n", 0));
}

#endif
