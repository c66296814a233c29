#include "base/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/error.h"
#include "base/text.h"

/*
 * This process's start time, once it has been read: belongs to the process
 * `known_pid`. Every thread that finds it missing reads and stores the same
 * number, so no lock is needed; start is stored before the pid (release) and
 * read after it (acquire). A child that came by a fork of any kind has another
 * pid and reads anew.
 */
static _Atomic uint64_t known_start;
static _Atomic pid_t known_pid;

/* The content of a small file of /proc; its length, 0 if it has none. */
static size_t read_proc(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return 0;
	do
		n = read(fd, buf, size - 1);
	while (n < 0 && errno == EINTR);
	close(fd);
	buf[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

/*
 * Field 22 of /proc/self/stat; 0 if there is none. Field 2, the program's
 * name, is in parentheses and may itself hold blanks and parentheses, so
 * fields are counted from the last one.
 */
static uint64_t start_in_stat(const char *stat)
{
	const char *p = strrchr(stat, ')');

	for (int field = 2; p && field < 22; field++) {
		p = strchr(p, ' ');
		if (p)
			p++;
	}
	return p ? strtoull(p, NULL, 10) : 0;
}

/*
 * Where /proc is not mounted: random bytes that the kernel gave the program
 * when it started. They too stay the same for the life of the process.
 */
static uint64_t start_of_program(void)
{
	const void *bytes = (const void *)getauxval(AT_RANDOM);
	uint64_t start = 1;

	if (bytes)
		memcpy(&start, bytes, sizeof(start));
	return start;
}

static uint64_t read_start(void)
{
	char stat[1024];
	struct rli_cancel cancel;
	int saved = errno;
	uint64_t start = 0;

	rli_cancel_off(&cancel);
	if (read_proc("/proc/self/stat", stat, sizeof(stat)))
		start = start_in_stat(stat);
	rli_cancel_as_before(&cancel);
	errno = saved;
	return start ? start : start_of_program();
}

static uint64_t process_start(pid_t pid)
{
	uint64_t start;

	if (atomic_load_explicit(&known_pid, memory_order_acquire) == pid)
		return atomic_load_explicit(&known_start,
					    memory_order_relaxed);
	start = read_start();
	atomic_store_explicit(&known_start, start, memory_order_relaxed);
	atomic_store_explicit(&known_pid, pid, memory_order_release);
	return start;
}

void rli_owner_after_fork(void)
{
	atomic_store_explicit(&known_pid, 0, memory_order_release);
}

static int too_small(int err)
{
	return err ? rli_fail_const(err, "buffer too small for an owner id")
		   : 0;
}

int rli_host_owner(char *buf, size_t size)
{
	const char *host;
	int err = rli_hostid(&host);

	if (err)
		return err;
	return too_small(rli_format(buf, size, "host:%s", host));
}

int rli_process_owner(char *buf, size_t size)
{
	pid_t pid = getpid();
	const char *host;
	int err = rli_hostid(&host);

	if (err)
		return err;
	return too_small(rli_format(buf, size, "proc:%s/%ld.%" PRIu64, host,
				    (long)pid, process_start(pid)));
}

int rli_thread_owner(char *buf, size_t size, unsigned long serial)
{
	pid_t pid = getpid();
	long tid = syscall(SYS_gettid);
	const char *host;
	int err = rli_hostid(&host);

	if (err)
		return err;
	return too_small(rli_format(buf, size, "thrd:%s/%ld.%" PRIu64
				    "/%ld.%lu", host, (long)pid,
				    process_start(pid), tid, serial));
}

int rli_name_owner(char *buf, size_t size, const char *name)
{
	size_t len = name ? strlen(name) : 0;

	if (!len)
		return rli_fail(EINVAL, "the owner's name is empty");
	if (len > RLI_OWNER_NAME_MAX)
		return rli_fail(EINVAL, "the owner's name has %zu bytes; "
				"%d are allowed", len, RLI_OWNER_NAME_MAX);
	return too_small(rli_format(buf, size, "name:%s", name));
}
