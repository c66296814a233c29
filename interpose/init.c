/*
 * START
 *
 * The constructor runs before all others and before .preinit_array, for the
 * library is linked with -z initfirst. The C library's own have not run then:
 * environ is set here, to what it will be set to. What is bound is known from
 * here on, and a mistake ends the program before main.
 *
 * A process of more rights than its user has is left alone.
 *
 * FORK
 *
 * The child is another generation (rli_generation): whatever is noted as held
 * was held by an earlier one, and is not held by the child.
 */
#include "interpose/init.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include "interpose/allocator.h"
#include "interpose/binding.h"
#include "interpose/inside.h"
#include "interpose/object.h"
#include "interpose/outage.h"
#include "interpose/pattern.h"
#include "interpose/say.h"
#include "interpose/stats.h"

/* In the environment of what a bound program starts. */
#define MARK "RL_INTERPOSE_STARTED"

const char *rli_program = "";
const char *rli_namespace = "";
unsigned rli_generation = 1;
bool rli_descendant;

static bool marks;	/* something is bound; read-only after the start */

/* ------------------------------------------------------------------- fork */

static void before_fork(void)
{
	rli_binding_before_fork();
	rli_objects_before_fork();
}

static void after_fork_parent(void)
{
	rli_objects_after_fork(false);
	rli_binding_after_fork(false);
}

static void after_fork_child(void)
{
	rli_generation++;
	rli_stats_after_fork();
	rli_objects_after_fork(true);
	rli_binding_after_fork(true);
}

/* ------------------------------------------------------------------ start */

static char *copy(const char *text)
{
	char *made = strdup(text);

	if (!made)
		rli_mistake("no memory to start with");
	return made;
}

static void learn_program(void)
{
	char path[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);
	const char *slash;

	if (len <= 0)
		return;
	path[len] = '\0';
	slash = strrchr(path, '/');
	rli_program = copy(slash ? slash + 1 : path);
}

/* To its end: it may be a pipe. NULL with errno. */
static char *read_file(int fd)
{
	size_t len = 0, size = 0;
	char *text = NULL;
	ssize_t n = 1;

	while (n > 0) {
		if (size - len < 2) {
			char *more = realloc(text, size += 4096);

			if (!more)
				break;
			text = more;
		}
		n = read(fd, text + len, size - len - 1);
		if (n > 0)
			len += (size_t)n;
	}
	if (n == 0) {
		text[len] = '\0';
		return text;
	}
	free(text);
	return NULL;
}

static void parse_file(const char *path)
{
	char source[160], *text = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0)
		text = read_file(fd);
	if (!text)
		rli_mistake("RL_BIND_FILE: %s: %s", path, strerror(errno));
	close(fd);
	strcpy(source, "RL_BIND_FILE ");
	strncat(source, path, sizeof(source) - strlen(source) - 1);
	rli_parse(text, source, true);
	free(text);
}

static void parse_all(void)
{
	const char *text = getenv("RL_BIND"), *file = getenv("RL_BIND_FILE");

	if (text)
		rli_parse(text, "RL_BIND", false);
	if (file && *file)
		parse_file(file);
}

static void start(void)
{
	const char *space = getenv("RL_NAMESPACE");

	learn_program();
	if (space)
		rli_namespace = copy(space);
	rli_descendant = getenv(MARK) != NULL;
	rli_allocator_start();
	rli_outage_start();
	parse_all();
	if (pthread_atfork(before_fork, after_fork_parent, after_fork_child))
		rli_mistake("no memory to start with");
	if (rli_stats_start())
		rli_binding_watch(RLI_WATCH_ALL);
	rli_objects_start();
	rli_binding_start();
	marks = rli_patterns != NULL;
}

/* Not sooner: the C library sets environ once more as it is initialised. */
void rli_mark_environment(void)
{
	if (marks && !getenv(MARK))
		setenv(MARK, "1", 1);
}

/* -z initfirst: before everybody. The dynamic linker passes these. */
__attribute__((constructor)) static void constructed(int argc, char **argv,
						     char **envp)
{
	int saved = errno;

	(void)argc;
	(void)argv;
	if (getauxval(AT_SECURE))
		return;
	if (!environ)
		environ = envp;
	rli_enter();
	start();
	rli_leave();
	errno = saved;
}

__attribute__((destructor)) static void destructed(void)
{
	rli_stats_write();
}
