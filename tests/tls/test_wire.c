/*
 * What can happen to the bytes: cut, late, not TLS at all.
 */
#include "support/fake.h"
#include "tls/tls.h"

static struct proxy *proxy;

static void setup_proxy(void)
{
	setup();
	proxy = proxy_start(&(struct sock_addr){ .port = tls_port }, true);
}

static void teardown_proxy(void)
{
	proxy_stop(proxy);
	teardown();
}

TestSuite(tls_wire, .init = setup_proxy, .fini = teardown_proxy);

/* A URL of the proxy. */
static const char *through(const char *more)
{
	static char text[512];

	snprintf(text, sizeof(text), "rediss://127.0.0.1:%d?cacert=%s%s%s",
		 proxy->addr.port, pki_path(pki, "ca.pem"), more,
		 strstr(more, "timeout=") ? "" : "&connect_timeout=9000");
	return text;
}

static void arm(enum proxy_dir dir, enum proxy_action action, int64_t bytes)
{
	proxy_arm(proxy, &(struct proxy_rule){ .dir = dir, .action = action,
					       .bytes = bytes });
}

static bool is_free(const char *name)
{
	return !strcmp(server_ask(srv, "GET rl:%s", name), "(nil)");
}

/* On a fresh connection, because with a fresh URL. */
static void lock_afresh(void)
{
	static int round;
	char options[64];
	rl_mutex_t m;

	snprintf(options, sizeof(options), "&connect_timeout=%d",
		 9000 + ++round);
	make(&m, through(options), "n");
	cr_expect_eq(rl_mutex_lock(&m), 0, "%d: %s", round, rl_last_error());
	cr_expect_eq(rl_mutex_unlock(&m), 0, "%d: %s", round, rl_last_error());
	cr_expect(is_free("n"));
	cr_expect_eq(rl_mutex_destroy(&m), 0);
}

static void cut_handshakes(enum proxy_dir dir, enum proxy_action action)
{
	int at;

	for (at = 0; at < 450; at += 31) {
		arm(dir, action, at);
		lock_afresh();
		cr_expect(proxy_fired(proxy), "at %d", at);
	}
}

Test(tls_wire, a_handshake_cut_on_the_way_to_the_server_is_made_anew)
{
	cut_handshakes(TO_SERVER, PROXY_CUT);
	cut_handshakes(TO_SERVER, PROXY_RST);
}

Test(tls_wire, a_handshake_cut_on_the_way_back_is_made_anew)
{
	cut_handshakes(TO_CLIENT, PROXY_CUT);
	cut_handshakes(TO_CLIENT, PROXY_RST);
}

Test(tls_wire, a_handshake_that_ends_early_says_so)
{
	arm(TO_CLIENT, PROXY_HALF, 100);
	expect_refusal(through(""), ENOLCK, "TLS handshake",
		       "closed the connection");
	arm(TO_CLIENT, PROXY_RST, 100);
	expect_refusal(through("&keepalive"), ENOLCK, "TLS handshake",
		       "reset by peer");
}

Test(tls_wire, a_handshake_without_an_answer_ends_with_the_connect_timeout)
{
	int64_t began = wait_now_ms();

	arm(TO_CLIENT, PROXY_HOLD, 100);
	expect_refusal(through("&connect_timeout=200"), ENOLCK,
		       "TLS handshake", "within 200 ms");
	cr_expect_geq(wait_now_ms() - began, 200);
	cr_expect_lt(wait_now_ms() - began, 5000);
}

/* Each request and each answer, on a connection that stands. The shortest
 * record, the answer to a release, has 26 bytes. */
static void cut_records(enum proxy_dir dir, enum proxy_action action)
{
	uint64_t fence = 0, last = 0;
	rl_mutex_t m;
	int at;

	make(&m, through(""), "n");
	cr_assert_eq(rl_mutex_lock(&m), 0);
	for (at = 0; at < 26; at += 5) {
		arm(dir, action, at);
		cr_expect_eq(rl_mutex_unlock(&m), 0, "%d: %s", at,
			     rl_last_error());
		cr_expect(proxy_fires(proxy));
		cr_expect(is_free("n"));
		arm(dir, action, at);
		cr_expect_eq(rl_mutex_lock(&m), 0, "%d: %s", at,
			     rl_last_error());
		cr_expect(proxy_fires(proxy));
		cr_expect_eq(rl_mutex_fence(&m, &fence), 0);
		cr_expect_gt(fence, last);
		last = fence;
	}
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	rl_mutex_destroy(&m);
}

Test(tls_wire, a_request_cut_in_mid_record_is_sent_again)
{
	cut_records(TO_SERVER, PROXY_CUT);
	cut_records(TO_SERVER, PROXY_RST);
}

Test(tls_wire, an_answer_cut_in_mid_record_is_asked_for_again)
{
	cut_records(TO_CLIENT, PROXY_CUT);
	cut_records(TO_CLIENT, PROXY_HALF);
}

Test(tls_wire, half_a_record_is_waited_for)
{
	rl_mutex_t m;

	make(&m, through("&command_timeout=1000"), "n");
	cr_assert_eq(rl_mutex_lock(&m), 0);
	arm(TO_CLIENT, PROXY_HOLD, 12);
	cr_expect_neq(rl_mutex_held(&m), 0);
	cr_expect(said("no answer in time"), "%s", rl_last_error());
	proxy_release(proxy);
	cr_expect_eq(rl_mutex_held(&m), 0, "%s", rl_last_error());
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	rl_mutex_destroy(&m);
}

Test(tls_wire, a_slow_wire_brings_everything)
{
	rl_mutex_t m;
	int i;

	proxy_delay(proxy, TO_CLIENT, 3);
	proxy_delay(proxy, TO_SERVER, 3);
	make(&m, through(""), "n");
	for (i = 0; i < 10; i++) {
		cr_expect_eq(rl_mutex_lock(&m), 0, "%s", rl_last_error());
		cr_expect_eq(rl_mutex_unlock(&m), 0, "%s", rl_last_error());
	}
	rl_mutex_destroy(&m);
}

/* A big answer comes in several records, some of them at once. */
Test(tls_wire, a_long_answer_is_read_to_its_end)
{
	rl_mutexattr_t attr;
	size_t n;
	int i;

	for (i = 0; i < 3000; i++)
		server_ask(srv, "SET rl:%0200d name:x#%016d", i, i);
	rl_mutexattr_init(&attr);
	rl_mutexattr_setservers(&attr, good_url());
	cr_expect_eq(rl_reset_all(&attr, &n), 0, "%s", rl_last_error());
	cr_expect_eq(n, 3000, "%zu", n);
	rl_mutexattr_destroy(&attr);
}

Test(tls_wire, a_server_that_restarts_is_found_again)
{
	rl_mutex_t m;

	make(&m, good_url(), "n");
	cr_expect_eq(rl_mutex_lock(&m), 0);
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	server_restart(srv, false);
	cr_expect_eq(rl_mutex_trylock(&m), 0, "%s", rl_last_error());
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	rl_mutex_destroy(&m);
}

/* -------------------------------------------------------- the wrong port */

Test(tls_wire, tls_to_a_plain_port_is_told_apart)
{
	char text[128];
	int64_t began = wait_now_ms();

	snprintf(text, sizeof(text),
		 "rediss://127.0.0.1:%d?verify=none&connect_timeout=300",
		 srv->port);
	expect_refusal(text, ENOLCK, "TLS handshake",
		       "a port that does not speak TLS?");
	cr_expect_lt(wait_now_ms() - began, 5000);
}

Test(tls_wire, plain_to_a_tls_port_is_told_apart)
{
	char text[128];
	int64_t began = wait_now_ms();
	int i;

	for (i = 0; i < 20; i++) {
		snprintf(text, sizeof(text), "redis://%s127.0.0.1:%d",
			 i % 2 ? ":password@" : "", tls_port);
		expect_refusal(text, ENOLCK, "a port that speaks TLS needs");
	}
	cr_expect_lt(wait_now_ms() - began, 5000);
}

static int try_on_fake(const struct fake_step *script, const char *scheme)
{
	struct fake *f = fake_start(script, 3, true);
	char text[128];
	int err;

	snprintf(text, sizeof(text), "%s://127.0.0.1:%d", scheme,
		 f->addr.port);
	err = try_on(text);
	fake_stop(f);
	return err;
}

Test(tls_wire, something_else_than_tls_is_told_apart)
{
	static const struct fake_step http[] = {
		{ .kind = FAKE_ACCEPT }, { .kind = FAKE_BYTES, .len = 50 },
		{ .kind = FAKE_SEND, .text = "HTTP/1.1 400 Bad Request\r\n\r\n" }
	};
	static const struct fake_step redis[] = {
		{ .kind = FAKE_ACCEPT }, { .kind = FAKE_BYTES, .len = 50 },
		{ .kind = FAKE_SEND, .text = "-ERR unknown command\r\n" }
	};
	/* A fatal alert: protocol_version. */
	static const struct fake_step alert[] = {
		{ .kind = FAKE_ACCEPT }, { .kind = FAKE_BYTES, .len = 10 },
		{ .kind = FAKE_SEND, .text = "\x15\x03\x01\0\x02\x02\x46", .len = 7 }
	};

	cr_expect_eq(try_on_fake(http, "rediss"), EPROTO);
	cr_expect(said("does not speak TLS"), "%s", rl_last_error());
	cr_expect_eq(try_on_fake(redis, "rediss"), EPROTO);
	cr_expect(said("does not speak TLS"), "%s", rl_last_error());
	cr_expect_eq(try_on_fake(alert, "rediss"), EPROTO);
	cr_expect(said("no version of TLS in common"), "%s", rl_last_error());
	cr_expect_eq(try_on_fake(alert, "redis"), EPROTO);
	cr_expect(said("the server speaks TLS"), "%s", rl_last_error());
}

Test(tls_wire, nothing_older_than_tls_1_2_is_spoken)
{
	cr_assert_str_eq(server_ask(srv, "CONFIG SET tls-protocols TLSv1.2"),
			 "OK");
	expect_works(good_url());
	server_ask(srv, "CONFIG SET tls-ciphers DEFAULT@SECLEVEL=0");
	cr_assert_str_eq(server_ask(srv, "CONFIG SET tls-protocols TLSv1.1"),
			 "OK");
	expect_refusal(url("localhost", "verify=none"), EPROTO, "no version of TLS in common",
		       "1.2 and 1.3");
}
