/*
 * Once a thread has used a mutex, locking and unlocking allocate nothing:
 * neither from rl's heap nor, in hiredis or elsewhere, from the C library's.
 * Over several servers, there must be room for what the slowest has yet to
 * answer; that is kept, and there is a limit to it.
 */
#include "faults/faults.h"
#include "faults/heap.h"
#include "support/proc.h"

static _Thread_local long theirs;	/* calls of malloc by this thread */

/* The sanitizers have a malloc of their own. */
#if !defined(__SANITIZE_ADDRESS__) && defined(__GLIBC__)
#define MALLOC_IS_COUNTED 1
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

void *malloc(size_t size)
{
	theirs++;
	return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	theirs++;
	return __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	theirs++;
	return __libc_realloc(p, size);
}
#else
#define MALLOC_IS_COUNTED 0
#endif

/* So many requests a node may owe an answer to before it is left alone, and
 * some that follow them. */
#define UNDER_WAY_MOST 300

static struct server *srv;	/* or several: RL_TEST_NODES */
static long allowed;
static char list[2300];
static rl_mutex_t m;

static void setup(void)
{
	struct server *one;

	srv = server_start_many(NULL, 0);
	allowed = srv->nodes > 1 ? UNDER_WAY_MOST : 0;
	/* The options of the last are its own: the others get theirs here. */
	for (one = srv; one; one = one->next)
		strcat(strcat(list, one->url),
		       one->next ? "?command_timeout=5000 " : "");
	use_counted_heap();
}

static void teardown(void)
{
	server_stop(srv);
}

TestSuite(faults_no_alloc, .init = setup, .fini = teardown);

static void expect_none(const char *what)
{
	cr_expect_leq(ours, allowed, "%s: %ld calls of rl's heap", what, ours);
	if (MALLOC_IS_COUNTED)
		cr_expect_leq(theirs, allowed, "%s: %ld calls of malloc", what,
			     theirs);
}

static void start_counting(void)
{
	ours = theirs = 0;
}

static void use_once(const struct want *w)
{
	make(&m, w);
	cr_assert_eq(rl_mutex_lock(&m), 0);
	cr_assert_eq(rl_mutex_unlock(&m), 0);
}

static void lock_without(const char *what, const struct want *w)
{
	int i;

	use_once(w);
	start_counting();
	for (i = 0; i < 200; i++) {
		cr_assert_eq(rl_mutex_lock(&m), 0);
		cr_assert_eq(rl_mutex_unlock(&m), 0);
		cr_assert_eq(rl_mutex_trylock(&m), 0);
		cr_assert_eq(rl_mutex_unlock(&m), 0);
	}
	expect_none(what);
	cr_assert_eq(rl_mutex_destroy(&m), 0);
}

Test(faults_no_alloc, locking_and_unlocking_allocate_nothing)
{
	lock_without("thread", &(struct want){ .url = list });
	lock_without("process", &(struct want){ .url = list,
			.granularity = RL_GRANULARITY_PROCESS });
	lock_without("host", &(struct want){ .url = list,
			.granularity = RL_GRANULARITY_HOST });
	lock_without("name", &(struct want){ .url = list, .owner = "me" });
	lock_without("recursive", &(struct want){ .url = list,
			.type = RL_MUTEX_RECURSIVE });
	lock_without("shared", &(struct want){ .url = list,
			.type = RL_MUTEX_REFRESH });
	lock_without("asynchronous", &(struct want){ .url = list,
			.async = true });
	lock_without("without the keeper", &(struct want){ .url = list,
			.no_refresh = true });
}

/* Of several: the last one answers nothing any more, and what it is told and
 * not asked has an end, too. */
Test(faults_no_alloc, a_server_that_hangs_is_not_told_without_end)
{
	struct server *last = srv;
	int i;

	if (srv->nodes < 2)
		return;
	while (last->next)
		last = last->next;
	use_once(&(struct want){ .url = list, .async = true });
	server_pause(last);
	start_counting();
	for (i = 0; i < 2 * UNDER_WAY_MOST; i++) {
		cr_assert_eq(rl_mutex_lock(&m), 0);
		cr_assert_eq(rl_mutex_unlock(&m), 0);
	}
	expect_none("one hangs");
	server_resume(last);
	cr_assert_eq(rl_mutex_destroy(&m), 0);
}

static long counter;

static int contender(struct proc *self, void *arg)
{
	int i;

	(void)arg;
	PROC_CHECK(rl_mutex_lock(&m) == 0);
	PROC_CHECK(rl_mutex_unlock(&m) == 0);
	proc_tell(self, 1);
	proc_hear(self);
	start_counting();
	for (i = 0; i < 300; i++) {
		PROC_CHECK(rl_mutex_lock(&m) == 0);
		counter++;
		PROC_CHECK(rl_mutex_unlock(&m) == 0);
	}
	PROC_CHECK(ours <= allowed);
	PROC_CHECK(!MALLOC_IS_COUNTED || theirs <= allowed);
	return 0;
}

static void contend(const struct want *w)
{
	struct proc *p[4];
	int i;

	counter = 0;
	make(&m, w);
	/* One after the other, so that each has asked the servers once. */
	for (i = 0; i < 4; i++) {
		p[i] = proc_start(PROC_THREAD, contender, NULL);
		proc_hear(p[i]);
	}
	/* And so that the keeper, who asks for those who wait, is there. */
	cr_assert_eq(rl_mutex_lock(&m), 0);
	cr_assert_eq(timedlock_ms(&m, 20), ETIMEDOUT);
	cr_assert_eq(rl_mutex_unlock(&m), 0);
	for (i = 0; i < 4; i++)
		proc_tell(p[i], 1);
	for (i = 0; i < 4; i++)
		cr_expect_eq(proc_join(p[i]), 0);
	cr_expect_eq(counter, 1200);
	cr_assert_eq(rl_mutex_destroy(&m), 0);
}

Test(faults_no_alloc, waiting_allocates_nothing)
{
	contend(&(struct want){ .url = list });
	contend(&(struct want){ .url = list, .no_refresh = true });
	contend(&(struct want){ .url = list, .robust = true,
				.granularity = RL_GRANULARITY_PROCESS });
	contend(&(struct want){ .url = list, .no_refresh = true,
				.granularity = RL_GRANULARITY_PROCESS });
}
