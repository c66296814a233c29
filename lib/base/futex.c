#include "base/futex.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

void rli_futex_wait(_Atomic uint32_t *word, uint32_t value, int64_t deadline)
{
	struct timespec left, *timeout = NULL;
	int saved = errno;

	if (deadline != RLI_FOREVER) {
		rli_to_timespec(deadline - rli_now(), &left);
		timeout = &left;
	}
	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, timeout, NULL, 0);
	errno = saved;
}

void rli_futex_wake(_Atomic uint32_t *word, int n)
{
	int saved = errno;

	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, n, NULL, NULL, 0);
	errno = saved;
}
