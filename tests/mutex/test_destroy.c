/* The life of a mutex object: init, destroy, static initialisers, factory. */
#include "peer.h"

TestSuite(mutex_object, .init = lock_setup, .fini = lock_teardown);

/* Every call on a mutex, with arguments that are good. */
static void expect_each_call_einval(rl_mutex_t *m, const char *what)
{
	for (int act = LOCK; act <= DESTROY; act++)
		cr_expect_eq(act_on(m, (enum act)act, 1000), EINVAL, "%s: %s",
			     what, act_names[act]);
}

Test(mutex_object, each_call_on_null_or_zero_or_destroyed_is_einval)
{
	struct spec s = { .name = "lock" };
	MUTEX zero, destroyed;

	memset(&zero, 0, sizeof(zero));
	cr_assert_eq(spec_init(&s, &destroyed), 0);
	cr_assert_eq(rl_mutex_lock(&destroyed), 0);
	cr_assert_eq(rl_mutex_unlock(&destroyed), 0);
	cr_assert_eq(rl_mutex_destroy(&destroyed), 0);
	expect_each_call_einval(NULL, "null");
	expect_each_call_einval(&zero, "zero");
	expect_each_call_einval(&destroyed, "destroyed");
	cr_expect(strstr(rl_last_error(), "destroyed"));
	cr_expect_eq(rl_mutex_init(NULL, "lock", NULL), EINVAL);
}

Test(mutex_object, a_destroyed_mutex_may_be_initialised_again)
{
	struct spec s = { .name = "lock" };
	MUTEX m;

	for (int i = 0; i < 3; i++) {
		cr_assert_eq(spec_init(&s, &m), 0);
		cr_expect_eq(rl_mutex_lock(&m), 0);
		cr_expect_eq(rl_mutex_unlock(&m), 0);
		cr_expect_eq(rl_mutex_destroy(&m), 0);
	}
}

Test(mutex_object, init_does_not_ask_the_servers)
{
	struct spec s = { .name = "lock" };
	MUTEX m;

	server_kill(srv);
	cr_expect_eq(spec_init(&s, &m), 0);
	cr_expect_eq(rl_mutex_trylock(&m), ENOLCK);
	server_restart(srv, false);
	cr_expect_eq(rl_mutex_trylock(&m), 0);
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	cr_expect_eq(rl_mutex_destroy(&m), 0);
}

/* ----------------------------------------------------------- destroy: EBUSY */

static void while_held(const struct spec *s)
{
	MUTEX m;

	cr_assert_eq(spec_init(s, &m), 0);
	cr_assert_eq(rl_mutex_lock(&m), 0);
	cr_expect_eq(rl_mutex_destroy(&m), EBUSY);
	cr_expect_eq(rl_mutex_held(&m), 0);
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	cr_expect_eq(rl_mutex_destroy(&m), 0);
}

/* A thread's holder, which is not the one who destroys. */
static void while_held_by_a_thread(const struct spec *s)
{
	struct peer *p;
	MUTEX m;

	cr_assert_eq(spec_init(s, &m), 0);
	p = peer_start(PEER_SAME_MUTEX, s, &m);
	cr_assert_eq(peer_do(p, LOCK, 0), 0);
	cr_expect_eq(rl_mutex_destroy(&m), EBUSY);
	cr_expect_eq(peer_do(p, UNLOCK, 0), 0);
	cr_expect_eq(rl_mutex_destroy(&m), 0);
	peer_end(p);
}

Test(mutex_object, destroy_is_ebusy_while_this_process_holds_it)
{
	for (int g = RL_GRANULARITY_THREAD; g <= BY_NAME; g++)
		for (int t = RL_MUTEX_NORMAL; t <= RL_MUTEX_REFRESH; t++) {
			struct spec s = { .granularity = g, .type = t };

			spec_fresh(&s);
			while_held(&s);
			while_held_by_a_thread(&s);
		}
}

/* What another one holds goes on. */
Test(mutex_object, destroy_of_a_second_one_of_the_name_leaves_the_hold_alone)
{
	for (int g = RL_GRANULARITY_THREAD; g <= BY_NAME; g++) {
		struct spec s = { .granularity = g };
		MUTEX held, second;

		spec_fresh(&s);
		cr_assert_eq(spec_init(&s, &held), 0);
		cr_assert_eq(spec_init(&s, &second), 0);
		cr_assert_eq(rl_mutex_lock(&held), 0);
		cr_expect_eq(rl_mutex_destroy(&second), 0);
		cr_expect_eq(rl_mutex_destroy(&held), EBUSY);
		cr_expect_eq(rl_mutex_held(&held), 0);
		cr_expect_eq(rl_mutex_unlock(&held), 0);
		cr_expect_eq(rl_mutex_destroy(&held), 0);
	}
}

/* The line has come so far that the server has it. */
Test(mutex_object, destroy_is_ebusy_while_this_process_waits_for_it)
{
	for (int g = RL_GRANULARITY_THREAD; g <= BY_NAME; g++) {
		struct spec s = { .granularity = g };
		struct peer *holder, *waiter;
		MUTEX m;

		spec_fresh(&s);
		cr_assert_eq(spec_init(&s, &m), 0);
		holder = peer_start(PEER_PROCESS, &s, NULL);
		waiter = peer_start(PEER_SAME_MUTEX, &s, &m);
		cr_assert_eq(peer_do(holder, LOCK, 0), 0);
		peer_begin(waiter, LOCK, 0);
		cr_expect(server_info_becomes(srv, "blocked_clients", 1));
		cr_expect_eq(rl_mutex_destroy(&m), EBUSY);
		cr_expect_eq(peer_do(holder, UNLOCK, 0), 0);
		cr_expect_eq(peer_answer(waiter).err, 0);
		cr_expect_eq(peer_do(waiter, UNLOCK, 0), 0);
		cr_expect_eq(rl_mutex_destroy(&m), 0);
		peer_end(holder);
		peer_end(waiter);
	}
}

/* Behind a thread of this process, by another mutex. */
Test(mutex_object, destroy_is_ebusy_while_a_thread_stands_in_line_for_it)
{
	for (int g = RL_GRANULARITY_PROCESS; g <= BY_NAME; g++) {
		struct spec s = { .granularity = g };
		struct peer *waiter;
		MUTEX held, awaited;

		spec_fresh(&s);
		cr_assert_eq(spec_init(&s, &held), 0);
		cr_assert_eq(spec_init(&s, &awaited), 0);
		waiter = peer_start(PEER_SAME_MUTEX, &s, &awaited);
		cr_assert_eq(rl_mutex_lock(&held), 0);
		peer_begin(waiter, LOCK, 0);
		if (peer_stands_in_line(waiter))
			cr_expect_eq(rl_mutex_destroy(&awaited), EBUSY);
		cr_expect_eq(rl_mutex_unlock(&held), 0);
		cr_expect_eq(peer_answer(waiter).err, 0);
		cr_expect_eq(peer_do(waiter, UNLOCK, 0), 0);
		cr_expect_eq(rl_mutex_destroy(&awaited), 0);
		cr_expect_eq(rl_mutex_destroy(&held), 0);
		peer_end(waiter);
	}
}

/* Whoever only holds the same lock by another mutex is no obstacle, nor are
 * other processes. */
Test(mutex_object, destroy_is_0_if_only_others_hold_it)
{
	for (int g = RL_GRANULARITY_THREAD; g <= BY_NAME; g++)
		for (int kind = PEER_OWN_MUTEX; kind < PEER_KINDS; kind++) {
			struct spec s = { .granularity = g };
			struct peer *p;
			MUTEX m;

			spec_fresh(&s);
			cr_assert_eq(spec_init(&s, &m), 0);
			p = peer_start((enum peer_kind)kind, &s, NULL);
			cr_assert_eq(peer_do(p, LOCK, 0), 0);
			cr_expect_eq(rl_mutex_trylock(&m), EBUSY);
			cr_expect_eq(rl_mutex_destroy(&m), 0);
			cr_expect_eq(peer_do(p, HELD, 0), 0);
			cr_expect_eq(peer_do(p, UNLOCK, 0), 0);
			peer_end(p);
		}
}

/* ------------------------------------------------------ static initialisers */

static rl_mutex_t static_normal = RL_MUTEX_INITIALIZER("static");
static rl_mutex_t static_recursive = RL_RECURSIVE_MUTEX_INITIALIZER("deep");
static rl_mutex_t static_errorcheck = RL_ERRORCHECK_MUTEX_INITIALIZER("check");
static rl_mutex_t never_used = RL_MUTEX_INITIALIZER("unused");

Test(mutex_object, static_initialisers_give_the_types)
{
	setenv("RL_SERVERS", srv->urls, 1);
	cr_expect_eq(rl_mutex_lock(&static_normal), 0);
	cr_expect_eq(act_on(&static_normal, TIMEDLOCK, 10), ETIMEDOUT);
	cr_expect_eq(rl_mutex_unlock(&static_normal), 0);
	cr_expect_eq(rl_mutex_lock(&static_recursive), 0);
	cr_expect_eq(rl_mutex_lock(&static_recursive), 0);
	cr_expect_eq(rl_mutex_unlock(&static_recursive), 0);
	cr_expect_eq(rl_mutex_unlock(&static_recursive), 0);
	cr_expect_eq(rl_mutex_lock(&static_errorcheck), 0);
	cr_expect_eq(rl_mutex_lock(&static_errorcheck), EDEADLK);
	cr_expect_eq(rl_mutex_unlock(&static_errorcheck), 0);
	cr_expect_eq(rl_mutex_destroy(&static_normal), 0);
	cr_expect_eq(rl_mutex_lock(&static_normal), EINVAL);
	cr_expect_eq(rl_mutex_destroy(&never_used), 0);
	cr_expect_eq(rl_mutex_lock(&never_used), EINVAL);
}

Test(mutex_object, a_static_one_works_in_a_declaration_and_needs_no_destroy)
{
	MUTEX m = RL_MUTEX_INITIALIZER("declared");

	setenv("RL_SERVERS", srv->urls, 1);
	cr_expect_eq(rl_mutex_locked(&m), 0);
	cr_expect_eq(rl_mutex_trylock(&m), 0);
	cr_expect_eq(server_ask_int(srv, "EXISTS rl:declared"), 1);
	cr_expect_eq(rl_mutex_unlock(&m), 0);
}

Test(mutex_object, a_static_one_with_a_bad_name_is_einval_at_each_use)
{
	MUTEX empty = RL_MUTEX_INITIALIZER("");
	MUTEX null = RL_MUTEX_INITIALIZER(NULL);
	MUTEX brace = RL_MUTEX_INITIALIZER("a}b");

	setenv("RL_SERVERS", srv->urls, 1);
	for (int i = 0; i < 2; i++) {
		cr_expect_eq(rl_mutex_lock(&empty), EINVAL);
		cr_expect_eq(rl_mutex_trylock(&null), EINVAL);
		cr_expect_eq(rl_mutex_locked(&brace), EINVAL);
	}
}

static rl_mutex_t raced = RL_MUTEX_INITIALIZER("raced");

static int use_first(struct proc *self, void *arg)
{
	(void)arg;
	proc_hear(self);
	for (int i = 0; i < 20; i++) {
		PROC_CHECK(rl_mutex_lock(&raced) == 0);
		PROC_CHECK(rl_mutex_unlock(&raced) == 0);
	}
	return 0;
}

Test(mutex_object, many_threads_may_use_a_static_one_first)
{
	struct proc *p[8];

	setenv("RL_SERVERS", srv->urls, 1);
	setenv("RL_GRANULARITY", "process", 1);
	for (int i = 0; i < 8; i++)
		p[i] = proc_start(PROC_THREAD, use_first, NULL);
	for (int i = 0; i < 8; i++)
		proc_tell(p[i], 0);
	for (int i = 0; i < 8; i++)
		cr_expect_eq(proc_join(p[i]), 0);
	cr_expect_eq(rl_mutex_destroy(&raced), 0);
}

/* ------------------------------------------- an attribute object as factory */

Test(mutex_object, one_attribute_object_makes_many_mutexes)
{
	struct spec s = { .type = RL_MUTEX_ERRORCHECK };
	rl_mutexattr_t attr;
	rl_mutex_t m[20];
	char name[16];

	cr_assert_eq(spec_attr(&s, &attr), 0);
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "made-%d", i);
		cr_assert_eq(rl_mutex_init(&m[i], name, &attr), 0);
		cr_expect_eq(rl_mutex_lock(&m[i]), 0);
	}
	/* One connection of this thread, one of the keeper at most. */
	cr_expect_leq(server_info(srv, "connected_clients"), 3);
	cr_assert_eq(rl_mutexattr_settype(&attr, RL_MUTEX_RECURSIVE), 0);
	cr_assert_eq(rl_mutexattr_destroy(&attr), 0);
	for (int i = 0; i < 20; i++) {
		cr_expect_eq(rl_mutex_lock(&m[i]), EDEADLK);
		cr_expect_eq(rl_mutex_unlock(&m[i]), 0);
		cr_expect_eq(rl_mutex_destroy(&m[i]), 0);
	}
}

Test(mutex_object, name_and_attributes_are_copied)
{
	struct spec s = { .granularity = BY_NAME };
	rl_mutexattr_t attr;
	char name[] = "first";
	MUTEX m;

	cr_assert_eq(spec_attr(&s, &attr), 0);
	cr_assert_eq(rl_mutexattr_setprefix(&attr, "p:"), 0);
	cr_assert_eq(rl_mutex_init(&m, name, &attr), 0);
	cr_assert_eq(rl_mutexattr_setprefix(&attr, "q:"), 0);
	cr_assert_eq(rl_mutexattr_setowner(&attr, "somebody else"), 0);
	cr_assert_eq(rl_mutexattr_destroy(&attr), 0);
	strcpy(name, "after");
	cr_expect_eq(rl_mutex_lock(&m), 0);
	cr_expect_eq(server_ask_int(srv, "EXISTS p:first"), 1);
	cr_expect_str_eq(act_full(&m, OWNER, 0).text, "name:the owner");
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	cr_expect_eq(rl_mutex_destroy(&m), 0);
}
