/*
 * Whose certificate a client accepts, and what it says of the others.
 */
#include "support/proc.h"
#include "tls/tls.h"

TestSuite(tls_verify, .init = setup, .fini = teardown);

Test(tls_verify, full_takes_a_host_name_and_an_address)
{
	const char *ca = pki_path(pki, "ca.pem");

	expect_works(url("localhost", "cacert=%s", ca));
	expect_works(url("127.0.0.1", "cacert=%s&verify=full", ca));
	expect_works(url("LOCALHOST", "cacert=%s", ca));
	expect_works(url("127.0.0.1", "cacert=%s&sni=LocalHost.", ca));
}

Test(tls_verify, full_refuses_a_certificate_for_another_host)
{
	const char *ca = pki_path(pki, "ca.pem");

	make_and_show(&(struct pki_cert){
		.name = "elsewhere", .issuer = "ca",
		.san = "DNS:redis.example.org,IP:192.0.2.7" });
	expect_refusal(url("localhost", "cacert=%s", ca), ENOLCK,
		       "certificate", "'redis.example.org'", "'192.0.2.7'",
		       "not for 'localhost'");
	expect_refusal(url("127.0.0.1", "cacert=%s", ca), ENOLCK,
		       "not for '127.0.0.1'");
	expect_works(url("localhost", "cacert=%s&verify=ca", ca));
}

Test(tls_verify, an_address_is_not_matched_by_a_common_name)
{
	const char *ca = pki_path(pki, "ca.pem");

	make_and_show(&(struct pki_cert){ .name = "127.0.0.1",
					  .issuer = "ca" });
	expect_refusal(url("127.0.0.1", "cacert=%s", ca), ENOLCK,
		       "it is for '/CN=127.0.0.1'", "not for '127.0.0.1'");
}

Test(tls_verify, an_ipv6_address_is_compared_as_an_address)
{
	const char *ca = pki_path(pki, "ca.pem");

	cr_assert_str_eq(server_ask(srv, "CONFIG SET bind %s",
				    "127.0.0.1 -::1"), "OK");
	make_and_show(&(struct pki_cert){
		.name = "six", .issuer = "ca",
		.san = "IP:127.0.0.1,IP:0:0:0:0:0:0:0:1" });
	if (try_on(url("[::1]", "verify=none")) == ENOLCK &&
	    said("cannot connect"))
		cr_skip_test("no IPv6 here");
	expect_works(url("[0::1]", "cacert=%s", ca));
	show("server");
	expect_refusal(url("[::1]", "cacert=%s", ca), ENOLCK,
		       "not for '::1'");
}

Test(tls_verify, a_wildcard_stands_for_one_label)
{
	const char *ca = pki_path(pki, "ca.pem");

	make_and_show(&(struct pki_cert){ .name = "wild", .issuer = "ca",
					  .san = "DNS:*.example.org" });
	expect_works(url("127.0.0.1", "cacert=%s&sni=a.example.org", ca));
	expect_refusal(url("127.0.0.1", "cacert=%s&sni=a.b.example.org", ca),
		       ENOLCK, "not for 'a.b.example.org'");
}

Test(tls_verify, an_unknown_authority_is_named)
{
	const char *other = pki_path(pki, "other.pem");

	expect_refusal(url("localhost", "cacert=%s", other), ENOLCK,
		       "no CA that is trusted here", "/CN=Test CA");
	expect_refusal(url("localhost", "cacert=%s&verify=ca", other), ENOLCK,
		       "no CA that is trusted here");
	/* And the default store has not heard of it either. */
	expect_refusal(url("localhost", "verify=full"), ENOLCK,
		       "no CA that is trusted here", "cacert=");
	expect_works(url("localhost", "cacert=%s&verify=none", other));
	expect_works(url("localhost", "verify=none"));
}

Test(tls_verify, the_default_store_is_that_of_openssl)
{
	setenv("SSL_CERT_FILE", pki_path(pki, "ca.pem"), 1);
	expect_works(url("localhost", "verify=full"));
}

Test(tls_verify, a_self_signed_certificate_is_its_own_authority)
{
	make_and_show(&(struct pki_cert){ .name = "self", .san = BOTH_NAMES,
					  .ca = true });
	expect_refusal(url("localhost", "cacert=%s", pki_path(pki, "ca.pem")),
		       ENOLCK, "no CA that is trusted here", "/CN=self");
	expect_works(url("localhost", "cacert=%s",
			 pki_path(pki, "self.pem")));
}

Test(tls_verify, an_expired_certificate_tells_since_when)
{
	char year[40];
	time_t then = time(NULL) - 60;

	strftime(year, sizeof(year), "it expired on %Y-%m-%d ", gmtime(&then));
	make_and_show(&(struct pki_cert){ .name = "expired", .issuer = "ca",
					  .san = BOTH_NAMES, .to_s = -60 });
	expect_refusal(good_url(), ENOLCK, year, " UTC");
	expect_refusal(url("localhost", "cacert=%s&verify=ca",
			   pki_path(pki, "ca.pem")), ENOLCK, year);
	expect_works(url("localhost", "verify=none"));
}

Test(tls_verify, a_certificate_of_the_future_tells_from_when)
{
	make_and_show(&(struct pki_cert){
		.name = "future", .issuer = "ca", .san = BOTH_NAMES,
		.from_s = 1800 });
	expect_refusal(good_url(), ENOLCK, "it is not valid before 20");
}

Test(tls_verify, an_expired_authority_in_between_is_named)
{
	pki_make(pki, &(struct pki_cert){ .name = "middle", .issuer = "ca",
					  .ca = true, .to_s = -60 });
	make_and_show(&(struct pki_cert){ .name = "leaf", .issuer = "middle",
					  .san = BOTH_NAMES });
	expect_refusal(good_url(), ENOLCK, "of the CA '/CN=middle'",
		       "it expired on 20");
}

Test(tls_verify, a_chain_of_authorities_is_followed)
{
	pki_make(pki, &(struct pki_cert){ .name = "middle", .issuer = "ca",
					  .ca = true });
	make_and_show(&(struct pki_cert){ .name = "leaf", .issuer = "middle",
					  .san = BOTH_NAMES });
	expect_works(good_url());
}

Test(tls_verify, cacert_may_be_a_folder)
{
	in_folder("mkdir cas && cp ca.pem cas/it.crt && echo hi >cas/README");
	expect_works(url("localhost", "cacert=%s", pki_path(pki, "cas")));
	in_folder("mkdir hashed && cp ca.pem hashed && openssl rehash hashed");
	expect_works(url("localhost", "cacert=%s", pki_path(pki, "hashed")));
}

Test(tls_verify, a_cacert_that_cannot_be_used_is_refused)
{
	in_folder("mkdir empty");
	expect_refusal(url("localhost", "cacert=%s", pki_path(pki, "empty")),
		       EACCES, "cacert", "no certificate in this folder");
	expect_refusal(url("localhost", "cacert=/nonexistent/ca.pem"), EACCES,
		       "cacert", "No such file");
	expect_refusal(url("localhost", "cacert=%s", pki_path(pki, "ca.key")),
		       EACCES, "cacert", "in PEM form");
}

Test(tls_verify, a_new_cacert_is_read_at_the_next_try)
{
	rl_mutex_t m;

	in_folder("cp other.pem rotated.pem");
	make(&m, url("localhost", "cacert=%s", pki_path(pki, "rotated.pem")),
	     "rotated");
	cr_expect_eq(rl_mutex_trylock(&m), ENOLCK);
	in_folder("cp ca.pem rotated.pem");
	cr_expect_eq(rl_mutex_trylock(&m), 0, "%s", rl_last_error());
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	rl_mutex_destroy(&m);
}

static int lock_and_unlock(struct proc *self, void *arg)
{
	(void)self;
	PROC_CHECK(rl_mutex_lock(arg) == 0);
	PROC_CHECK(rl_mutex_unlock(arg) == 0);
	return 0;
}

static bool was_tried_again(void *arg)
{
	return server_info(srv, "total_connections_received") >
	       *(long long *)arg + 20; /* most of them are ours */
}

Test(tls_verify, lock_rides_out_a_certificate_that_is_replaced)
{
	long long before;
	struct proc *p;
	rl_mutex_t m;

	pki_make(pki, &(struct pki_cert){ .name = "expired", .issuer = "ca",
					  .san = BOTH_NAMES, .to_s = -60 });
	show("expired");
	make(&m, good_url(), "ridden");
	before = server_info(srv, "total_connections_received");
	p = proc_start(PROC_THREAD, lock_and_unlock, &m);
	wait_until(was_tried_again, &before, 500);
	show("server");
	cr_expect_eq(proc_join(p), 0);
	rl_mutex_destroy(&m);
}

Test(tls_verify, lock_gives_up_with_the_reason)
{
	rl_mutex_t m;

	make(&m, url("localhost", "outage_timeout=1500&connect_timeout=9000"),
	     "given up");
	cr_expect_eq(rl_mutex_lock(&m), ENOLCK);
	cr_expect(said("no CA that is trusted here"), "%s", rl_last_error());
	rl_mutex_destroy(&m);
}
