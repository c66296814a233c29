/*
 * Three servers that are spoken to through TLS. One whose certificate is not
 * accepted, that wants one of us, or that hangs in the handshake counts as one
 * that is down.
 */
#include "quorum/quorum.h"
#include "support/pki.h"

/* In milliseconds; longer than a machine with much to do keeps anybody. */
#define CONNECT_TIMEOUT 15000

static struct pki *pki;
static int port[3], port_fd[3];
static rl_mutex_t m;

static void make_certs(void)
{
	static const struct pki_cert certs[] = {
		{ .name = "ca", .ca = true },
		{ .name = "other", .ca = true },
		{ .name = "server", .issuer = "ca", .san = "IP:127.0.0.1" },
		{ .name = "stranger", .issuer = "other",
		  .san = "IP:127.0.0.1" },
	};
	size_t i;

	pki = pki_new();
	for (i = 0; i < sizeof(certs) / sizeof(certs[0]); i++)
		pki_make(pki, &certs[i]);
}

static struct server *start(int i)
{
	char config[1024];

	port_fd[i] = sock_reserve_port(&port[i]);
	snprintf(config, sizeof(config), "tls-port %d\ntls-cert-file %s\n"
		 "tls-key-file %s\ntls-ca-cert-file %s\ntls-auth-clients no",
		 port[i], pki_path(pki, "server.pem"),
		 pki_path(pki, "server.key"), pki_path(pki, "ca.pem"));
	return server_start(&(struct server_options){ .config = config,
						      .persist = true });
}

static void setup(void)
{
	size_t len = 0;

	alarm(TEST_SECONDS);
	unsetenv("RL_SERVERS");
	make_certs();
	for (nodes = 0; nodes < 3; nodes++) {
		node[nodes] = start(nodes);
		len += (size_t)snprintf(all + len, sizeof(all) - len,
					"rediss://127.0.0.1:%d?cacert=%s"
					"&connect_timeout=%d ", port[nodes],
					pki_path(pki, "ca.pem"),
					CONNECT_TIMEOUT);
	}
}

static void teardown(void)
{
	int i;

	rl_mutex_destroy(&m);
	nodes_end();
	for (i = 0; i < 3; i++)
		close(port_fd[i]);
	pki_free(pki);
}

TestSuite(tls_quorum, .init = setup, .fini = teardown);

static void ask_all(int n, const char *command)
{
	int i;

	for (i = 0; i < n; i++)
		cr_assert_str_eq(server_ask(node[i], command), "OK");
}

static void show_strangers(int n)
{
	char command[512];

	snprintf(command, sizeof(command), "CONFIG SET tls-cert-file %s "
		 "tls-key-file %s", pki_path(pki, "stranger.pem"),
		 pki_path(pki, "stranger.key"));
	ask_all(n, command);
}

static void lock_and_unlock(int times)
{
	uint64_t last = 0, fence = 0;
	int i;

	for (i = 0; i < times; i++) {
		OK(timedlock_ms(&m, 8000));
		OK(rl_mutex_fence(&m, &fence));
		cr_expect_gt(fence, last);
		last = fence;
		OK(rl_mutex_unlock(&m));
	}
}

Test(tls_quorum, every_call_works)
{
	struct timespec ten = { .tv_sec = 10 };
	char owner[256];

	make(&m, &(struct want){ 0 });
	lock_and_unlock(20);
	OK(rl_mutex_lock(&m));
	cr_expect(holding_becomes("n", 3));
	OK(rl_mutex_refresh(&m));
	OK(rl_mutex_extend(&m, &ten));
	OK(rl_mutex_held(&m));
	OK(rl_mutex_owner(&m, owner, sizeof(owner)));
	OK(rl_mutex_reset(&m));
	EXPECT(rl_mutex_unlock(&m), ESTALE);
	OK(rl_mutex_locked(&m));
}

static void wake(enum proc_kind kind)
{
	static struct want plain;
	struct proc *p = party_start(kind, &plain);

	DID(p, TRYLOCK, 0, EBUSY);
	party_begin(p, LOCK, 0);
	cr_assert(waiters_become(1));
	OK(rl_mutex_unlock(&m));
	cr_expect_eq(proc_hear(p), 0);
	DID(p, UNLOCK, 0, 0);
	party_end(p);
}

Test(tls_quorum, a_release_wakes)
{
	make(&m, &(struct want){ 0 });
	OK(rl_mutex_lock(&m));
	wake(PROC_THREAD);
	OK(rl_mutex_lock(&m));
	wake(PROC_PROCESS);
}

Test(tls_quorum, any_one_may_be_down_and_come_back)
{
	int i;

	make(&m, &(struct want){ 0 });
	for (i = 0; i < 3; i++) {
		lock_and_unlock(3);
		server_kill(node[i]);
		lock_and_unlock(3);
		server_restart(node[i], true);
		cr_assert(holding_becomes("n", 0), "%d", i);
	}
}

Test(tls_quorum, one_that_hangs_in_the_handshake_is_not_waited_for)
{
	int64_t t;

	server_pause(node[1]);
	make(&m, &(struct want){ 0 });
	t = wait_now_ms();
	lock_and_unlock(5);
	cr_expect_lt(wait_now_ms() - t, CONNECT_TIMEOUT, "%lld ms",
		     (long long)(wait_now_ms() - t));
	server_resume(node[1]);
}

Test(tls_quorum, one_whose_certificate_is_not_accepted_is_one_less)
{
	show_strangers(1);
	make(&m, &(struct want){ 0 });
	lock_and_unlock(5);
	OK(rl_mutex_lock(&m));
	cr_expect(holding_becomes("n", 2));
	OK(rl_mutex_unlock(&m));
}

Test(tls_quorum, two_whose_certificates_are_not_accepted_are_named)
{
	char port_0[16], port_1[16];

	show_strangers(2);
	make(&m, &(struct want){ 0 });
	EXPECT(rl_mutex_trylock(&m), ENOLCK);
	snprintf(port_0, sizeof(port_0), ":%d", port[0]);
	snprintf(port_1, sizeof(port_1), ":%d", port[1]);
	cr_expect(strstr(rl_last_error(), port_0), "%s", rl_last_error());
	cr_expect(strstr(rl_last_error(), port_1), "%s", rl_last_error());
	cr_expect(strstr(rl_last_error(), "certificate is not accepted"), "%s",
		  rl_last_error());
	EXPECT(timedlock_ms(&m, 300), ETIMEDOUT);
}

Test(tls_quorum, one_that_wants_a_certificate_is_one_less)
{
	ask_all(1, "CONFIG SET tls-auth-clients yes");
	make(&m, &(struct want){ 0 });
	lock_and_unlock(5);
}

Test(tls_quorum, two_that_want_a_certificate_are_eacces)
{
	ask_all(2, "CONFIG SET tls-auth-clients yes");
	make(&m, &(struct want){ 0 });
	EXPECT(rl_mutex_trylock(&m), EACCES);
	cr_expect(strstr(rl_last_error(), "wants a client certificate"), "%s",
		  rl_last_error());
	EXPECT(rl_mutex_lock(&m), EACCES);
}
