#include "common/contest.h"

#include <stdio.h>

#include "common/now.h"
#include "common/out.h"

#define WARM_MS 60

static const double shares[] = { .01, .05, .1,	.2,  .3,  .4,	.5,   .6, .7,
				 .8,  .9,  .95, .98, .99, .995, .999, 1 };
#define SHARES ((int)(sizeof(shares) / sizeof(shares[0])))

struct run {
	const struct contest *contest;
	const struct options *o;
	struct stage stage;
	struct crew *crew;
	int64_t stall[SIDES_MAX];
	bool failed;
};

static void begin_line(const struct run *run, const char *kind, int side)
{
	out_begin(kind);
	out_text("row", run->contest->row);
	out_text("placement", placement_name(run->o->placement));
	out_number("procs", run->o->procs);
	out_number("threads", run->o->threads);
	out_number("nodes", run->stage.alive);
	out_text("side", run->contest->side[side].name);
}

static void print_phase(const struct run *run, int side, int round,
			const struct phase *p)
{
	double holds = p->holds ? (double)p->holds : 1;

	begin_line(run, "phase", side);
	out_number("round", round);
	out_number("holds", (double)p->holds);
	out_number("rate", (double)p->holds * 1e9 / (double)p->ns);
	out_number("requests", p->server.requests / holds);
	out_number("calls", p->server.calls / holds);
	out_number("reads", p->server.reads / holds);
	out_number("server_us", p->server.cpu_us / holds);
	out_number("client_us", p->client_us / holds);
	out_number("handovers", (double)p->handovers / holds);
	out_end();
}

static void print_times(const char *key, const struct histogram *h)
{
	double us[SHARES];
	int i;

	for (i = 0; i < SHARES; i++)
		us[i] = (double)hist_at(h, shares[i]) / 1e3;
	if (h->n)
		out_numbers(key, us, SHARES);
}

static double ratio(uint64_t a, uint64_t b)
{
	return b ? (double)a / (double)b : 0;
}

/* What is wrong with a side, in a word; NULL: nothing. */
static const char *verdict(const struct run *run, int side,
			   const struct summary *s)
{
	const struct side *terms = &run->contest->side[side];

	if (s->sum.overlaps || s->lost)
		return "overlap";
	if (s->sum.disorders)
		return "fence out of order";
	if (s->sum.errors)
		return "error";
	/* Who does not wait, or polls, has no wake-up to lose. */
	if (terms->kind == &kind_rl && run->stall[side] > STALL_MS * MS)
		return "lost wake-up";
	if (run->o->any_share)
		return NULL;
	if (ratio(s->least, s->most) < terms->fair)
		return "a client starved";
	if (ratio(s->least_proc, s->most_proc) < terms->fair_proc)
		return "a process starved";
	return NULL;
}

static void print_side(struct run *run, int side)
{
	struct summary s;
	const char *wrong;
	double mean;

	crew_summary(run->crew, side, &s);
	wrong = verdict(run, side, &s);
	mean = (double)s.sum.holds / (double)s.procs;
	begin_line(run, "side", side);
	out_number("holds", (double)s.sum.holds);
	out_number("overlaps", (double)(s.sum.overlaps + s.lost));
	out_number("disorders", (double)s.sum.disorders);
	out_number("stall_ms", (double)run->stall[side] / MS);
	out_number("fairness", ratio(s.least, s.most));
	if (mean > 0) {
		out_number("least_share", (double)s.least_proc / mean);
		out_number("most_share", (double)s.most_proc / mean);
	}
	out_numbers("shares", shares, SHARES);
	print_times("wait_us", &s.sum.wait);
	print_times("pair_us", &s.sum.pair);
	print_times("handover_us", &s.sum.handover);
	out_text("wrong", wrong ? wrong : "");
	out_end();
	if (wrong) {
		fprintf(stderr, "row %s, %s, %s: WRONG: %s\n",
			run->contest->row, placement_name(run->o->placement),
			run->contest->side[side].name, wrong);
		run->failed = true;
	}
}

static bool play(struct run *run, int side, int ms, int round)
{
	struct phase phase;
	bool fine = crew_play(run->crew, side, ms, &phase);

	if (phase.stall > run->stall[side])
		run->stall[side] = phase.stall;
	if (round >= 0)
		print_phase(run, side, round, &phase);
	return fine;
}

static bool prepare(struct run *run)
{
	const struct contest *c = run->contest;
	bool fine = true;
	int s;

	for (s = 0; fine && s < c->sides; s++)
		fine = crew_open(run->crew, s);
	for (s = 0; fine && s < c->sides; s++) {
		fine = play(run, s, WARM_MS, -1);
		crew_forget(run->crew, s);
		run->stall[s] = 0;
	}
	return fine;
}

static bool play_rounds(struct run *run)
{
	int n = run->contest->sides, round, i;
	bool fine = true;

	for (round = 0; fine && round < run->o->rounds; round++)
		for (i = 0; fine && i < n; i++)
			fine = play(run, round % 2 ? n - 1 - i : i,
				    run->o->ms, round);
	return fine;
}

int contest(const struct contest *c, const struct options *o)
{
	struct run run = { .contest = c, .o = o };
	const struct crew_plan plan = {
		.side = c->side, .sides = c->sides, .procs = o->procs,
		.threads = o->threads, .inside_ns = o->inside_ns,
		.stage = &run.stage,
	};
	bool fine;
	int s;

	stage_open(&run.stage, o, o->procs * o->threads);
	run.crew = crew_start(&plan);
	fine = prepare(&run) && play_rounds(&run);
	for (s = 0; s < c->sides; s++)
		print_side(&run, s);
	fine = crew_end(run.crew) && fine;
	stage_close(&run.stage);
	return fine && !run.failed ? 0 : 1;
}
