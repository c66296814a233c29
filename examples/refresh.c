/*
 * Type REFRESH: one hold that its whole owner shares.
 *
 * A job that must not run twice at a time is started by one thread, kept
 * alive by another and ended by a third. With PROCESS granularity each of
 * them is the owner, and locking again is not waiting but renewing. Other
 * processes wait until the first unlock, or until nobody renews any more.
 * (With HOST granularity the three could be processes of one machine.)
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <rl/rl.h>

static rl_mutex_t mutex;

static void check(const char *call, int err)
{
	if (err == 0)
		return;
	fprintf(stderr, "%s: %s: %s\n", call, rl_strerror(err),
		rl_last_error());
	exit(1);
}

static void make_mutex(void)
{
	rl_mutexattr_t attr;

	check("attr", rl_mutexattr_init(&attr));
	check("type", rl_mutexattr_settype(&attr, RL_MUTEX_REFRESH));
	check("granularity",
	      rl_mutexattr_setgranularity(&attr, RL_GRANULARITY_PROCESS));
	check("refresh", rl_mutexattr_setrefresh(&attr, RL_REFRESH_OFF));
	check("lease", rl_mutexattr_setlease(&attr, 2000));
	check("init", rl_mutex_init(&mutex, "refresh-example", &attr));
	rl_mutexattr_destroy(&attr);
}

static void show(const char *who)
{
	struct timespec left;

	check("remaining", rl_mutex_remaining(&mutex, &left));
	printf("%s: %ld ms left\n", who,
	       (long)left.tv_sec * 1000 + left.tv_nsec / 1000000);
}

/* What the job does; here, nothing for 300 ms. */
static void work(void)
{
	static const struct timespec ts = { .tv_nsec = 300000000 };

	nanosleep(&ts, NULL);
}

static void *start(void *arg)
{
	check("lock", rl_mutex_lock(&mutex));
	show("started");
	work();
	return arg;
}

static void *renew(void *arg)
{
	show("later");
	check("lock again", rl_mutex_lock(&mutex));
	show("renewed");
	return arg;
}

static void *end(void *arg)
{
	check("unlock", rl_mutex_unlock(&mutex));
	printf("unlocked: %s\n", rl_mutex_locked(&mutex) ? "held" : "free");
	return arg;
}

int main(void)
{
	void *(*step[])(void *) = { start, renew, end };
	pthread_t thread;

	make_mutex();
	for (int i = 0; i < 3; i++) {
		check("thread", pthread_create(&thread, NULL, step[i], NULL));
		check("join", pthread_join(thread, NULL));
	}
	rl_mutex_destroy(&mutex);
	return 0;
}
