/*
 * What a fence is for.
 *
 * A holder can lose its lease without knowing: it was stopped, swapped out,
 * cut off. When it wakes it still believes that it may write, and somebody
 * else holds the lock. No lock service can call back a write that is on its
 * way. But the store that is written to can refuse it, because each hold has
 * a fence, a number greater than that of every hold before.
 *
 * Here the late writer loses its lease on purpose: it does not renew it, and
 * waits until the other one, who has to wait for the lease to run out, is
 * done. The program succeeds if the store has refused the late write.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <rl/rl.h>

/*
 * The store. In a database it would be a column and one more condition:
 *	UPDATE page SET text = :text, fence = :fence
 *	 WHERE name = :name AND fence <= :fence
 */
struct store {
	pthread_mutex_t mutex;
	uint64_t highest;	/* fence seen so far; under mutex */
	const char *text;	/* under mutex */
};

static int store_write(struct store *store, uint64_t fence, const char *text)
{
	int err = 0;

	pthread_mutex_lock(&store->mutex);
	if (fence < store->highest) {
		err = ESTALE;
	} else {
		store->highest = fence;
		store->text = text;
	}
	pthread_mutex_unlock(&store->mutex);
	printf("write \"%s\" with fence %" PRIu64 ": %s\n", text, fence,
	       err ? "refused" : "accepted");
	return err;
}

static struct store store = { .mutex = PTHREAD_MUTEX_INITIALIZER };
static rl_mutex_t mutex;

static void check(const char *call, int err)
{
	if (err == 0)
		return;
	fprintf(stderr, "%s: %s: %s\n", call, rl_strerror(err),
		rl_last_error());
	exit(1);
}

/* A lease of 200 ms that nobody renews. */
static void make_mutex(void)
{
	rl_mutexattr_t attr;

	check("attr", rl_mutexattr_init(&attr));
	check("lease", rl_mutexattr_setlease(&attr, 200));
	check("refresh", rl_mutexattr_setrefresh(&attr, RL_REFRESH_OFF));
	check("init", rl_mutex_init(&mutex, "fenced-store", &attr));
	rl_mutexattr_destroy(&attr);
}

/* Everybody else does it like this: lock, fence, write, unlock. */
static void *next_writer(void *arg)
{
	uint64_t fence;

	check("lock", rl_mutex_lock(&mutex));
	check("fence", rl_mutex_fence(&mutex, &fence));
	check("write", store_write(&store, fence, "second"));
	check("unlock", rl_mutex_unlock(&mutex));
	return arg;
}

int main(void)
{
	pthread_t next;
	uint64_t fence;
	int late, unlock;

	make_mutex();
	check("lock", rl_mutex_lock(&mutex));
	check("fence", rl_mutex_fence(&mutex, &fence));

	/* Fast asleep, and for longer than the lease. */
	check("thread", pthread_create(&next, NULL, next_writer, NULL));
	check("join", pthread_join(next, NULL));

	late = store_write(&store, fence, "first, but late");
	unlock = rl_mutex_unlock(&mutex);
	printf("unlock: %s\nthe store has: %s\n", rl_strerror(unlock),
	       store.text);
	rl_mutex_destroy(&mutex);
	return late == ESTALE && unlock == ESTALE ? 0 : 1;
}
