/* What owners are called, and what rl_mutex_owner() says. */
#include <regex.h>
#include <unistd.h>

#include "peer.h"

TestSuite(mutex_owner, .init = lock_setup, .fini = lock_teardown);

#define HOST "[^#/[:space:]]+"
#define PROC HOST "/[0-9]+\\.[0-9]+"

static const char *const forms[] = {
	"^thrd:" PROC "/[0-9]+\\.[0-9]+$",
	"^proc:" PROC "$",
	"^host:" HOST "$",
	"^name:the owner$",
};

static bool matches(const char *text, const char *form)
{
	regex_t re;
	bool match;

	TEST_MUST(!regcomp(&re, form, REG_EXTENDED | REG_NOSUB));
	match = !regexec(&re, text, 0, NULL, 0);
	regfree(&re);
	return match;
}

static void setup_lock(struct spec *s, rl_mutex_t *m, int granularity)
{
	*s = (struct spec){ .granularity = granularity };
	spec_fresh(s);
	cr_assert_eq(spec_init(s, m), 0);
}

static void expect_form(int granularity)
{
	struct answer a;
	struct spec s;
	MUTEX m;

	setup_lock(&s, &m, granularity);
	cr_expect_eq(act_on(&m, OWNER, 0), ENOENT);
	cr_assert_eq(rl_mutex_lock(&m), 0);
	a = act_full(&m, OWNER, 0);
	cr_expect_eq(a.err, 0);
	cr_expect(matches(a.text, forms[granularity]), "%s", a.text);
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	cr_expect_eq(act_on(&m, OWNER, 0), ENOENT);
}

Test(mutex_owner, ids_have_the_documented_form)
{
	for (int g = RL_GRANULARITY_THREAD; g <= BY_NAME; g++)
		expect_form(g);
}

/* Field 22 of /proc/self/stat, counted from behind the program's name. */
static unsigned long long start_of_process(void)
{
	char stat[1024] = "", *field;
	FILE *f = fopen("/proc/self/stat", "r");

	TEST_MUST(f && fread(stat, 1, sizeof(stat) - 1, f) > 0);
	fclose(f);
	field = strrchr(stat, ')') + 1;
	for (int i = 3; i <= 22; i++)
		field = strchr(field, ' ') + 1;
	return strtoull(field, NULL, 10);
}

Test(mutex_owner, ids_hold_the_pid_its_start_and_the_tid)
{
	char expected[120];
	struct spec s;
	MUTEX m;

	setenv("RL_HOST_ID", "h", 1);
	setup_lock(&s, &m, RL_GRANULARITY_THREAD);
	cr_assert_eq(rl_mutex_lock(&m), 0);
	snprintf(expected, sizeof(expected), "thrd:h/%d.%llu/%d.",
		 (int)getpid(), start_of_process(), (int)gettid());
	cr_expect_eq(strncmp(act_full(&m, OWNER, 0).text, expected,
			     strlen(expected)), 0, "%s", expected);
	cr_expect_eq(rl_mutex_unlock(&m), 0);
}

Test(mutex_owner, rl_host_id_is_the_host)
{
	struct answer a;
	struct spec s;
	MUTEX m, by_process;

	setenv("RL_HOST_ID", "my-machine.7", 1);
	setup_lock(&s, &m, RL_GRANULARITY_HOST);
	cr_assert_eq(rl_mutex_lock(&m), 0);
	a = act_full(&m, OWNER, 0);
	cr_expect_str_eq(a.text, "host:my-machine.7");
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	setup_lock(&s, &by_process, RL_GRANULARITY_PROCESS);
	cr_assert_eq(rl_mutex_lock(&by_process), 0);
	a = act_full(&by_process, OWNER, 0);
	cr_expect_eq(strncmp(a.text, "proc:my-machine.7/", 18), 0, "%s",
		     a.text);
}

static int try_on_another_host(struct proc *self, void *arg)
{
	MUTEX m;

	(void)self;
	setenv("RL_HOST_ID", "another-machine", 1);
	PROC_CHECK(spec_init(arg, &m) == 0);
	PROC_CHECK(rl_mutex_held(&m) == EPERM);
	PROC_CHECK(rl_mutex_unlock(&m) == EPERM);
	PROC_CHECK(rl_mutex_trylock(&m) == EBUSY);
	return 0;
}

/* The process that asks has never used rl, so nothing is remembered. */
Test(mutex_owner, another_host_is_another_owner)
{
	struct spec s = { .granularity = RL_GRANULARITY_HOST };
	struct peer *holder;
	struct proc *p;

	spec_fresh(&s);
	holder = peer_start(PEER_PROCESS, &s, NULL);
	cr_assert_eq(peer_do(holder, LOCK, 0), 0);
	p = proc_start(PROC_PROCESS, try_on_another_host, &s);
	cr_expect_eq(proc_join(p), 0);
	cr_expect_eq(peer_do(holder, UNLOCK, 0), 0);
	peer_end(holder);
}

Test(mutex_owner, a_bad_rl_host_id_is_einval)
{
	static const char *const bad[] = { "", "a b", "a/b", "a#b", "a\nb" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct spec s = { .granularity = RL_GRANULARITY_HOST };
		MUTEX m;

		spec_fresh(&s);
		setenv("RL_HOST_ID", bad[i], 1);
		cr_expect_eq(spec_init(&s, &m), EINVAL, "'%s'", bad[i]);
	}
}

Test(mutex_owner, each_thread_and_process_has_an_id_of_its_own)
{
	struct answer a[4];
	struct spec s;
	MUTEX m;

	setup_lock(&s, &m, RL_GRANULARITY_THREAD);
	cr_assert_eq(rl_mutex_lock(&m), 0);
	a[3] = act_full(&m, OWNER, 0);
	cr_assert_eq(rl_mutex_unlock(&m), 0);
	for (int kind = 0; kind < PEER_KINDS; kind++) {
		struct peer *p = peer_start((enum peer_kind)kind, &s, &m);

		cr_assert_eq(peer_do(p, LOCK, 0), 0);
		a[kind] = peer_ask(p, OWNER, 0);
		cr_assert_eq(peer_do(p, UNLOCK, 0), 0);
		peer_end(p);
	}
	for (int i = 0; i < 4; i++)
		for (int j = 0; j < i; j++)
			cr_expect_str_neq(a[i].text, a[j].text);
}

/* K holds the id and a nonce, and each hold has its own. */
Test(mutex_owner, each_hold_adds_a_nonce)
{
	char first[1300], id[1300];
	struct spec s;
	MUTEX m;

	setup_lock(&s, &m, RL_GRANULARITY_PROCESS);
	cr_assert_eq(rl_mutex_lock(&m), 0);
	strcpy(id, act_full(&m, OWNER, 0).text);
	strcpy(first, server_ask(srv, "GET rl:%s", s.name));
	cr_expect_eq(strncmp(first, id, strlen(id)), 0);
	cr_expect_eq(first[strlen(id)], '#', "%s", first);
	cr_assert_eq(rl_mutex_unlock(&m), 0);
	cr_assert_eq(rl_mutex_lock(&m), 0);
	cr_expect_str_neq(server_ask(srv, "GET rl:%s", s.name), first);
	cr_expect_str_eq(act_full(&m, OWNER, 0).text, id);
	cr_assert_eq(rl_mutex_unlock(&m), 0);
}

Test(mutex_owner, an_owner_name_may_hold_hashes_and_slashes)
{
	struct spec s = { .granularity = BY_NAME, .owner = "a#b/c#0123" };
	MUTEX m;

	spec_fresh(&s);
	cr_assert_eq(spec_init(&s, &m), 0);
	cr_assert_eq(rl_mutex_lock(&m), 0);
	cr_expect_str_eq(act_full(&m, OWNER, 0).text, "name:a#b/c#0123");
	cr_expect_eq(rl_mutex_held(&m), 0);
	cr_expect_eq(rl_mutex_unlock(&m), 0);
}

Test(mutex_owner, of_a_foreign_client_is_its_whole_value)
{
	struct spec s;
	MUTEX m;

	setup_lock(&s, &m, RL_GRANULARITY_THREAD);
	server_ask(srv, "SET rl:%s %s NX PX 60000", s.name, "5f3a-foreign#1");
	cr_expect_str_eq(act_full(&m, OWNER, 0).text, "5f3a-foreign#1");
	cr_expect_eq(rl_mutex_trylock(&m), EBUSY);
	cr_expect_eq(rl_mutex_held(&m), EPERM);
}

Test(mutex_owner, a_buffer_that_is_too_small_is_erange_and_unchanged)
{
	struct spec s = { .granularity = BY_NAME, .owner = "me" };
	char buf[8] = "before";
	MUTEX m;

	spec_fresh(&s);
	cr_assert_eq(spec_init(&s, &m), 0);
	cr_assert_eq(rl_mutex_lock(&m), 0);
	cr_expect_eq(rl_mutex_owner(&m, buf, 0), ERANGE);
	cr_expect_eq(rl_mutex_owner(&m, buf, 7), ERANGE);
	cr_expect_str_eq(buf, "before");
	cr_expect_eq(rl_mutex_owner(&m, buf, 8), 0);
	cr_expect_str_eq(buf, "name:me");
	cr_expect_eq(rl_mutex_owner(&m, NULL, 8), EINVAL);
}
