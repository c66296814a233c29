/*
 * How long a hold is certain to last: see struct rli_bounds.
 */
#include "base/clock.h"
#include "lock/lock.h"

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

void rli_validity_begin(struct rli_hold *hold, int64_t until)
{
	hold->bounds = (struct rli_bounds){
		.until = { RLI_FOREVER, until },
		.heard = { 0, rli_now() },
	};
	hold->valid_until = until;
}

void rli_validity_set(struct rli_hold *hold, int64_t sent, int64_t until)
{
	struct rli_bounds *b = &hold->bounds;

	if (sent > b->heard[0]) {
		/* What came before it was sent does not count any more. */
		bool both = sent > b->heard[1];

		b->until[0] = both ? RLI_FOREVER : b->until[1];
		b->heard[0] = both ? 0 : b->heard[1];
		b->until[1] = RLI_FOREVER;
	}
	b->until[1] = earlier(b->until[1], until);
	b->heard[1] = rli_now();
	hold->valid_until = earlier(b->until[0], b->until[1]);
}
