#include <criterion/criterion.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/servers.h"
#include "failing_alloc.h"

TestSuite(servers, .init = count_allocations, .timeout = 20);

static struct rli_servers *get(const char *text)
{
	struct rli_servers *servers = NULL;

	cr_assert_eq(rli_servers_get(text, &servers), 0, "%s: %s", text,
		     rl_last_error());
	return servers;
}

static int fail_to_get(const char *text)
{
	struct rli_servers *servers = NULL;
	int err = rli_servers_get(text, &servers);

	cr_assert(err != 0 && !servers, "%s", text);
	cr_assert_eq(live_allocations, 0, "%s", text);
	return err;
}

static const struct {
	const char *text;
	int n;
	const char *identity;
} lists[] = {
	{ "redis://", 1, "127.0.0.1:6379/0" },
	{ "redis://B:1/2", 1, "b:1/2" },
	{ "rediss://me:secret@h?sni=n", 1, "h:6379/0" },
	{ "redis://[0::1]", 1, "[::1]:6379/0" },
	{ "unix://:secret@/s?db=1", 1, "unix:/s/1" },
	{ "redis://b,redis://a", 2, "a:6379/0,b:6379/0" },
	{ "redis://a redis://b", 2, "a:6379/0,b:6379/0" },
	{ " , redis://c,\n\t redis://a,,redis://b ,", 3,
	  "a:6379/0,b:6379/0,c:6379/0" },
	{ "redis://a unix:///s redis://a/1 redis://a:1", 4,
	  "a:1/0,a:6379/0,a:6379/1,unix:/s/0" },
};

Test(servers, a_list_is_read_and_its_identity_is_sorted)
{
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		struct rli_servers *servers = get(lists[i].text);

		cr_assert_eq(servers->n, lists[i].n, "%s", lists[i].text);
		cr_assert_str_eq(servers->identity, lists[i].identity);
		rli_servers_put(servers);
		cr_assert_eq(live_allocations, 0);
	}
}

Test(servers, nodes_stand_in_the_order_of_the_list)
{
	struct rli_servers *servers = get("redis://b redis://a");

	cr_assert_str_eq(servers->node[0]->url.host, "b");
	cr_assert_str_eq(servers->node[1]->url.host, "a");
	rli_servers_put(servers);
}

Test(servers, the_outage_timeout_is_the_largest)
{
	struct rli_servers *servers =
		get("redis://a?outage_timeout=10 redis://b?outage_timeout=30 "
		    "redis://c?outage_timeout=20");

	cr_assert_eq(servers->outage_timeout, 30 * RLI_MS);
	rli_servers_put(servers);
}

Test(servers, the_same_text_is_the_same_record_while_it_is_held)
{
	struct rli_servers *one = get("redis://a redis://b");
	struct rli_servers *two = get("redis://a redis://b");

	cr_assert_eq(one, two);
	rli_servers_hold(one);
	rli_servers_put(one);
	rli_servers_put(one);
	cr_assert_eq(get("redis://a redis://b"), two);
	rli_servers_put(two);
	rli_servers_put(two);
	cr_assert_eq(live_allocations, 0);
	rli_servers_put(NULL);
}

Test(servers, lists_share_their_nodes)
{
	struct rli_servers *one = get("redis://a,redis://b");
	struct rli_servers *two = get("redis://b redis://a");

	cr_assert_neq(one, two);
	cr_assert_str_eq(one->identity, two->identity);
	cr_assert_eq(one->node[0], two->node[1]);
	cr_assert_eq(one->node[1], two->node[0]);
	rli_servers_put(one);
	cr_assert_str_eq(two->node[0]->url.host, "b");
	rli_servers_put(two);
	cr_assert_eq(live_allocations, 0);
}

Test(servers, a_held_node_outlives_its_list_and_a_later_one_differs)
{
	struct rli_servers *servers = get("redis://a");
	struct rli_node *node = servers->node[0];
	unsigned long serial = node->serial;

	rli_node_hold(node);
	rli_servers_put(servers);
	cr_assert_str_eq(node->url.host, "a");
	servers = get("redis://a");
	cr_assert_eq(servers->node[0], node);
	rli_servers_put(servers);
	rli_node_put(node);
	rli_node_put(NULL);
	cr_assert_eq(live_allocations, 0);
	servers = get("redis://a");
	cr_assert_gt(servers->node[0]->serial, serial);
	rli_servers_put(servers);
}

Test(servers, an_empty_list_is_einval)
{
	cr_assert_eq(fail_to_get(""), EINVAL);
	cr_assert_eq(fail_to_get(" , \t\n"), EINVAL);
	cr_assert_eq(fail_to_get(NULL), EINVAL);
	cr_assert(strstr(rl_last_error(), "empty"));
}

Test(servers, the_same_node_twice_is_einval)
{
	static const char *const twice[] = {
		"redis://a redis://a", "redis://a redis://b redis://A:6379/0",
		"redis://a:1 rediss://a:1", "redis://[::1] redis://[0::1]",
		"redis://a redis://me:secret@a", "unix:///s unix:///%73?db=0",
	};

	for (size_t i = 0; i < sizeof(twice) / sizeof(*twice); i++) {
		cr_assert_eq(fail_to_get(twice[i]), EINVAL);
		cr_assert(strstr(rl_last_error(), "same server"));
		cr_assert_null(strstr(rl_last_error(), "secret"));
	}
}

static const char *many(int n)
{
	static char text[64 * 100];
	size_t len = 0;

	for (int i = 0; i < n; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"redis://h%d,", i);
	return text;
}

Test(servers, more_than_15_are_einval)
{
	struct rli_servers *servers = get(many(RLI_NODES_MAX));

	cr_assert_eq(servers->n, RLI_NODES_MAX);
	rli_servers_put(servers);
	cr_assert_eq(fail_to_get(many(RLI_NODES_MAX + 1)), EINVAL);
	cr_assert(strstr(rl_last_error(), "more than 15"));
	cr_assert_eq(fail_to_get(many(90)), EINVAL);
}

Test(servers, a_bad_entry_is_named_without_its_password)
{
	cr_assert_eq(fail_to_get("redis://a redis://:hunter2@b:x"), EINVAL);
	cr_assert(strstr(rl_last_error(), "entry 2"));
	cr_assert(strstr(rl_last_error(), "offset 19"));
	cr_assert(strstr(rl_last_error(), "port"));
	cr_assert_null(strstr(rl_last_error(), "hunter2"));
	/* A comma or a space in a password splits the entry. */
	cr_assert_eq(fail_to_get("redis://:x,hunter2@b"), EINVAL);
	cr_assert_null(strstr(rl_last_error(), "hunter2"));
	cr_assert_eq(fail_to_get("redis://a sentinel://b,c/m"), ENOTSUP);
}

Test(servers, an_over_long_entry_is_einval)
{
	static char text[20000];

	memset(text, 'x', sizeof(text) - 1);
	memcpy(text, "redis://a redis://", 18);
	cr_assert_eq(fail_to_get(text), EINVAL);
	cr_assert(strstr(rl_last_error(), "4096"));
}

static void expect_enomem_until_it_works(const char *text, bool for_good)
{
	struct rli_servers *servers = NULL;
	long before = live_allocations;
	int n = 0, err;

	do {
		fail_allocation(++n, for_good);
		err = rli_servers_get(text, &servers);
		if (err) {
			cr_assert_eq(err, ENOMEM, "allocation %d", n);
			cr_assert_eq(live_allocations, before);
		}
	} while (err);
	cr_assert_not(an_allocation_failed);
	cr_assert_gt(n, 4);
	fail_no_allocation();
	rli_servers_put(servers);
	cr_assert_eq(live_allocations, before);
}

Test(servers, the_nth_allocation_that_fails_is_enomem_and_leaks_nothing)
{
	static const char text[] = "redis://me:secret@a unix:///s redis://b";
	struct rli_servers *other;

	expect_enomem_until_it_works(text, false);
	expect_enomem_until_it_works(text, true);
	/* The same when one node is there already. */
	other = get("redis://b");
	expect_enomem_until_it_works(text, false);
	expect_enomem_until_it_works(text, true);
	cr_assert_str_eq(other->node[0]->url.host, "b");
	rli_servers_put(other);
	cr_assert_eq(live_allocations, 0);
}

static void *get_and_put(void *arg)
{
	struct rli_servers *servers;

	for (int i = 0; i < 2000; i++) {
		if (rli_servers_get(i % 2 ? "redis://a redis://b" :
				    "redis://b,redis://c", &servers))
			return NULL;
		rli_servers_hold(servers);
		rli_servers_put(servers);
		rli_servers_put(servers);
	}
	return arg;
}

Test(servers, threads_get_and_put_at_once)
{
	pthread_t thread[4];
	void *result;

	/* The counting heap is not for several threads. */
	rli_allocator = (struct rli_allocator){ malloc, calloc, realloc,
						free };
	for (int i = 0; i < 4; i++)
		cr_assert_eq(pthread_create(&thread[i], NULL, get_and_put,
					    thread), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(thread[i], &result);
		cr_assert_eq(result, thread);
	}
}

Test(servers, after_a_fork_both_sides_go_on)
{
	struct rli_servers *servers = get("redis://a");
	int status;
	pid_t pid;

	rli_servers_before_fork();
	pid = fork();
	if (pid == 0) {
		rli_servers_after_fork_child();
		_exit(get("redis://a") != servers || !get("redis://b"));
	}
	rli_servers_after_fork_parent();
	rli_servers_put(get("redis://b"));
	rli_servers_put(servers);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0);
}
