#include <criterion/criterion.h>

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "failing_alloc.h"

Test(alloc, a_product_that_overflows_is_no_memory)
{
	count_allocations();
	cr_assert_null(rli_calloc(SIZE_MAX / 2, 3));
	cr_assert_null(rli_calloc(3, SIZE_MAX / 2));
	cr_assert_eq(live_allocations, 0);
}

Test(alloc, nothing_asked_for_is_still_a_pointer)
{
	void *p[4] = { rli_malloc(0), rli_calloc(0, 8), rli_calloc(8, 0),
		       rli_realloc(NULL, 0) };

	for (int i = 0; i < 4; i++) {
		cr_assert_not_null(p[i]);
		rli_free(p[i]);
	}
}

Test(alloc, calloc_gives_zeroes)
{
	static const char zeroes[64];
	char *p = rli_calloc(8, 8);

	cr_assert_arr_eq(p, zeroes, 64);
	rli_free(p);
}

Test(alloc, a_failed_realloc_keeps_the_old_memory)
{
	char *p;

	count_allocations();
	p = rli_strdup("kept");
	fail_allocation(1, false);
	cr_assert_null(rli_realloc(p, 1000));
	cr_assert_str_eq(p, "kept");
	p = rli_realloc(p, 1000);
	cr_assert_str_eq(p, "kept");
	rli_free(p);
	cr_assert_eq(live_allocations, 0);
}

Test(alloc, strdup_copies_and_strndup_cuts)
{
	char *whole = rli_strdup("text"), *part = rli_strndup("text", 2);

	cr_assert_str_eq(whole, "text");
	cr_assert_str_eq(part, "te");
	rli_free(whole);
	rli_free(part);
}

static void *errno_spoiling_malloc(size_t size)
{
	(void)size;
	errno = ENOMEM;
	return NULL;
}

static void errno_spoiling_free(void *p)
{
	(void)p;
	errno = EBADF;
}

Test(alloc, errno_is_preserved)
{
	rli_allocator.malloc_fn = errno_spoiling_malloc;
	rli_allocator.free_fn = errno_spoiling_free;
	errno = 77;
	cr_assert_null(rli_malloc(1));
	cr_assert_null(rli_strdup("text"));
	rli_free(NULL);
	cr_assert_eq(errno, 77);
}

static char freed_text[8];

static void look_before_free(void *p)
{
	memcpy(freed_text, p, sizeof(freed_text));
	free(p);
}

Test(alloc, a_secret_is_overwritten_before_it_is_freed)
{
	static const char zeroes[7];
	char *secret = rli_strdup("hunter2");

	rli_allocator.free_fn = look_before_free;
	rli_free_secret(secret);
	cr_assert_arr_eq(freed_text, zeroes, 7);
}

Test(alloc, freeing_nothing_is_allowed)
{
	rli_free(NULL);
	rli_free_secret(NULL);
}
