/* What each type says to its locker and to others. */
#include "say.h"

static pthread_mutex_t normal = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t checked = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
static pthread_mutex_t recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static pthread_mutex_t adaptive = PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP;
static pthread_mutex_t zeroed;

static void *try_it(void *arg)
{
	int err = pthread_mutex_trylock(arg);

	printf("  trylock of another: %s\n", say_error(err));
	if (!err)
		MUST(pthread_mutex_unlock(arg));
	return NULL;
}

static void *unlock_it(void *arg)
{
	printf("  unlock of another: %s\n",
	       say_error(pthread_mutex_unlock(arg)));
	return NULL;
}

static void check(const char *what, pthread_mutex_t *m, int kind)
{
	int relocks = kind == PTHREAD_MUTEX_RECURSIVE ||
		      kind == PTHREAD_MUTEX_ERRORCHECK;

	printf("%s\n", what);
	if (relocks)
		SAY(pthread_mutex_unlock(m));
	SAY(pthread_mutex_lock(m));
	SAY(pthread_mutex_trylock(m));
	if (relocks)
		SAY(pthread_mutex_lock(m));
	say_elsewhere(try_it, m);
	SAY(pthread_mutex_destroy(m));
	if (relocks)
		say_elsewhere(unlock_it, m);
	SAY(pthread_mutex_unlock(m));
	say_elsewhere(try_it, m);
	if (kind == PTHREAD_MUTEX_RECURSIVE) {
		SAY(pthread_mutex_unlock(m));
		SAY(pthread_mutex_unlock(m));
		SAY(pthread_mutex_unlock(m));
	}
	if (relocks)
		SAY(pthread_mutex_unlock(m));
	SAY(pthread_mutex_trylock(m));
	SAY(pthread_mutex_unlock(m));
	SAY(pthread_mutex_destroy(m));
	SAY(pthread_mutex_lock(m));
	SAY(pthread_mutex_trylock(m));
}

static void check_made(int kind)
{
	static pthread_mutex_t m;
	pthread_mutexattr_t attr;
	int got = -1;

	MUST(pthread_mutexattr_init(&attr));
	SAY(pthread_mutexattr_settype(&attr, kind));
	SAY(pthread_mutexattr_gettype(&attr, &got));
	printf("type %d\n", got);
	MUST(pthread_mutex_init(&m, &attr));
	MUST(pthread_mutexattr_destroy(&attr));
	check("made", &m, kind);
}

/* A normal mutex may be given to another thread to unlock. */
static void check_handover(void)
{
	pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;

	SAY(pthread_mutex_lock(&m));
	say_elsewhere(unlock_it, &m);
	SAY(pthread_mutex_trylock(&m));
	SAY(pthread_mutex_unlock(&m));
	SAY(pthread_mutex_destroy(&m));
}

int main(void)
{
	check("normal", &normal, PTHREAD_MUTEX_NORMAL);
	check("errorcheck", &checked, PTHREAD_MUTEX_ERRORCHECK);
	check("recursive", &recursive, PTHREAD_MUTEX_RECURSIVE);
	check("adaptive", &adaptive, PTHREAD_MUTEX_NORMAL);
	check("zeroed", &zeroed, PTHREAD_MUTEX_NORMAL);
	check_made(PTHREAD_MUTEX_NORMAL);
	check_made(PTHREAD_MUTEX_ERRORCHECK);
	check_made(PTHREAD_MUTEX_RECURSIVE);
	check_handover();
	return 0;
}
