/*
 * Row 10: many threads of one process, each with a lock of its own. The floor
 * is as many bare clients. Tells how much memory each costs.
 */

#include <stdlib.h>
#include <sys/prctl.h>

#include "common/contest.h"
#include "common/memory.h"
#include "common/out.h"

static const struct side sides[] = {
	{ .name = "floor", .kind = &kind_bare, .own = true, .sample = 1 },
	{ .name = "rl", .kind = &kind_rl, .own = true, .sample = 1,
	  .fair = .2 },
};

/* What a process of idle threads grows by when each has used its lock. */
static void weigh(const struct side *side, const struct options *o)
{
	struct stage stage;
	const struct crew_plan plan = { .side = side, .sides = 1, .procs = 1,
					.threads = o->threads,
					.stage = &stage };
	struct crew *crew;
	double before;

	stage_open(&stage, o, o->threads);
	crew = crew_start(&plan);
	if (!crew_ready(crew))
		exit(1);
	before = memory_kb(crew_pids(crew)[0]);
	if (!crew_open(crew, 0))
		exit(1);
	out_begin("memory");
	out_text("row", "10");
	out_text("placement", placement_name(o->placement));
	out_text("side", side->name);
	out_number("threads", o->threads);
	out_number("kb", (memory_kb(crew_pids(crew)[0]) - before) /
			 o->threads);
	out_end();
	crew_end(crew);
	stage_close(&stage);
}

int main(int argc, char **argv)
{
	static const struct contest row = { .row = "10", .side = sides,
					    .sides = 2 };
	struct options o = { .rounds = 8, .ms = 500, .procs = 1,
			     .threads = 1000 };

	options_read(&o, argc, argv);
	/* What is not used is not to be counted as part of a huge page. */
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	weigh(&sides[0], &o);
	weigh(&sides[1], &o);
	return contest(&row, &o);
}
