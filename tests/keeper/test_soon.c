/* Which holds may be bare: those that the keeper renews before that matters. */
#include <criterion/criterion.h>

#include "lock/due.h"

TestSuite(soon, .timeout = 20);

static const struct rli_terms usual = { .renew = true, .lease_ms = 10000 };

Test(soon, what_is_renewed_may_be_bare)
{
	cr_expect(rli_due_soon(&usual));
}

Test(soon, what_is_not_may_not)
{
	struct rli_terms t = usual;

	t.renew = false;
	cr_expect(!rli_due_soon(&t));
	t = usual;
	t.lease_ms = 0;
	cr_expect(!rli_due_soon(&t));
}

/* Another process of its owner may end it. */
Test(soon, nor_what_is_shared)
{
	struct rli_terms t = usual;

	t.shared = true;
	cr_expect(!rli_due_soon(&t));
}

/* It is not renewed any more when that would be due. */
Test(soon, nor_what_is_renewed_for_too_short_a_time)
{
	struct rli_terms t = usual;

	t.maxhold = 10 * RLI_MS;
	cr_expect(!rli_due_soon(&t));
	t.maxhold = 11 * RLI_MS;
	cr_expect(rli_due_soon(&t));
}
