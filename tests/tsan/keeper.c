/*
 * The keeper at work on locks that threads take, extend, lose, ask about and
 * destroy at the same time.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "waiting/party.h"

#define THREADS 4

static struct plan plan;
static int rounds;
static rl_mutex_t shared; /* of all threads: any of them may renew it */
static atomic_long told, lost;
static atomic_bool failed;

static void fail(const char *what, int err)
{
	fprintf(stderr, "%s: %d, %s\n", what, err, rl_last_error());
	atomic_store(&failed, true);
}

static void tell(rl_mutex_t *mutex, int error, void *arg)
{
	struct timespec left;

	(void)error;
	(void)arg;
	rl_mutex_remaining(mutex, &left);
	atomic_fetch_add(&told, 1);
}

static void use_shared(void)
{
	struct timespec ts = from_ms(500);
	uint64_t fence;

	rl_mutex_remaining(&shared, &ts);
	rl_mutex_fence(&shared, &fence);
	ts = from_ms(500);
	rl_mutex_extend(&shared, &ts);
	rl_mutex_refresh(&shared);
}

static void lose_own(rl_mutex_t *mutex, int i)
{
	int err = rl_mutex_lock(mutex);

	if (err) {
		fail("lock", err);
		return;
	}
	if (i % 3 == 0)
		err = rl_mutex_reset(mutex);
	use_shared();
	if (err)
		fail("reset", err);
	err = rl_mutex_unlock(mutex);
	if (err == ESTALE)
		atomic_fetch_add(&lost, 1);
	else if (err || i % 3 == 0)
		fail("unlock", err);
}

static void *run(void *arg)
{
	struct plan mine = plan;
	rl_mutex_t mutex;

	mine.name = arg;
	mine.granularity = RL_GRANULARITY_THREAD;
	for (int i = 0; i < rounds; i++) {
		plan_mutex(&mine, &mutex);
		lose_own(&mutex, i);
		if (rl_mutex_destroy(&mutex))
			fail("destroy", EBUSY);
	}
	return NULL;
}

static bool all_told(void *arg)
{
	(void)arg;
	return atomic_load(&told) == atomic_load(&lost);
}

int main(void)
{
	static char names[THREADS][8];
	struct server *srv = server_start(NULL);
	pthread_t thread[THREADS];

	plan = (struct plan){ .servers = srv->url, .lease = 5000,
			      .interval = 1, .onlost = tell,
			      .granularity = RL_GRANULARITY_PROCESS };
	rounds = getenv("RL_TEST_SLOW") ? 20 : 200;
	plan_mutex(&plan, &shared);
	if (rl_mutex_lock(&shared))
		fail("lock", 0);
	for (int i = 0; i < THREADS; i++) {
		snprintf(names[i], sizeof(names[i]), "own%d", i);
		TEST_MUST(!pthread_create(&thread[i], NULL, run, names[i]));
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	if (rl_mutex_unlock(&shared) || rl_mutex_destroy(&shared))
		fail("the shared one", 0);
	if (!wait_until(all_told, NULL, WAIT_MS))
		fail("told and lost differ", 0);
	server_stop(srv);
	return atomic_load(&failed);
}
