#include "base/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/clock.h"

#ifdef __x86_64__

static bool counts;	/* written before there is a watch */

static bool clock_is_tsc(void)
{
	static const char file[] = "/sys/devices/system/clocksource/"
				   "clocksource0/current_clocksource";
	char name[8];
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, name, sizeof(name));
	close(fd);
	return n == 4 && !memcmp(name, "tsc\n", 4);
}

void rli_watches_init(void)
{
	struct rli_cancel cancel;
	int saved = errno;

	rli_cancel_off(&cancel);
	counts = clock_is_tsc();
	rli_cancel_as_before(&cancel);
	errno = saved;
}

int64_t rli_watch_read(struct rli_watch *watch)
{
	uint64_t tick, later;

	if (!counts || rli_clock_fn != clock_gettime)
		return rli_now();
	tick = __builtin_ia32_rdtsc();
	later = tick - watch->tick;
	if (later < RLI_WATCH_TICKS)
		return watch->now + (int64_t)later;
	watch->now = rli_now();
	/* Something may have come between the two: then it is not believed. */
	later = __builtin_ia32_rdtsc() - tick;
	watch->tick = later < RLI_WATCH_TICKS ? tick : 0;
	return watch->now;
}

#else

void rli_watches_init(void)
{
}

int64_t rli_watch_read(struct rli_watch *watch)
{
	(void)watch;
	return rli_now();
}

#endif
