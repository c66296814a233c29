/*
 * A program of pthreads that does what it is told: a command a line, an answer
 * a line.
 *
 *	lock M, trylock M, timedlock M MS, unlock M, consistent M, destroy M,
 *	init M (robust)
 *	wait M, timedwait M MS		on the one condition; signal, broadcast
 *	lockwait M			locks it, and waits until signalled
 *	lockwaitclean M			the same; cancelled, it unlocks it
 *	cleaned				with what result
 *	untilwaiting M			until somebody does
 *	untilcontended M		until somebody waits to lock it
 *	c11lock, c11unlock		an mtx_t
 *	in COMMAND			in a thread of its own, to its end
 *	bg COMMAND			in a thread, not waited for: answers
 *					when it is done
 *	asyncbg COMMAND			the same, may be cancelled at any time
 *	cancel				that thread, and what became of it
 *	cancelonly, join		the same in two steps
 *	child COMMAND			in a forked child
 *	map FILE new|old		M "file" is at its beginning
 *	load FILE, unload		M "plugin" is its
 *	run FILE			a program, to its end
 *	closeall [from|range], open FILE, user UID, clearenv
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t jobs_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t other_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t queue_in = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t queue_out = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t checked_lock = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
static pthread_mutex_t deep_lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static pthread_mutex_t robust_lock;
static mtx_t c11_lock;	/* as mtx_init(mtx_plain) leaves it */
pthread_mutex_t exported_lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	long n;
	pthread_mutex_t lock;
} box = { 0, PTHREAD_MUTEX_INITIALIZER };
static pthread_mutex_t table[4];
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_mutex_t *file, *plugin;
static void *library;
static pthread_t background;
static int in_background;

static pthread_mutex_t *find(const char *name)
{
	const struct {
		const char *name;
		pthread_mutex_t *mutex;
	} all[] = {
		{ "jobs", &jobs_lock }, { "other", &other_lock },
		{ "in", &queue_in }, { "out", &queue_out },
		{ "checked", &checked_lock }, { "deep", &deep_lock },
		{ "robust", &robust_lock }, { "exported", &exported_lock },
		{ "box", &box.lock }, { "table", &table[2] },
		{ "file", file }, { "plugin", plugin },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (!strcmp(all[i].name, name) && all[i].mutex)
			return all[i].mutex;
	fprintf(stderr, "no mutex '%s'\n", name);
	exit(3);
}

static const char *name_of(int err)
{
	static const char *const names[200] = {
		[0] = "0", [EPERM] = "EPERM", [EBUSY] = "EBUSY",
		[EINVAL] = "EINVAL", [EDEADLK] = "EDEADLK",
		[ETIMEDOUT] = "ETIMEDOUT", [EOWNERDEAD] = "EOWNERDEAD",
		[ENOTRECOVERABLE] = "ENOTRECOVERABLE",
	};

	return err >= 0 && err < 200 && names[err] ? names[err] : "?";
}

static struct timespec in_ms(long ms)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += ms % 1000 * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	return t;
}

static void map(const char *path, int fresh)
{
	int fd = open(path, O_RDWR | O_CREAT, 0666);
	pthread_mutexattr_t attr;

	if (fd < 0 || ftruncate(fd, 4096))
		exit(4);
	/* Another file takes the place of the last one. */
	if (file)
		munmap(file, 4096);
	file = mmap(file, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (!fresh)
		return;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(file, &attr);
}

static int load(const char *path)
{
	pthread_mutex_t *(*get)(void);

	library = dlopen(path, RTLD_NOW);
	if (!library)
		return EINVAL;
	*(void **)&get = dlsym(library, "plugin_mutex");
	plugin = get();
	return 0;
}

/* With each of the ways to do it. */
static void close_all(const char *how)
{
	if (!strcmp(how, "from"))
		closefrom(3);
	else if (!strcmp(how, "range"))
		close_range(3, ~0U, 0);
	for (int fd = 3; fd < 1024 && !*how; fd++)
		close(fd);
}

static int run(const char *path)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execl(path, path, (char *)NULL);
		_exit(126);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : EINVAL;
}

static int waiting;	/* under the mutex of the wait */

static int lock_wait(pthread_mutex_t *m)
{
	pthread_mutex_lock(m);
	waiting = 1;
	while (waiting)
		pthread_cond_wait(&cond, m);
	return 0;
}

static int cleaned = EINVAL;

static void clean(void *m)
{
	cleaned = pthread_mutex_unlock(m);
}

static int lock_wait_clean(pthread_mutex_t *m)
{
	pthread_cleanup_push(clean, m);
	lock_wait(m);
	pthread_cleanup_pop(1);
	return 0;
}

static int until_contended(pthread_mutex_t *m)
{
	/* The C library's own sign of it. */
	while (__atomic_load_n(&m->__data.__lock, __ATOMIC_RELAXED) != 2)
		usleep(1000);
	return 0;
}

static int until_waiting(pthread_mutex_t *m)
{
	int there = 0;

	while (!there) {
		pthread_mutex_lock(m);
		there = waiting;
		pthread_mutex_unlock(m);
	}
	return 0;
}

static int obey(char *line);

static void *obey_thread(void *line)
{
	long err = obey(line);

	if (in_background && pthread_equal(background, pthread_self())) {
		printf("done: %s\n", name_of((int)err));
		fflush(stdout);
	}
	return (void *)err;
}

static void *obey_async(void *line)
{
	int old;

	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old);
	return (void *)(long)obey(line);
}

static int thread(char *line)
{
	pthread_t t;
	void *result;

	if (pthread_create(&t, NULL, obey_thread, line))
		exit(5);
	pthread_join(t, &result);
	return (int)(long)result;
}

static int start(void *(*fn)(void *), char *line)
{
	in_background = 1;
	return pthread_create(&background, NULL, fn, strdup(line));
}

static int join(void)
{
	void *result;

	pthread_join(background, &result);
	in_background = 0;
	return result == PTHREAD_CANCELED ? 0 : EINVAL;
}

static int cancel(void)
{
	pthread_cancel(background);
	return join();
}

static int child(char *line)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(obey(line));
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : EINVAL;
}

static int init(pthread_mutex_t *m)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	return pthread_mutex_init(m, &attr);
}

static int obey(char *line)
{
	char verb[32] = "", a[300] = "", b[32] = "";
	struct timespec t;
	int rest = 0;

	sscanf(line, "%31s %n%299s %31s", verb, &rest, a, b);
	t = in_ms(atol(b));
#define IS(word) !strcmp(verb, word)
	if (IS("lock")) return pthread_mutex_lock(find(a));
	if (IS("trylock")) return pthread_mutex_trylock(find(a));
	if (IS("timedlock")) return pthread_mutex_timedlock(find(a), &t);
	if (IS("unlock")) return pthread_mutex_unlock(find(a));
	if (IS("consistent")) return pthread_mutex_consistent(find(a));
	if (IS("destroy")) return pthread_mutex_destroy(find(a));
	if (IS("init")) return init(find(a));
	if (IS("wait")) return pthread_cond_wait(&cond, find(a));
	if (IS("timedwait")) return pthread_cond_timedwait(&cond, find(a), &t);
	if (IS("c11lock")) return mtx_lock(&c11_lock);
	if (IS("c11unlock")) return mtx_unlock(&c11_lock);
	if (IS("lockwait")) return lock_wait(find(a));
	if (IS("lockwaitclean")) return lock_wait_clean(find(a));
	if (IS("cleaned")) return cleaned;
	if (IS("untilcontended")) return until_contended(find(a));
	if (IS("untilwaiting")) return until_waiting(find(a));
	if (IS("signal")) return waiting = 0, pthread_cond_signal(&cond);
	if (IS("broadcast")) return pthread_cond_broadcast(&cond);
	if (IS("in")) return thread(line + rest);
	if (IS("bg")) return start(obey_thread, line + rest);
	if (IS("asyncbg")) return start(obey_async, line + rest);
	if (IS("cancel")) return cancel();
	if (IS("cancelonly")) return pthread_cancel(background);
	if (IS("join")) return join();
	if (IS("child")) return child(line + rest);
	if (IS("map")) return map(a, !strcmp(b, "new")), 0;
	if (IS("load")) return load(a);
	if (IS("unload")) return plugin = NULL, dlclose(library);
	if (IS("run")) return run(a);
	if (IS("closeall")) return close_all(a), 0;
	if (IS("open")) return open(a, O_RDONLY) < 0 ? errno : 0;
	if (IS("user")) return setgid(atoi(a)) || setuid(atoi(a)) ? errno : 0;
	if (IS("clearenv")) return clearenv();
	fprintf(stderr, "no command '%s'\n", verb);
	exit(3);
}

int main(void)
{
	char line[400];

	alarm(100);
	init(&robust_lock);
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		printf("%s\n", name_of(obey(line)));
		fflush(stdout);
	}
	return box.n != 0;
}
