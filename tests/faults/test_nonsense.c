/*
 * A peer that is no Redis server, or a broken one: what it says is refused
 * with EPROTO, what it leaves unsaid is ENOLCK, and nothing hangs or crashes.
 */
#include <stdatomic.h>

#include "faults/faults.h"
#include "support/fake.h"
#include "support/proc.h"

#define NESTED "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n"
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *patience = "command_timeout=5000";

static void be_impatient(void)
{
	patience = "command_timeout=150&connect_timeout=150&outage_timeout=300";
}

static void use(rl_mutex_t *m, const struct fake *f)
{
	make(m, &(struct want){ .url = f->url, .options = patience });
}

/* What trylock says when the first request is answered so, and then silence. */
static int answered(const char *text, size_t len, const char **message)
{
	struct fake_step script[] = {
		{ FAKE_ACCEPT, NULL, 0 },
		{ FAKE_COMMAND, "EVALSHA", 0 },
		{ FAKE_SEND, text, len },
	};
	struct fake *f = fake_start(script, COUNT(script), false);
	rl_mutex_t m;
	int err;

	use(&m, f);
	err = rl_mutex_trylock(&m);
	*message = rl_last_error();
	if (err)
		cr_expect(strstr(*message, f->addr.path), "%s", *message);
	if (err)
		cr_expect_eq(rl_mutex_unlock(&m), EPERM);
	cr_expect_eq(rl_mutex_destroy(&m), 0);
	fake_stop(f);
	return err;
}

static void expect_answer_is(const char *text, size_t len, int wanted)
{
	const char *message;
	int err = answered(text, len, &message);

	cr_expect_eq(err, wanted, "'%.60s': %d, %s", text, err, message);
}

Test(faults_nonsense, what_is_no_answer_is_eproto)
{
	static const char *const answers[] = {
		"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
		"SSH-2.0-OpenSSH_9.2\r\n",
		"ERROR\r\n",
		"\r\n",
		"+OK\r\n",
		"+\r\n",
		"$-1\r\n",
		"$0\r\n\r\n",
		"$3\r\nabc\r\n",
		"$-7\r\n",
		"$99999999999999999999\r\n",
		":\r\n",
		":abc\r\n",
		":0\r\n",
		":-5\r\n",
		"*-1\r\n",
		"*0\r\n",
		"*1\r\n:1\r\n",
		"*1\r\n:9\r\n",
		"*1\r\n:4\r\n",
		"*3\r\n:1\r\n:0\r\n:0\r\n",
		"*3\r\n:1\r\n:-3\r\n:0\r\n",
		"*3\r\n:77\r\n:1\r\n:0\r\n",
		"*2\r\n$1\r\na\r\n$1\r\nb\r\n",
		/* Deeper than the parser goes. */
		NESTED NESTED NESTED ":1\r\n",
		"-\r\n",
		"-ERR no such thing\r\n",
		"-WRONGTYPE Operation against a key\r\n",
	};
	size_t i;

	for (i = 0; i < COUNT(answers); i++)
		expect_answer_is(answers[i], 0, EPROTO);
	expect_answer_is("\0\0\0\0\r\n", 6, EPROTO);
	expect_answer_is("\xff\xfe\x00\x80", 4, EPROTO);
	expect_answer_is("\x16\x03\x01\x00\xa5\x01", 6, EPROTO);
}

Test(faults_nonsense, half_an_answer_and_then_silence_is_enolck)
{
	static const char *const answers[] = {
		":12", "*3\r\n:1\r\n:5\r\n", "*2147483647\r\n", "$10\r\nabc",
		"$536870000\r\nabc", "-", "+OK\r", "*", "-LOADING",
	};
	size_t i;

	be_impatient();
	for (i = 0; i < COUNT(answers); i++)
		expect_answer_is(answers[i], 0, ENOLCK);
}

Test(faults_nonsense, what_servers_say_when_they_cannot_is_enolck)
{
	static const char *const answers[] = {
		"-LOADING Redis is loading the dataset in memory\r\n",
		"-BUSY Redis is busy running a script\r\n",
		"-MISCONF Redis is configured to save RDB snapshots\r\n",
		"-MASTERDOWN Link with MASTER is down\r\n",
		"-NOREPLICAS Not enough good replicas to write.\r\n",
		"-CLUSTERDOWN The cluster is down\r\n",
		"-MOVED 866 127.0.0.1:7001\r\n",
		"-ASK 866 127.0.0.1:7001\r\n",
		"-TRYAGAIN Multiple keys request\r\n",
		"-READONLY You can't write against a read only replica.\r\n",
		"-OOM command not allowed\r\n",
		"-ERR max number of clients reached\r\n",
		("-ERR Error running script (call to f_12): @user_script:7: "
		 "-OOM command not allowed\r\n"),
	};
	size_t i;

	for (i = 0; i < COUNT(answers); i++)
		expect_answer_is(answers[i], 0, ENOLCK);
}

Test(faults_nonsense, what_servers_say_when_they_refuse_is_eacces)
{
	static const char *const answers[] = {
		"-NOAUTH Authentication required.\r\n",
		"-WRONGPASS invalid username-password pair\r\n",
		"-NOPERM this user has no permissions\r\n",
		"-DENIED Redis is running in protected mode\r\n",
		"-ERR Protocol error: unauthenticated multibulk length\r\n",
		"-ERR unknown command 'EVALSHA', with args beginning with\r\n",
		"-ERR The user executing the script can't run this command or "
		"subcommand script: 12, on @user_script:1.\r\n",
		"-ERR ACL failure in script: User u has no permissions to run "
		"the 'set' command script: 12, on @user_script:1.\r\n",
		"-ERR Error running script (call to f_12): @user_script:1: "
		"@user_script: 1: The user executing the script can't run this "
		"command or subcommand\r\n",
		"-@user_script: 1: The user executing the script can't run "
		"this command or subcommand\r\n",
		"-ERR Error running script (call to f_12): @user_script:7: "
		"-NOPERM The user executing the script can't\r\n",
	};
	size_t i;

	for (i = 0; i < COUNT(answers); i++)
		expect_answer_is(answers[i], 0, EACCES);
}

Test(faults_nonsense, a_value_without_end_is_refused_in_time)
{
	static const char head[] = "$500000000\r\n";
	size_t len = (size_t)40 << 20;
	char *text = malloc(len);

	cr_assert(text);
	memset(text, 'x', len);
	memcpy(text, head, sizeof(head) - 1);
	expect_answer_is(text, len, EPROTO);
	free(text);
}

/* ------------------------------------------------------------ byte by byte */

static int let_go_on(struct proc *self, void *arg)
{
	struct fake *f = arg;
	int step;

	(void)self;
	for (step = 3; step < 3 + 2 * 4 && fake_reaches(f, step); step += 2)
		fake_go(f);
	return 0;
}

Test(faults_nonsense, an_answer_that_comes_byte_by_byte_is_one)
{
	static const struct fake_step script[] = {
		{ FAKE_ACCEPT, NULL, 0 }, { FAKE_COMMAND, "EVALSHA", 0 },
		{ FAKE_SEND, ":", 0 }, { FAKE_PAUSE, NULL, 0 },
		{ FAKE_SEND, "4", 0 }, { FAKE_PAUSE, NULL, 0 },
		{ FAKE_SEND, "2", 0 }, { FAKE_PAUSE, NULL, 0 },
		{ FAKE_SEND, "\r", 0 }, { FAKE_PAUSE, NULL, 0 },
		{ FAKE_SEND, "\n", 0 },
	};
	struct fake *f = fake_start(script, COUNT(script), true);
	struct proc *p = proc_start(PROC_THREAD, let_go_on, f);
	uint64_t fence;
	rl_mutex_t m;

	make(&m, &(struct want){ .url = f->url,
				 .options = "outage_timeout=50" });
	cr_expect_eq(rl_mutex_trylock(&m), 0, "%s", rl_last_error());
	cr_expect_eq(rl_mutex_fence(&m, &fence), 0);
	cr_expect_eq(fence, 42);
	fake_stop(f);
	proc_join(p);
	cr_expect_eq(rl_mutex_unlock(&m), ENOLCK);
	cr_expect_eq(rl_mutex_destroy(&m), 0);
}

/* --------------------------------------------------------- after the grant */

Test(faults_nonsense, an_answer_to_no_question_ends_the_connection)
{
	static const struct fake_step script[] = {
		{ FAKE_ACCEPT, NULL, 0 }, { FAKE_COMMAND, "EVALSHA", 0 },
		{ FAKE_SEND, ":42\r\n:43\r\n", 0 },
		{ FAKE_ACCEPT, NULL, 0 }, { FAKE_COMMAND, "EVALSHA", 0 },
		{ FAKE_SEND, ":1\r\n", 0 },
	};
	struct fake *f = fake_start(script, COUNT(script), false);
	rl_mutex_t m;

	make(&m, &(struct want){ .url = f->url, .no_refresh = true });
	cr_expect_eq(rl_mutex_lock(&m), 0);
	cr_expect_eq(rl_mutex_unlock(&m), 0, "%s", rl_last_error());
	cr_expect(fake_reaches(f, 6));
	cr_expect_eq(rl_mutex_destroy(&m), 0);
	fake_stop(f);
}

/* What unlock says if its request is answered so. */
static int unlocked(const char *text)
{
	const struct fake_step script[] = {
		{ FAKE_ACCEPT, NULL, 0 }, { FAKE_COMMAND, "EVALSHA", 0 },
		{ FAKE_SEND, ":42\r\n", 0 }, { FAKE_COMMAND, "EVALSHA", 0 },
		{ FAKE_SEND, text, 0 },
	};
	struct fake *f = fake_start(script, COUNT(script), false);
	rl_mutex_t m;
	int err;

	make(&m, &(struct want){ .url = f->url, .no_refresh = true, .options =
		"command_timeout=700&outage_timeout=700" });
	cr_assert_eq(rl_mutex_lock(&m), 0);
	err = rl_mutex_unlock(&m);
	cr_expect_eq(rl_mutex_unlock(&m), EPERM);
	cr_expect_eq(rl_mutex_destroy(&m), 0);
	fake_stop(f);
	return err;
}

Test(faults_nonsense, an_unlock_that_is_not_answered_well_is_enolck)
{
	cr_expect_eq(unlocked(":1\r\n"), 0);
	cr_expect_eq(unlocked("*2\r\n:0\r\n:42\r\n"), ESTALE);
	cr_expect_eq(unlocked("*2\r\n:0\r\n:0\r\n"), ESTALE);
	cr_expect_eq(unlocked("*1\r\n:0\r\n"), ENOLCK);
	cr_expect_eq(unlocked(":7\r\n"), ENOLCK);
	cr_expect_eq(unlocked("+OK\r\n"), ENOLCK);
	cr_expect_eq(unlocked("HTTP/1.1 400 Bad Request\r\n"), ENOLCK);
	cr_expect_eq(unlocked(":"), ENOLCK);
}

/* What lock says if it is told to wait, and the wait is answered so. */
static int waited(const char *text)
{
	const struct fake_step script[] = {
		{ FAKE_ACCEPT, NULL, 0 }, { FAKE_COMMAND, "EVALSHA", 0 },
		{ FAKE_SEND, "*3\r\n:0\r\n:9000\r\n:0\r\n", 0 },
		{ FAKE_COMMAND, "BLPOP", 0 }, { FAKE_SEND, text, 0 },
	};
	struct fake *f = fake_start(script, COUNT(script), false);
	rl_mutex_t m;
	int err;

	use(&m, f);
	err = rl_mutex_lock(&m);
	cr_expect_eq(rl_mutex_unlock(&m), EPERM);
	cr_expect_eq(rl_mutex_destroy(&m), 0);
	fake_stop(f);
	return err;
}

Test(faults_nonsense, a_wait_that_is_answered_with_nonsense_is_eproto)
{
	cr_expect_eq(waited("+OK\r\n"), EPROTO);
	cr_expect_eq(waited(":1\r\n"), EPROTO);
	cr_expect_eq(waited("*0\r\n"), EPROTO);
	cr_expect_eq(waited("*1\r\n$1\r\nx\r\n"), EPROTO);
	cr_expect_eq(waited("*2\r\n$1\r\nw\r\n$0\r\n\r\n"), EPROTO);
	cr_expect_eq(waited("junk\r\n"), EPROTO);
	/* Asked again, and not answered. */
	be_impatient();
	cr_expect_eq(waited("*2\r\n$1\r\nw\r\n$1\r\n!\r\n"), ENOLCK);
	cr_expect_eq(waited("*-1\r\n"), ENOLCK);
	cr_expect_eq(waited("*2\r\n$1\r\nw\r\n$4\r\n#1 K\r\n"), ENOLCK);
}

/* Whether the keeper connects, to ask its question, within 200 ms. */
static bool asks_at_once(void)
{
	static const struct fake_step script[] = {
		{ FAKE_ACCEPT, NULL, 0 }, { FAKE_COMMAND, "EVALSHA", 0 },
		{ FAKE_SEND, "*3\r\n:0\r\n:9223372036854775807\r\n:0\r\n", 0 },
		{ FAKE_COMMAND, "BLPOP", 0 }, { FAKE_ACCEPT, NULL, 0 },
	};
	struct fake *f = fake_start(script, COUNT(script), false);
	rl_mutex_t m;
	int steps;

	use(&m, f);
	cr_expect_eq(timedlock_ms(&m, 200), ETIMEDOUT);
	steps = fake_steps(f);
	cr_expect_eq(rl_mutex_destroy(&m), 0);
	fake_stop(f);
	return steps > 4;
}

/* It is due in a second; that a machine is so slow three times is not
 * believed. */
Test(faults_nonsense, a_lease_longer_than_any_is_not_asked_for_at_once)
{
	cr_expect(!asks_at_once() || !asks_at_once() || !asks_at_once());
}

/* Whether the failure of the call tells why its tries failed: the last one,
 * which the end of its patience cuts short, knows nothing better. */
static bool tells_why(int (*call)(rl_mutex_t *))
{
	static const struct fake_step script[] = {
		{ FAKE_ACCEPT, NULL, 0 }, { FAKE_COMMAND, "EVALSHA", 0 },
		{ FAKE_SEND, "-BUSY it is\r\n", 0 },
		{ FAKE_COMMAND, "EVALSHA", 0 },
		{ FAKE_SEND, "-BUSY it is\r\n", 0 },
		{ FAKE_COMMAND, "EVALSHA", 0 },
	};
	struct fake *f = fake_start(script, COUNT(script), false);
	rl_mutex_t m;
	bool told;

	make(&m, &(struct want){ .url = f->url, .options =
		"command_timeout=60000&outage_timeout=900" });
	cr_expect_eq(call(&m), ENOLCK);
	told = strstr(rl_last_error(), "BUSY it is");
	cr_expect(fake_reaches(f, COUNT(script)));
	cr_expect_eq(rl_mutex_destroy(&m), 0);
	fake_stop(f);
	return told;
}

Test(faults_nonsense, a_try_that_is_cut_short_does_not_hide_the_cause)
{
	cr_expect(tells_why(rl_mutex_lock), "%s", rl_last_error());
	cr_expect(tells_why(rl_mutex_reset), "%s", rl_last_error());
}

static void on_lost(rl_mutex_t *m, int error, void *arg)
{
	(void)m;
	if (error == ESTALE)
		atomic_fetch_add((atomic_int *)arg, 1);
}

static bool told(void *arg)
{
	return atomic_load((atomic_int *)arg) > 0;
}

Test(faults_nonsense, renewals_answered_with_nonsense_end_in_a_loss)
{
	static const struct fake_step script[] = {
		{ FAKE_ACCEPT, NULL, 0 }, { FAKE_COMMAND, "EVALSHA", 0 },
		{ FAKE_SEND, ":42\r\n", 0 },
		{ FAKE_ACCEPT, NULL, 0 }, { FAKE_COMMAND, "EVALSHA", 0 },
		{ FAKE_SEND, "+OK\r\n", 0 }, { FAKE_COMMAND, "EVALSHA", 0 },
		{ FAKE_SEND, "junk\r\n", 0 },
		{ FAKE_ACCEPT, NULL, 0 }, { FAKE_COMMAND, "EVALSHA", 0 },
		{ FAKE_SEND, "*2\r\n:9\r\n:9\r\n", 0 },
		{ FAKE_COMMAND, "EVALSHA", 0 }, { FAKE_CLOSE, NULL, 0 },
	};
	struct fake *f = fake_start(script, COUNT(script), false);
	atomic_int lost = 0;
	int64_t began;
	rl_mutex_t m;

	make(&m, &(struct want){ .url = f->url, .lease_ms = 1500,
				 .onlost = on_lost, .arg = &lost });
	began = wait_now_ms();
	cr_assert_eq(rl_mutex_lock(&m), 0);
	cr_expect(wait_until(told, &lost, WAIT_MS));
	cr_expect(wait_now_ms() - began >= 1480, "it gave up too early");
	cr_expect(wait_now_ms() - began < 1500 + LATE);
	cr_expect(fake_reaches(f, COUNT(script)));
	cr_expect_eq(rl_mutex_unlock(&m), ESTALE);
	cr_expect_eq(atomic_load(&lost), 1);
	cr_expect_eq(rl_mutex_destroy(&m), 0);
	fake_stop(f);
}

/* ------------------------------------------------------------- the password */

static void greet_with(const char *text, int wanted)
{
	const struct fake_step script[] = {
		{ FAKE_ACCEPT, NULL, 0 }, { FAKE_COMMAND, "AUTH", 0 },
		{ FAKE_SEND, text, 0 },
	};
	struct fake *f = fake_start(script, COUNT(script), false);
	char url[200];
	rl_mutex_t m;

	snprintf(url, sizeof(url), "unix://me:sesame-9@%s", f->addr.path);
	make(&m, &(struct want){ .url = url,
				 .options = "connect_timeout=150" });
	cr_expect_eq(rl_mutex_trylock(&m), wanted, "%s", rl_last_error());
	cr_expect(strstr(rl_last_error(), f->addr.path));
	cr_expect_not(strstr(rl_last_error(), "sesame"), "%s",
		      rl_last_error());
	cr_expect_eq(rl_mutex_destroy(&m), 0);
	fake_stop(f);
}

Test(faults_nonsense, a_password_that_comes_back_is_not_told)
{
	greet_with("*3\r\n$4\r\nAUTH\r\n$2\r\nme\r\n$8\r\nsesame-9\r\n",
		   EPROTO);
	greet_with("$8\r\nsesame-9\r\n", EPROTO);
	greet_with("-WRONGPASS sesame-9 is not it\r\n", EACCES);
	greet_with("-ERR sesame-9\r\n", EPROTO);
	greet_with("AUTH me sesame-9\r\n", EPROTO);
	greet_with("+O", ENOLCK);
}
