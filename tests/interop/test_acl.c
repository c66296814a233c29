/* A user with the rights of docs/acl.md, and with each of them missing. */
#include "mutex/peer.h"

#define RIGHTS_MAX 64

static char text[8192];			/* of docs/acl.md */
static char *rights[RIGHTS_MAX];	/* words of its ACL SETUSER, in text */
static int n_rights;

static struct spec spec;
static rl_mutex_t m;
static struct peer *p;
static bool exact;	/* whatever is not as expected is a failure */
static bool refused;	/* a call said so; the rest is left out then */

/* ------------------------------------------------------------------ rights */

static void read_rights(void)
{
	FILE *f = fopen(RL_DOCS_DIR "/acl.md", "r");
	char *line, *end, *word;
	size_t n;

	TEST_MUST(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	line = strstr(text, "ACL SETUSER");
	TEST_MUST(line);
	end = strstr(line, "\n\n");
	TEST_MUST(end);
	*end = '\0';
	n_rights = 0;
	for (word = strtok(line, " \n"); word; word = strtok(NULL, " \n")) {
		TEST_MUST(n_rights < RIGHTS_MAX);
		rights[n_rights++] = word;
	}
}

/* Make the user anew, with all rights but one (or -1), and more. */
static void set_user(int without, const char *more)
{
	redisContext *c = server_connect(srv);
	const char *argv[RIGHTS_MAX + 2];
	redisReply *reply;
	int n = 0;

	TEST_MUST(c);
	for (int i = 0; i < n_rights; i++)
		if (i != without)
			argv[n++] = rights[i];
	argv[n++] = more ? more : "on";
	reply = redisCommandArgv(c, n, argv, NULL);
	TEST_MUST(reply && reply->type == REDIS_REPLY_STATUS);
	freeReplyObject(reply);
	redisFree(c);
}

static void become_the_user(const char *options)
{
	snprintf(srv->urls, sizeof(srv->urls), "unix://%s:%s@%s%s", rights[2],
		 "PASSWORD", srv->addr.path, options);
}

static void setup(void)
{
	lock_setup();
	read_rights();
	set_user(-1, NULL);
	become_the_user("");
	spec = (struct spec){ .robust = RL_MUTEX_ROBUST };
	spec_fresh(&spec);
	exact = true;
}

static void teardown(void)
{
	if (p)
		peer_end(p);
	lock_teardown();
}

TestSuite(acl, .init = setup, .fini = teardown);

/* ------------------------------------------------------------ every call */

static void expect(int got, int want, const char *what)
{
	/* ENOLCK: an unlock that the servers could not be told. */
	if (got == EACCES || got == ENOLCK)
		refused = true;
	if (exact)
		cr_expect_eq(got, want, "%s: %s", what, strerror(got));
}

static void i(enum act act, int want)
{
	if (!refused)
		expect(act_on(&m, act, act == EXTEND ? 9000 : 20), want,
		       act_names[act]);
}

static void it(enum act act, int want)
{
	if (!refused)
		expect(peer_do(p, act, act == EXTEND ? 9000 : 20), want,
		       act_names[act]);
}

static void use_and_ask(void)
{
	i(LOCK, 0);
	i(REFRESH, 0);
	i(EXTEND, 0);
	i(HELD, 0);
	i(LOCKED, EBUSY);
	i(OWNER, 0);
	i(UNLOCK, 0);
}

/* From one who waited in vain there is a hand-off that nobody takes. */
static void hand_off(void)
{
	i(LOCK, 0);
	it(TIMEDLOCK, ETIMEDOUT);
	i(UNLOCK, 0);
	i(TRYLOCK, 0);
	i(RESET, 0);
	i(RESET, 0);
	i(UNLOCK, ESTALE);
	i(TRYLOCK, 0);
	i(UNLOCK, 0);
}

static void lose_the_owner(void)
{
	server_ask(srv, "DEL rl:%s", spec.name);
}

static void die_and_mend(void)
{
	i(LOCK, 0);
	lose_the_owner();
	it(LOCK, EOWNERDEAD);
	it(CONSISTENT, 0);
	i(UNLOCK, ESTALE);
	lose_the_owner();
	i(LOCK, EOWNERDEAD);
	i(UNLOCK, 0);
	it(UNLOCK, ESTALE);
	i(LOCK, ENOTRECOVERABLE);
	i(RESET, 0);
}

static void use_everything(void)
{
	refused = false;
	server_ask(srv, "FLUSHALL");
	server_ask(srv, "SCRIPT FLUSH");
	use_and_ask();
	hand_off();
	server_ask(srv, "FLUSHALL");
	die_and_mend();
}

static void begin(void)
{
	p = peer_start(PEER_PROCESS, &spec, NULL);
	cr_assert_eq(spec_init(&spec, &m), 0);
}

Test(acl, what_the_manual_says_is_enough)
{
	begin();
	use_everything();
	cr_expect_str_eq(server_ask(srv, "ACL LOG"), "");
}

Test(acl, what_the_manual_says_is_needed)
{
	begin();
	exact = false;
	for (int k = 0; k < n_rights; k++) {
		if (rights[k][0] != '+' && rights[k][0] != '~')
			continue;
		if (!strcmp(rights[k], "+ping"))
			continue;
		set_user(k, NULL);
		use_everything();
		cr_expect(refused, "%s is not needed", rights[k]);
		set_user(-1, NULL);
		/* What was begun and could not be ended. */
		rl_mutex_unlock(&m);
		peer_do(p, UNLOCK, 0);
	}
	exact = true;
	use_everything();
}

Test(acl, ping_is_not_missed)
{
	for (int k = 0; k < n_rights; k++)
		if (!strcmp(rights[k], "+ping"))
			set_user(k, NULL);
	begin();
	use_everything();
}

Test(acl, another_database_needs_select)
{
	struct answer a;

	become_the_user("?db=3");
	begin();
	i(TRYLOCK, EACCES);
	refused = false;
	cr_expect(strstr(rl_last_error(), "NOPERM"), "%s", rl_last_error());
	cr_expect(!strstr(rl_last_error(), "PASSWORD"));
	set_user(-1, "+select");
	use_and_ask();
	a = peer_ask(p, LOCKED, 0);
	cr_expect_eq(a.err, 0);
}

Test(acl, reset_all_needs_scan)
{
	rl_mutexattr_t attr;
	size_t n = 0;

	begin();
	cr_assert_eq(spec_attr(&spec, &attr), 0);
	i(LOCK, 0);
	expect(rl_reset_all(&attr, &n), EACCES, "without +scan");
	refused = false;
	set_user(-1, "+scan");
	expect(rl_reset_all(&attr, &n), 0, "with +scan");
	cr_expect_eq(n, 1);
	i(UNLOCK, ESTALE);
	rl_mutexattr_destroy(&attr);
}

Test(acl, other_prefixes_are_refused)
{
	setenv("RL_PREFIX", "other:", 1);
	begin();
	i(LOCK, EACCES);
	cr_expect(strstr(rl_last_error(), "NOPERM"), "%s", rl_last_error());
	cr_expect_eq(server_ask_int(srv, "DBSIZE"), 0);
	refused = false;
	i(LOCKED, EACCES);
	refused = false;
	i(RESET, EACCES);
}

Test(acl, a_hash_tag_of_ones_own_needs_nothing_more)
{
	snprintf(spec.name, sizeof(spec.name), "{shop}:orders");
	begin();
	use_everything();
}
