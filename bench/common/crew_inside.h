#ifndef BENCH_CREW_INSIDE_H
#define BENCH_CREW_INSIDE_H

/* What the crew's leader (crew.c) and its clients (worker.c) share. */

#include <pthread.h>
#include <stdatomic.h>

#include "common/crew.h"

enum order { ORDER_OPEN, ORDER_PLAY, ORDER_ONCE, ORDER_REST, ORDER_QUIT };

/* Of one client, in shared memory. */
struct slot {
	struct tally tally[SIDES_MAX];
	struct witness own[SIDES_MAX]; /* of a lock that is its own */
};

struct shared {
	_Atomic uint32_t orders; /* given so far; clients sleep on it */
	enum order order;	 /* written before `orders` is raised, … */
	int side;		 /* … while no client is at work */
	_Alignas(128) _Atomic uint32_t stop;
	_Alignas(128) _Atomic uint32_t done; /* clients through with it */
	_Atomic uint32_t failed;
	struct {
		_Alignas(128) struct witness witness;
		_Alignas(128) pthread_mutex_t mutex;
	} of[SIDES_MAX];
	_Alignas(128) struct slot slot[];
};

struct crew {
	struct crew_plan plan;
	long turns; /* of work inside the lock */
	int clients;
	pid_t *pid; /* one for each process */
	size_t size;
	struct shared *shared;
};

/* The number of a side's clients: they are the first. */
int crew_clients(const struct crew *crew, int side);

/* A whole process of clients; never returns. */
_Noreturn void worker_process(struct crew *crew, int proc);

#endif
