/*
 * A node that hangs before it has heard anything, so that each request carries its
 * script, until the socket takes no more: it is not tried again and again.
 */
#include "quorum.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <sys/syscall.h>

static atomic_int refused;	/* sends that a full socket took nothing of */
static rl_mutex_t m;

/* In place of libc's, through which rl sends; like that one it passes on six
 * arguments, whether or not there are so many. */
long syscall(long number, ...)
{
	static long (*next)(long, ...);
	long arg[6], n;
	va_list list;
	int i;

	va_start(list, number);
	for (i = 0; i < 6; i++)
		arg[i] = va_arg(list, long);
	va_end(list);
	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "syscall");
	n = next(number, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
	if (number == SYS_sendto && n < 0 && errno == EAGAIN)
		atomic_fetch_add(&refused, 1);
	return n;
}

/* Longer than anything here takes: no connection is given up for an answer. */
#define PATIENT "?command_timeout=60000"

static char patient[NODES_MAX * 160];
/* Nor does the keeper, on a connection of its own, see to a hold. */
static struct want want = { .servers = patient, .no_refresh = true };

static void setup(void)
{
	size_t len = 0;
	int i;

	nodes_begin(3, NULL);
	for (i = 0; i < 3; i++)
		len += (size_t)snprintf(patient + len, sizeof(patient) - len,
					"%s" PATIENT " ", node[i]->url);
	server_pause(node[2]);
	make(&m, &want);
}

static void teardown(void)
{
	rl_mutex_destroy(&m);
	nodes_end();
}

TestSuite(quorum_full, .init = setup, .fini = teardown);

static void lock_and_unlock(int times)
{
	for (; times > 0; times--) {
		MUST(rl_mutex_lock(&m));
		MUST(rl_mutex_unlock(&m));
	}
}

Test(quorum_full, a_socket_that_is_full_is_left_alone)
{
	lock_and_unlock(1000);
	cr_expect_gt(refused, 0, "it has never been full");
	cr_expect_lt(refused, 100, "%d", refused);
}

static bool all_have_it(void *arg)
{
	bool there;

	(void)arg;
	MUST(rl_mutex_lock(&m));
	there = wait_until(holding_is, &(struct state){ "n", 3 }, 100);
	MUST(rl_mutex_unlock(&m));
	return there;
}

/* What did not go out then does when there is room. */
Test(quorum_full, once_it_reads_it_is_told_the_rest)
{
	while (!refused)
		lock_and_unlock(1);
	server_resume(node[2]);
	cr_expect(wait_until(all_have_it, NULL, WAIT_MS));
	cr_expect(holding_becomes("n", 0));
}
