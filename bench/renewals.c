/*
 * Row 9: one process holds many locks, whose leases rl renews. How much CPU
 * that takes, whether the renewals are spread, whether one is late. The floor
 * is a bare client that renews as many in pipelines of 100.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rl/rl.h>

#include "common/memory.h"
#include "common/now.h"
#include "common/options.h"
#include "common/out.h"
#include "common/stage.h"

#define LEASE_MS 10000
#define SLOT_MS	 100 /* renewals are counted in slots of this length */
#define LOOK	 5   /* slots from one look at all leases to the next */
/* Renewals are due every third of the lease; one that has not come after half
 * of it is late. */
#define LATE_MS (LEASE_MS / 2)
#define PIPELINE 100

static atomic_int lost;

struct many {
	long n;
	rl_mutex_t *mutex;
	struct stage stage;
	double kb_init, kb_lock; /* what each lock costs */
	double least_ms;	 /* validity left, of all locks at all looks */
	double most_slot, sum_slots;
	double keeper_us;
	double seconds;
	double floor_us;
	double late;		 /* leases seen with less than LATE_MS */
	int threads;
	int errors;
};

static void note_loss(rl_mutex_t *mutex, int error, void *arg)
{
	(void)mutex;
	(void)error;
	(void)arg;
	atomic_fetch_add(&lost, 1);
}

static void check(struct many *m, const char *what, int err)
{
	if (!err)
		return;
	if (!m->errors++)
		fprintf(stderr, "%s: %s\n", what, rl_last_error());
}

static void init_all(struct many *m)
{
	rl_mutexattr_t attr;
	char name[32];
	long i;

	check(m, "attributes", rl_mutexattr_init(&attr));
	check(m, "servers", rl_mutexattr_setservers(&attr, m->stage.url));
	check(m, "lease", rl_mutexattr_setlease(&attr, LEASE_MS));
	check(m, "onlost", rl_mutexattr_setonlost(&attr, note_loss, NULL));
	for (i = 0; i < m->n; i++) {
		snprintf(name, sizeof(name), "many-%ld", i);
		check(m, "init", rl_mutex_init(&m->mutex[i], name, &attr));
	}
	rl_mutexattr_destroy(&attr);
}

static void lock_all(struct many *m)
{
	double before, middle;
	long i;

	memset(m->mutex, 1, (size_t)m->n * sizeof(*m->mutex));
	before = memory_kb(getpid());
	init_all(m);
	middle = memory_kb(getpid());
	for (i = 0; i < m->n; i++)
		check(m, "lock", rl_mutex_lock(&m->mutex[i]));
	m->kb_init = (middle - before) / (double)m->n;
	m->kb_lock = (memory_kb(getpid()) - middle) / (double)m->n;
}

static void unlock_all(struct many *m)
{
	long i;

	for (i = 0; i < m->n; i++)
		check(m, "unlock", rl_mutex_unlock(&m->mutex[i]));
	for (i = 0; i < m->n; i++)
		check(m, "destroy", rl_mutex_destroy(&m->mutex[i]));
}

static double cpu_us(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void look_at_leases(struct many *m)
{
	struct timespec left;
	double ms;
	long i;

	for (i = 0; i < m->n; i++) {
		check(m, "remaining",
		      rl_mutex_remaining(&m->mutex[i], &left));
		ms = (double)left.tv_sec * 1e3 + (double)left.tv_nsec / 1e6;
		if (ms < m->least_ms)
			m->least_ms = ms;
		m->late += ms < LATE_MS;
	}
}

static void end_slot(struct many *m, struct counters *before)
{
	struct counters now;
	double n;

	stage_count(&m->stage, " evalsha ", &now);
	n = now.requests - before->requests;
	if (n > m->most_slot)
		m->most_slot = n;
	m->sum_slots += n;
	*before = now;
}

/* Everything but this thread is the keeper's. */
static double others_us(void)
{
	return cpu_us(CLOCK_PROCESS_CPUTIME_ID) -
	       cpu_us(CLOCK_THREAD_CPUTIME_ID);
}

static void watch(struct many *m, int slots)
{
	struct counters before;
	struct timespec next;
	int64_t began = now_ns(), at = began;
	int i;

	m->least_ms = LEASE_MS;
	stage_count(&m->stage, " evalsha ", &before);
	m->keeper_us = -others_us();
	for (i = 1; i <= slots; i++) {
		at += SLOT_MS * MS;
		next.tv_sec = at / 1000000000;
		next.tv_nsec = at % 1000000000;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
		end_slot(m, &before);
		if (i % LOOK == 0)
			look_at_leases(m);
	}
	m->keeper_us += others_us();
	m->seconds = (double)(now_ns() - began) / 1e9;
	m->threads = thread_count(getpid());
}

/* ---------------------------------------------------------------- floor */

static const char renew[] =
	"if redis.call('GET',KEYS[1])==ARGV[1] then "
	"return redis.call('PEXPIRE',KEYS[1],ARGV[2]) else return 0 end";

static void bare_pipeline(redisContext *c, const char *sha)
{
	void *reply;
	int i;

	for (i = 0; i < PIPELINE; i++)
		redisAppendCommand(c, "EVALSHA %s 1 bare:%d value %d", sha, i,
				   LEASE_MS);
	for (i = 0; i < PIPELINE; i++) {
		if (redisGetReply(c, &reply) != REDIS_OK)
			exit(1);
		freeReplyObject(reply);
	}
}

/* CPU time of the client for one renewal. */
static void bare_renewals(struct many *m)
{
	redisContext *c = m->stage.control[0];
	redisReply *sha = redisCommand(c, "SCRIPT LOAD %s", renew);
	double us;
	int i;

	for (i = 0; i < PIPELINE; i++)
		freeReplyObject(redisCommand(c, "SET bare:%d value", i));
	us = cpu_us(CLOCK_THREAD_CPUTIME_ID);
	for (i = 0; i < 200; i++)
		bare_pipeline(c, sha->str);
	us = cpu_us(CLOCK_THREAD_CPUTIME_ID) - us;
	m->floor_us = us / 200 / PIPELINE;
	freeReplyObject(sha);
}

/* --------------------------------------------------------------- result */

static void print(const struct many *m, const struct options *o)
{
	double slots = m->seconds * 1e3 / SLOT_MS;

	out_begin("renewals");
	out_text("row", "9");
	out_text("placement", placement_name(o->placement));
	out_number("locks", (double)m->n);
	out_number("threads", m->threads - 1);
	out_number("keeper_cpu", m->keeper_us / 1e6 / m->seconds);
	out_number("renewals", m->sum_slots / m->seconds);
	out_number("renewal_us", m->keeper_us / m->sum_slots);
	out_number("floor_us", m->floor_us);
	out_number("spread", m->most_slot / (m->sum_slots / slots));
	out_number("least_ms", m->least_ms);
	out_number("late", m->late);
	out_number("kb_mutex", m->kb_init);
	out_number("kb_held", m->kb_lock);
	out_number("lost", atomic_load(&lost));
	out_number("errors", m->errors);
	out_end();
}

int main(int argc, char **argv)
{
	/* Rounds of a lease each. */
	struct options o = { .rounds = 2, .ms = LEASE_MS, .procs = 1,
			     .threads = 1, .holds = 10000 };
	struct many m = { .n = 0 };
	bool fine;

	options_read(&o, argc, argv);
	stage_open(&m.stage, &o, 1);
	m.n = o.holds;
	m.mutex = calloc((size_t)m.n, sizeof(*m.mutex));
	if (!m.mutex)
		return 2;
	lock_all(&m);
	watch(&m, o.rounds * o.ms / SLOT_MS);
	unlock_all(&m);
	bare_renewals(&m);
	print(&m, &o);
	fine = !m.errors && !atomic_load(&lost) && m.sum_slots > 0;
	if (!fine)
		fprintf(stderr, "row 9: WRONG: a lease was lost\n");
	stage_close(&m.stage);
	free(m.mutex);
	return fine ? 0 : 1;
}
