/*
 * Clients that were given different lists of servers for one lock: the second
 * one is refused, for their locks would not exclude each other.
 */
#include "quorum.h"

static rl_mutex_t m, other;

static void setup(void)
{
	nodes_begin(5, NULL);
	list_nodes(all, sizeof(all), 0, 3);
	make(&m, &(struct want){ .name = "n" });
	OK(rl_mutex_lock(&m));
	OK(rl_mutex_unlock(&m));
}

static void teardown(void)
{
	rl_mutex_destroy(&m);
	rl_mutex_destroy(&other);
	nodes_end();
}

TestSuite(quorum_lists, .init = setup, .fini = teardown);

static void use(const char *servers)
{
	make(&other, &(struct want){ .servers = servers, .owner = "other" });
}

static void expect_refused(void)
{
	EXPECT(rl_mutex_trylock(&other), EPROTO);
	cr_expect(strstr(rl_last_error(), "servers by others"), "%s",
		  rl_last_error());
	EXPECT(rl_mutex_lock(&other), EPROTO);
	EXPECT(timedlock_ms(&other, 2000), EPROTO);
	EXPECT(rl_mutex_unlock(&other), EPERM);
	/* The first list goes on as it was. */
	OK(rl_mutex_lock(&m));
	OK(rl_mutex_unlock(&m));
	cr_expect(holding_becomes("n", 0));
}

Test(quorum_lists, more_servers_are_refused)
{
	list_nodes(all, sizeof(all), 0, 5);
	use(all);
	expect_refused();
}

Test(quorum_lists, others_beside_one_that_is_shared_are_refused)
{
	list_nodes(all, sizeof(all), 2, 3);
	use(all);
	expect_refused();
}

Test(quorum_lists, fewer_servers_are_refused)
{
	list_nodes(all, sizeof(all), 0, 2);
	use(all);
	expect_refused();
}

Test(quorum_lists, a_single_server_of_them_is_refused)
{
	use(node[1]->url);
	expect_refused();
}

Test(quorum_lists, a_quorum_is_refused_where_a_single_server_was)
{
	rl_mutex_t single;

	make(&single, &(struct want){ .servers = node[1]->url, .name = "s" });
	OK(rl_mutex_lock(&single));
	OK(rl_mutex_unlock(&single));
	make(&other, &(struct want){ .name = "s" });
	EXPECT(rl_mutex_trylock(&other), EPROTO);
	OK(rl_mutex_lock(&single));
	OK(rl_mutex_unlock(&single));
	OK(rl_mutex_destroy(&single));
}

Test(quorum_lists, order_and_options_make_no_other_list)
{
	char list[8192];

	snprintf(list, sizeof(list), "%s?command_timeout=3000,%s %s",
		 node[2]->url, node[0]->url, node[1]->url);
	use(list);
	OK(rl_mutex_lock(&m));
	EXPECT(rl_mutex_trylock(&other), EBUSY);
	OK(rl_mutex_unlock(&m));
	OK(rl_mutex_lock(&other));
	OK(rl_mutex_unlock(&other));
}

Test(quorum_lists, the_same_server_twice_is_no_quorum)
{
	rl_mutexattr_t a;
	char list[8192];

	snprintf(list, sizeof(list), "%s %s %s", node[0]->url, node[1]->url,
		 node[0]->url);
	OK(rl_mutexattr_init(&a));
	EXPECT(rl_mutexattr_setservers(&a, list), EINVAL);
	cr_expect(strstr(rl_last_error(), "are the same server"), "%s",
		  rl_last_error());
	OK(rl_mutexattr_destroy(&a));
}

Test(quorum_lists, a_reset_lets_another_list_in)
{
	list_nodes(all, sizeof(all), 0, 5);
	use(all);
	EXPECT(rl_mutex_trylock(&other), EPROTO);
	OK(rl_mutex_reset(&m));
	OK(rl_mutex_lock(&other));
	OK(rl_mutex_unlock(&other));
	EXPECT(rl_mutex_trylock(&m), EPROTO);
}
