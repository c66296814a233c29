/*
 * Real servers that answer with an error: which errno it becomes, what
 * rl_last_error() says, and that all is well when the cause is gone.
 */
#include "faults/faults.h"
#include "support/proc.h"

static struct server *srv;
static rl_mutex_t m, rival;

static void start(const struct server_options *options)
{
	srv = server_start(options);
	make(&rival, &(struct want){ .url = srv->url, .owner = "rival",
				     .robust = true });
}

static void start_with(const char *config)
{
	start(&(struct server_options){ .config = config });
}

static void start_and_use(const char *config)
{
	start_with(config);
	make(&m, &(struct want){ .url = srv->url, .robust = true,
				 .options = "outage_timeout=500&"
					    "command_timeout=5000" });
}

static void stop(void)
{
	server_stop(srv);
}

TestSuite(faults_refused, .fini = stop);

/* Every call asks, and every call is refused. */
static void expect_all(int err, const char *what)
{
	char owner[1200];

	cr_expect_eq(rl_mutex_trylock(&m), err, "%s", rl_last_error());
	expect_said(srv, what);
	cr_expect_eq(rl_mutex_lock(&m), err);
	expect_said(srv, what);
	cr_expect_eq(timedlock_ms(&m, 100), err == ENOLCK ? ETIMEDOUT : err);
	expect_said(srv, what);
	cr_expect_eq(rl_mutex_unlock(&m), EPERM);
	cr_expect_eq(rl_mutex_locked(&m), err);
	expect_said(srv, what);
	cr_expect_eq(rl_mutex_held(&m), err);
	cr_expect_eq(rl_mutex_owner(&m, owner, sizeof(owner)), err);
	cr_expect_eq(rl_mutex_reset(&m), err);
	expect_said(srv, what);
}

static void expect_recovers(void)
{
	cr_expect_eq(rl_mutex_lock(&m), 0, "%s", rl_last_error());
	cr_expect_eq(rl_mutex_unlock(&m), 0, "%s", rl_last_error());
	cr_expect(is_free(srv, NULL));
}

/* -------------------------------------------------------- users, passwords */

static void use(const char *userinfo, const char *options)
{
	char url[300];

	snprintf(url, sizeof(url), "unix://%s%s", userinfo, srv->addr.path);
	make(&m, &(struct want){ .url = url, .options = options });
}

Test(faults_refused, no_password_is_eacces)
{
	start(&(struct server_options){ .password = "sesame-9" });
	use("", NULL);
	/* NOAUTH, or for a long command "Protocol error: unauthenticated". */
	expect_all(EACCES, "uthenticat");
	server_ask(srv, "CONFIG SET requirepass %s", "");
	expect_recovers();
}

Test(faults_refused, a_wrong_password_is_eacces_and_is_not_told)
{
	start(&(struct server_options){ .password = "sesame-9" });
	use(":wrong-8@", NULL);
	expect_all(EACCES, "WRONGPASS");
	cr_expect_not(strstr(rl_last_error(), "wrong-8"));
	server_ask(srv, "CONFIG SET requirepass wrong-8");
	expect_recovers();
}

Test(faults_refused, a_password_that_nobody_asked_for_is_eacces)
{
	start_with(NULL);
	use(":wrong-8@", NULL);
	expect_all(EACCES, "AUTH");
	cr_expect_not(strstr(rl_last_error(), "wrong-8"));
}

Test(faults_refused, an_unknown_user_is_eacces)
{
	start_with("user u on >sesame-9 ~* &* +@all");
	use("v:sesame-9@", NULL);
	expect_all(EACCES, "WRONGPASS");
	cr_expect_not(strstr(rl_last_error(), "sesame-9"));
	server_ask(srv, "ACL SETUSER v on >sesame-9 ~* +@all");
	expect_recovers();
}

/* A server repeats the arguments of a command that it does not know. */
Test(faults_refused, a_password_that_the_server_repeats_is_not_told)
{
	start_with("rename-command AUTH \"\"");
	use("somebody:sesame-9@", NULL);
	expect_all(EACCES, "AUTH");
	cr_expect_not(strstr(rl_last_error(), "sesame-9"), "'%s'",
		      rl_last_error());
}

Test(faults_refused, a_command_that_was_taken_away_is_eacces)
{
	start_and_use("rename-command EVALSHA \"\"");
	expect_all(EACCES, "unknown command");
}

Test(faults_refused, a_user_without_the_commands_is_eacces)
{
	start_with("user u on >p ~* &* +@all -@scripting");
	use("u:p@", NULL);
	expect_all(EACCES, "NOPERM");
	server_ask(srv, "ACL SETUSER u +@all");
	expect_recovers();
}

Test(faults_refused, a_user_without_the_keys_is_eacces)
{
	start_with("user u on >p ~other:* &* +@all");
	use("u:p@", NULL);
	expect_all(EACCES, "NOPERM");
	server_ask(srv, "ACL SETUSER u ~*");
	expect_recovers();
}

Test(faults_refused, a_user_whose_scripts_may_not_write_is_eacces)
{
	start_with("user u on >p ~* &* +@all -set -hincrby -del");
	use("u:p@", NULL);
	cr_expect_eq(rl_mutex_trylock(&m), EACCES, "%s", rl_last_error());
	expect_said(srv, "user");
	cr_expect_eq(rl_mutex_reset(&m), EACCES, "%s", rl_last_error());
	server_ask(srv, "ACL SETUSER u +@all");
	expect_recovers();
}

Test(faults_refused, a_user_who_may_not_wait_is_eacces)
{
	start_with("user u on >p ~* &* +@all -blpop");
	use("u:p@", NULL);
	expect_recovers();
	cr_assert_eq(rl_mutex_lock(&rival), 0);
	cr_expect_eq(rl_mutex_lock(&m), EACCES);
	expect_said(srv, "NOPERM");
	cr_expect_eq(rl_mutex_trylock(&m), EBUSY);
	cr_assert_eq(rl_mutex_unlock(&rival), 0);
}

Test(faults_refused, a_database_that_is_not_there_is_an_error)
{
	start_with(NULL);
	use("", "db=99");
	cr_expect_eq(rl_mutex_lock(&m), EPROTO);
	expect_said(srv, "DB index");
}

/* --------------------------------------------------- cannot serve just now */

Test(faults_refused, a_replica_is_enolck)
{
	start_and_use(NULL);
	cr_assert_eq(rl_mutex_lock(&m), 0);
	server_ask(srv, "REPLICAOF 127.0.0.1 1");
	cr_expect_eq(rl_mutex_refresh(&m), ENOLCK);
	expect_said(srv, "READONLY");
	cr_expect_eq(rl_mutex_unlock(&m), ENOLCK);
	expect_said(srv, "READONLY");
	cr_expect_eq(rl_mutex_trylock(&m), ENOLCK);
	expect_said(srv, "READONLY");
	cr_expect_eq(rl_mutex_lock(&m), ENOLCK);
	expect_said(srv, "READONLY");
	server_ask(srv, "REPLICAOF NO ONE");
	server_ask(srv, "DEL %s", key(NULL));
	cr_expect_eq(rl_mutex_lock(&m), EOWNERDEAD);
}

/* Takes memory away until nothing may be added. */
static void fill_up(void)
{
	cr_assert_str_eq(server_ask(srv, "CONFIG SET maxmemory 1"), "OK");
}

static void empty_out(void)
{
	server_ask(srv, "CONFIG SET maxmemory 0");
}

Test(faults_refused, out_of_memory_is_enolck_and_unlocks_all_the_same)
{
	start_and_use(NULL);
	cr_assert_eq(rl_mutex_lock(&m), 0);
	fill_up();
	cr_expect_eq(rl_mutex_refresh(&m), 0, "%s", rl_last_error());
	cr_expect_eq(rl_mutex_held(&m), 0);
	cr_expect_eq(rl_mutex_unlock(&m), 0, "%s", rl_last_error());
	cr_expect(is_free(srv, NULL));
	cr_expect_eq(rl_mutex_trylock(&m), ENOLCK);
	expect_said(srv, "OOM");
	cr_expect_eq(rl_mutex_lock(&m), ENOLCK);
	expect_said(srv, "OOM");
	cr_expect_eq(timedlock_ms(&m, 100), ETIMEDOUT);
	expect_said(srv, "OOM");
	empty_out();
	expect_recovers();
}

static int waiter(struct proc *self, void *arg)
{
	int err = rl_mutex_lock(&m);

	(void)arg;
	PROC_CHECK(err == 0 || err == EOWNERDEAD);
	proc_tell(self, 1);
	proc_hear(self);
	PROC_CHECK(rl_mutex_unlock(&m) == 0);
	return 0;
}

static bool has_waiter(void *arg)
{
	(void)arg;
	return server_info(srv, "blocked_clients") == 1;
}

Test(faults_refused, out_of_memory_does_not_stop_a_hand_off)
{
	struct proc *p;

	start_and_use(NULL);
	cr_assert_eq(rl_mutex_lock(&rival), 0);
	p = proc_start(PROC_THREAD, waiter, NULL);
	cr_assert(wait_until(has_waiter, NULL, WAIT_MS));
	fill_up();
	cr_expect_eq(rl_mutex_unlock(&rival), 0, "%s", rl_last_error());
	/* Not by the question of a second later. */
	cr_expect(!is_free(srv, NULL));
	cr_expect(proc_heard(p, WAIT_MS));
	proc_tell(p, 1);
	cr_expect_eq(proc_join(p), 0);
	empty_out();
}

Test(faults_refused, out_of_memory_does_not_stop_the_question)
{
	struct proc *p;

	start_and_use(NULL);
	cr_assert_eq(rl_mutex_lock(&rival), 0);
	p = proc_start(PROC_THREAD, waiter, NULL);
	cr_assert(wait_until(has_waiter, NULL, WAIT_MS));
	fill_up();
	server_ask(srv, "DEL %s", key(NULL));
	cr_expect(proc_heard(p, WAIT_MS / 2));
	proc_tell(p, 1);
	cr_expect_eq(proc_join(p), 0);
	empty_out();
}

Test(faults_refused, out_of_memory_does_not_stop_mending)
{
	start_and_use(NULL);
	cr_assert_eq(rl_mutex_lock(&rival), 0);
	server_ask(srv, "DEL %s", key(NULL));
	cr_assert_eq(rl_mutex_lock(&m), EOWNERDEAD);
	fill_up();
	cr_expect_eq(rl_mutex_consistent(&m), 0, "%s", rl_last_error());
	cr_expect_eq(rl_mutex_unlock(&m), 0, "%s", rl_last_error());
	cr_expect_eq(rl_mutex_reset(&m), 0, "%s", rl_last_error());
	empty_out();
	expect_recovers();
}

static bool is_loading(void *arg)
{
	redisContext *c = redisConnectUnix(srv->addr.path);
	redisReply *r = c && !c->err ? redisCommand(c, "GET x") : NULL;
	bool loading = r && !strncmp(r->str, "LOADING", 7);

	(void)arg;
	freeReplyObject(r);
	redisFree(c);
	return loading;
}

Test(faults_refused, a_server_that_loads_its_data_is_enolck)
{
	static const char *const fill = "for i = 1, 3000 do redis.call('SET', "
		"'filler:' .. i, string.rep('.', 96)) end";

	srv = server_start(&(struct server_options){
		.config = "key-load-delay 500\nrdbcompression no\n"
			  "loading-process-events-interval-bytes 1024" });
	make(&m, &(struct want){ .url = srv->url, .robust = true,
				 .options = "outage_timeout=500&"
					    "command_timeout=5000" });
	server_ask(srv, "EVAL %s 0", fill);
	cr_assert_str_eq(server_ask(srv, "SAVE"), "OK");
	server_resurrect(srv, true);
	cr_assert(wait_until(is_loading, NULL, WAIT_MS));
	expect_all(ENOLCK, "LOADING");
	server_wait_ready(srv);
	expect_recovers();
}

static void kill_script(void)
{
	redisContext *c = redisConnectUnix(srv->addr.path);

	cr_assert(c && !c->err);
	freeReplyObject(redisCommand(c, "SCRIPT KILL"));
	redisFree(c);
}

Test(faults_refused, a_server_busy_with_a_script_is_enolck)
{
	redisContext *c;
	int done = 0;

	start_and_use("busy-reply-threshold 20");
	expect_recovers();
	c = server_connect(srv);
	cr_assert(c);
	redisAppendCommand(c, "EVAL %s 0", "while true do end");
	while (!done)
		cr_assert_eq(redisBufferWrite(c, &done), REDIS_OK);
	/* Until the threshold it is silent, then it says so when it can. */
	cr_expect_eq(rl_mutex_lock(&m), ENOLCK);
	cr_expect_eq(rl_mutex_trylock(&m), ENOLCK);
	expect_said(srv, "BUSY");
	cr_expect_eq(rl_mutex_locked(&m), ENOLCK);
	expect_said(srv, "BUSY");
	kill_script();
	redisFree(c);
	expect_recovers();
}

Test(faults_refused, too_many_clients_is_enolck)
{
	redisContext *c;

	start_and_use(NULL);
	c = server_connect(srv);
	cr_assert(c);
	freeReplyObject(redisCommand(c, "CONFIG SET maxclients 1"));
	cr_expect_eq(rl_mutex_trylock(&m), ENOLCK);
	expect_said(srv, "max number of clients");
	cr_expect_eq(rl_mutex_lock(&m), ENOLCK);
	expect_said(srv, "max number of clients");
	cr_expect_eq(timedlock_ms(&m, 100), ETIMEDOUT);
	expect_said(srv, "max number of clients");
	freeReplyObject(redisCommand(c, "CONFIG SET maxclients 100"));
	redisFree(c);
	expect_recovers();
}

