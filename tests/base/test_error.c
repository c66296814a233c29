#include <criterion/criterion.h>

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/error.h"

static const int contract[] = {
	EPERM, ENOENT, EAGAIN, ENOMEM, EACCES, EBUSY, EINVAL, ERANGE, EDEADLK,
	ENOLCK, EPROTO, ENOTSUP, ETIMEDOUT, ESTALE, EOWNERDEAD, ENOTRECOVERABLE
};

#define CONTRACT (sizeof(contract) / sizeof(*contract))

Test(error, every_number_of_the_contract_has_a_text_of_its_own)
{
	for (size_t i = 0; i < CONTRACT; i++)
		for (size_t j = 0; j < i; j++)
			cr_assert_str_neq(rl_strerror(contract[i]),
					  rl_strerror(contract[j]));
	cr_assert_str_eq(rl_strerror(0), "success");
	cr_assert_str_eq(rli_error_name(EBUSY), "EBUSY");
	cr_assert_null(rli_error_name(EBADF));
}

Test(error, other_numbers_have_the_systems_text_and_none_is_null)
{
	cr_assert_str_eq(rl_strerror(ECONNREFUSED), "Connection refused");
	cr_assert(*rl_strerror(-1));
	cr_assert(*rl_strerror(1 << 30));
	cr_assert_str_eq(rli_system_error(EBUSY), strerror(EBUSY));
}

Test(error, before_any_failure_the_message_is_empty)
{
	cr_assert_str_eq(rl_last_error(), "");
}

Test(error, fail_returns_the_number_and_keeps_the_message)
{
	cr_assert_eq(rli_fail(EPROTO, "server %s said '%s'", "a:1", "no"),
		     EPROTO);
	cr_assert_str_eq(rl_last_error(), "server a:1 said 'no'");
	cr_assert_eq(rli_fail_const(EBUSY, "held"), EBUSY);
	cr_assert_str_eq(rl_last_error(), "held");
	cr_assert_eq(rli_fail_nomem(), ENOMEM);
	cr_assert_str_eq(rl_last_error(), rl_strerror(ENOMEM));
}

Test(error, a_message_can_be_added_to)
{
	rli_fail(EPROTO, "cause");
	rli_fail(EPROTO, "lock 'x': %s", rli_error_message());
	rli_fail(EPROTO, "%s, again: %s", rli_error_message(),
		 rli_error_message());
	cr_assert_str_eq(rl_last_error(),
			 "lock 'x': cause, again: lock 'x': cause");
}

Test(error, a_message_is_one_line)
{
	rli_fail(EPROTO, "a\nb\rc\td\x1b[0m\x7f");
	cr_assert_str_eq(rl_last_error(), "a?b?c?d?[0m?");
}

static void expect_cut(const char *text)
{
	const char *message;
	size_t len;

	rli_fail(EINVAL, "%s", text);
	message = rl_last_error();
	len = strlen(message);
	cr_assert_lt(len, (size_t)RLI_ERROR_MAX);
	cr_assert_geq(len, (size_t)RLI_ERROR_MAX - 4);
	cr_assert_str_eq(message + len - 3, "\xe2\x80\xa6");
	cr_assert_eq(memcmp(message, text, len - 3), 0);
	/* Not in the middle of a character. */
	cr_assert_neq((unsigned char)text[len - 3] & 0xc0, 0x80);
}

Test(error, what_does_not_fit_is_cut_with_an_ellipsis)
{
	char text[2001] = "";

	memset(text, 'x', 2000);
	expect_cut(text);
	/* Two bytes each, at even and at odd offsets. */
	for (int i = 0; i < 2000; i += 2)
		memcpy(text + i, "\xc3\xa4", 2);
	expect_cut(text);
	memmove(text + 1, text, 1998);
	text[0] = 'x';
	expect_cut(text);
}

Test(error, what_just_fits_is_not_cut)
{
	char text[RLI_ERROR_MAX] = "";

	memset(text, 'x', sizeof(text) - 1);
	rli_fail(EINVAL, "%s", text);
	cr_assert_str_eq(rl_last_error(), text);
}

Test(error, errno_is_preserved)
{
	errno = 77;
	rli_fail(EINVAL, "%s", "x");
	rl_strerror(12345);
	rl_last_error();
	cr_assert_eq(errno, 77);
}

static void *fail_elsewhere(void *arg)
{
	cr_assert_str_eq(rl_last_error(), "");
	rli_fail(EINVAL, "theirs");
	return arg;
}

Test(error, each_thread_has_its_own_message)
{
	pthread_t thread;

	rli_fail(EINVAL, "ours");
	cr_assert_eq(pthread_create(&thread, NULL, fail_elsewhere, NULL), 0);
	cr_assert_eq(pthread_join(thread, NULL), 0);
	cr_assert_str_eq(rl_last_error(), "ours");
}
