#include <criterion/criterion.h>

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/random.h"

static bool kernel_is_old;

/* In place of the C library's. */
long syscall(long number, ...)
{
	static long (*next)(long, ...);
	long arg[6];
	va_list list;
	int i;

	if (number == SYS_getrandom && kernel_is_old) {
		errno = ENOSYS;
		return -1;
	}
	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "syscall");
	va_start(list, number);
	for (i = 0; i < 6; i++)
		arg[i] = va_arg(list, long);
	va_end(list);
	return next(number, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
}

static void expect_good_bytes(void)
{
	unsigned char buf[66] = { 0 }, again[64];
	int zeroes = 0;

	errno = 77;
	rli_random(buf + 1, 64);
	rli_random(buf, 0);
	rli_random(again, sizeof(again));
	cr_assert_eq(errno, 77);
	cr_assert_eq(buf[0], 0);
	cr_assert_eq(buf[65], 0);
	for (int i = 1; i <= 64; i++)
		zeroes += !buf[i];
	cr_assert_lt(zeroes, 16);
	cr_assert_arr_neq(buf + 1, again, sizeof(again));
}

Test(random, fills_what_it_is_given_and_no_more)
{
	expect_good_bytes();
}

Test(random, without_getrandom_the_device_is_read)
{
	kernel_is_old = true;
	expect_good_bytes();
}

Test(random, without_both_the_clocks_must_do)
{
	struct rlimit before;

	kernel_is_old = true;
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	cr_assert_eq(setrlimit(RLIMIT_NOFILE,
			       &(struct rlimit){ 0, before.rlim_max }), 0);
	cr_assert_lt(dup(0), 0);
	expect_good_bytes();
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
}

Test(random, is_different_each_time)
{
	unsigned char one[16], two[16];

	rli_random(one, sizeof(one));
	rli_random(two, sizeof(two));
	cr_assert_arr_neq(one, two, sizeof(one));
}

Test(random, more_than_one_system_call_gives_at_once)
{
	static unsigned char buf[1 << 20];
	size_t zeroes = 0;

	rli_random(buf, sizeof(buf));
	for (size_t i = 0; i < sizeof(buf); i++)
		zeroes += !buf[i];
	cr_assert_lt(zeroes, sizeof(buf) / 128);
}

Test(random, a_forked_child_differs_from_its_parent)
{
	unsigned char ours[16], theirs[16];
	int ends[2];

	cr_assert_eq(pipe(ends), 0);
	if (fork() == 0) {
		rli_random(theirs, sizeof(theirs));
		_exit(write(ends[1], theirs, sizeof(theirs)) < 0);
	}
	rli_random(ours, sizeof(ours));
	cr_assert_eq(read(ends[0], theirs, sizeof(theirs)), sizeof(theirs));
	cr_assert_arr_neq(ours, theirs, sizeof(ours));
	wait(NULL);
}
