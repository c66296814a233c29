#include "base/random.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/direct.h"

/* Each returns how many bytes are still missing at the end of buf. */

static size_t from_kernel(unsigned char *buf, size_t len)
{
	while (len > 0) {
		ssize_t n = rli_getrandom(buf, len, GRND_NONBLOCK);

		if (n > 0) {
			buf += n;
			len -= (size_t)n;
		} else if (n == 0 || errno != EINTR) {
			break;
		}
	}
	return len;
}

static size_t from_device(unsigned char *buf, size_t len)
{
	int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);

	while (fd >= 0 && len > 0) {
		ssize_t n = read(fd, buf, len);

		if (n > 0) {
			buf += n;
			len -= (size_t)n;
		} else if (n == 0 || errno != EINTR) {
			break;
		}
	}
	if (fd >= 0)
		close(fd);
	return len;
}

/* The finalizer of splitmix64: every bit of x changes half of the result. */
static uint64_t scramble(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

static uint64_t clock_word(clockid_t clock)
{
	struct timespec ts = { 0, 0 };

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void from_anything(unsigned char *buf, size_t len)
{
	/* Relaxed: all that counts is that no two calls see one value. */
	static _Atomic uint64_t calls;
	uint64_t word = atomic_fetch_add_explicit(&calls, 1,
						  memory_order_relaxed);

	word = scramble(word ^ (uint64_t)getpid() << 32);
	word = scramble(word ^ (uintptr_t)&word);
	word = scramble(word ^ clock_word(CLOCK_REALTIME));
	while (len > 0) {
		size_t n = len < sizeof(word) ? len : sizeof(word);

		word = scramble(word + 0x9e3779b97f4a7c15u +
				clock_word(CLOCK_MONOTONIC));
		memcpy(buf, &word, n);
		buf += n;
		len -= n;
	}
}

void rli_random(void *buf, size_t len)
{
	unsigned char *end = (unsigned char *)buf + len;
	struct rli_cancel cancel;
	int saved = errno;

	/* open and read are cancellation points. */
	rli_cancel_off(&cancel);
	len = from_kernel(end - len, len);
	if (len)
		len = from_device(end - len, len);
	if (len)
		from_anything(end - len, len);
	rli_cancel_as_before(&cancel);
	errno = saved;
}
