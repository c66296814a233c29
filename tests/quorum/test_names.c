/*
 * Names of servers that are not found, or not in time: no call waits for them
 * beyond its deadline.
 */
#include "quorum.h"

#include <dlfcn.h>
#include <netdb.h>
#include <poll.h>

/* How long a connect may take, in milliseconds: longer than a machine with
 * much to do keeps anybody, or so that it ends within a test. */
#define LONG  15000
#define SHORT 1000

static rl_mutex_t m;
static int hanging[2];	/* a pipe; what hangs reads from it */

/* In place of libc's, for two names. */
int getaddrinfo(const char *host, const char *port,
		const struct addrinfo *hints, struct addrinfo **list)
{
	static int (*next)(const char *, const char *, const struct addrinfo *,
			   struct addrinfo **);
	struct pollfd end = { .fd = hanging[0], .events = POLLIN };

	bool asks = host && !(hints && hints->ai_flags & AI_NUMERICHOST);

	if (asks && !strcmp(host, "fails.invalid"))
		return EAI_AGAIN;
	if (asks && !strcmp(host, "hangs.invalid")) {
		poll(&end, 1, 20000);
		return EAI_AGAIN;
	}
	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "getaddrinfo");
	return next(host, port, hints, list);
}

static void setup(void)
{
	TEST_MUST(pipe(hanging) == 0);
	nodes_begin(3, &(struct server_options){ .tcp = true });
}

static void teardown(void)
{
	rl_mutex_destroy(&m);
	TEST_MUST(write(hanging[1], "", 1) == 1);
	nodes_end();
}

TestSuite(quorum_names, .init = setup, .fini = teardown);

/* The first n of the nodes are called so. A connect may take timeout_ms. */
static void use(int n, const char *name, int timeout_ms)
{
	char list[1024];
	size_t len = 0;
	int i;

	for (i = 0; i < 3; i++)
		len += (size_t)snprintf(list + len, sizeof(list) - len,
					"redis://%s:%d?connect_timeout=%d ",
					i < n ? name : "localhost",
					node[i]->port, timeout_ms);
	make(&m, &(struct want){ .servers = list });
}

static void expect_no_delay(void)
{
	int64_t t = wait_now_ms();

	OK(timedlock_ms(&m, 5000));
	OK(rl_mutex_unlock(&m));
	OK(rl_mutex_trylock(&m));
	OK(rl_mutex_unlock(&m));
	cr_expect_lt(wait_now_ms() - t, LONG, "%lld ms",
		     (long long)(wait_now_ms() - t));
}

static void expect_deadline(void)
{
	int64_t t = wait_now_ms();

	EXPECT(timedlock_ms(&m, 300), ETIMEDOUT);
	t = wait_now_ms() - t;
	cr_expect(t >= 299 && t < 1800, "%lld ms", (long long)t);
	t = wait_now_ms();
	EXPECT(rl_mutex_trylock(&m), ENOLCK);
	cr_expect_lt(wait_now_ms() - t, 2500);
}

Test(quorum_names, one_that_is_not_found_costs_nothing)
{
	use(1, "fails.invalid", LONG);
	expect_no_delay();
}

Test(quorum_names, one_that_hangs_costs_nothing)
{
	use(1, "hangs.invalid", LONG);
	expect_no_delay();
}

Test(quorum_names, two_that_are_not_found_are_an_outage)
{
	use(2, "fails.invalid", SHORT);
	expect_deadline();
	cr_expect(strstr(rl_last_error(), "fails.invalid"), "%s",
		  rl_last_error());
}

Test(quorum_names, two_that_hang_do_not_block_past_the_deadline)
{
	use(2, "hangs.invalid", SHORT);
	expect_deadline();
	cr_expect(strstr(rl_last_error(), "hangs.invalid"), "%s",
		  rl_last_error());
}
