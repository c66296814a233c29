/*
 * Row 7: many wait for a lock that its holder keeps and renews. What does the
 * waiting cost, and how fast do they all get it once it is free? The floor of
 * the latter is one bare client that takes it as many times.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/crew.h"
#include "common/now.h"
#include "common/options.h"
#include "common/out.h"

static const struct side sides[] = {
	{ .name = "rl", .kind = &kind_rl, .sample = 1 },
};

struct holder {
	const struct options *o;
	struct stage stage;
	struct crew *crew;
	void *lock, *bare;
};

static void open_locks(struct holder *h)
{
	struct terms terms = { .url = h->stage.url,
			       .path = h->stage.server->addr.path,
			       .port = h->stage.server->port, .name = "rl" };

	if (terms.port)
		terms.path = NULL;
	if (kind_rl.open(&terms, &h->lock) ||
	    kind_bare.open(&terms, &h->bare))
		exit(1);
}

static bool all_wait(struct holder *h, int clients)
{
	const struct timespec nap = { .tv_nsec = 2 * MS };
	int64_t end = now_ns() + 20000 * MS;

	while (stage_info(&h->stage, "blocked_clients") < clients) {
		if (now_ns() > end)
			return false;
		nanosleep(&nap, NULL);
	}
	return true;
}

/* While they wait: what the clients, their holder and the server do. */
static void watch_waiting(struct holder *h)
{
	const struct timespec pause = { .tv_sec = h->o->ms / 1000,
					.tv_nsec = h->o->ms % 1000 * MS };
	struct counters before, after;
	double client = -crew_cpu_us(h->crew), seconds;
	int64_t began = now_ns();

	stage_count(&h->stage, kind_rl.requests, &before);
	nanosleep(&pause, NULL);
	stage_count(&h->stage, kind_rl.requests, &after);
	client += crew_cpu_us(h->crew);
	seconds = (double)(now_ns() - began) / 1e9;
	/* The holder is one more process. */
	out_number("requests", (after.requests - before.requests) / seconds /
			       (h->o->procs + 1));
	out_number("calls", (after.calls - before.calls) / seconds);
	out_number("client_cpu", client / seconds / 1e6);
	out_number("server_cpu", (after.cpu_us - before.cpu_us) / seconds /
				 1e6);
}

static double floor_ms(struct holder *h, int clients)
{
	int64_t began = now_ns();

	for (; clients; clients--)
		if (kind_bare.lock(h->bare) || kind_bare.unlock(h->bare))
			exit(1);
	return (double)(now_ns() - began) / MS;
}

static bool round_of(struct holder *h, int round)
{
	int clients = h->o->procs * h->o->threads;
	int64_t freed, ended;
	bool fine;

	if (kind_rl.lock(h->lock))
		return false;
	crew_once(h->crew, 0);
	fine = all_wait(h, clients);
	out_begin("waiters");
	out_text("row", "7");
	out_text("placement", placement_name(h->o->placement));
	out_number("procs", h->o->procs);
	out_number("threads", h->o->threads);
	out_number("round", round);
	watch_waiting(h);
	freed = now_ns();
	if (kind_rl.unlock(h->lock))
		fine = false;
	fine = crew_wait(h->crew, 0, &ended) && fine;
	out_number("drain_ms", (double)(ended - freed) / MS);
	out_number("floor_ms", floor_ms(h, clients));
	out_end();
	return fine && ended - freed < STALL_MS * MS;
}

static bool nothing_wrong(struct crew *crew)
{
	struct summary s;

	crew_summary(crew, 0, &s);
	return !s.sum.overlaps && !s.lost && !s.sum.disorders &&
	       !s.sum.errors && s.least == s.most;
}

int main(int argc, char **argv)
{
	struct options o = { .rounds = 3, .ms = 5000, .procs = 100,
			     .threads = 1 };
	struct holder h = { .o = &o };
	const struct crew_plan plan = { .side = sides, .sides = 1,
					.stage = &h.stage };
	struct crew_plan filled = plan;
	bool fine;
	int round;

	options_read(&o, argc, argv);
	filled.procs = o.procs;
	filled.threads = o.threads;
	stage_open(&h.stage, &o, o.procs * o.threads);
	h.crew = crew_start(&filled);
	open_locks(&h);
	fine = crew_open(h.crew, 0);
	for (round = 0; fine && round < o.rounds; round++)
		fine = round_of(&h, round);
	fine = fine && nothing_wrong(h.crew);
	if (!fine)
		fprintf(stderr, "row 7: WRONG: a waiter was forgotten, or two "
			"held the lock at once\n");
	fine = crew_end(h.crew) && fine;
	kind_rl.close(h.lock);
	kind_bare.close(h.bare);
	stage_close(&h.stage);
	return fine ? 0 : 1;
}
