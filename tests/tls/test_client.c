/*
 * Who the client is: its certificate, its key, and the password on top.
 */
#include "tls/tls.h"

TestSuite(tls_client, .init = setup_strict, .fini = teardown);

/* The good URL, and a certificate of ours. */
static const char *as(const char *name)
{
	char pem[80], key[80];

	snprintf(pem, sizeof(pem), "%s.pem", name);
	snprintf(key, sizeof(key), "%s.key", name);
	return url("localhost", "cacert=%s&cert=%s&key=%s",
		   pki_path(pki, "ca.pem"), pki_path(pki, pem),
		   pki_path(pki, key));
}

static const char *with_version(const char *version)
{
	cr_assert_str_eq(server_ask(srv, "CONFIG SET tls-protocols %s",
				    version), "OK");
	return version;
}

Test(tls_client, a_certificate_that_the_server_wants)
{
	expect_works(as("client"));
}

Test(tls_client, the_key_may_stand_in_the_file_of_the_certificate)
{
	in_folder("cat client.pem client.key >both.pem");
	expect_works(url("localhost", "cacert=%s&cert=%s",
			 pki_path(pki, "ca.pem"), pki_path(pki, "both.pem")));
}

Test(tls_client, a_missing_certificate_is_named_as_the_cause)
{
	with_version("TLSv1.3");
	expect_refusal(good_url(), EACCES, "wants a client certificate",
		       "cert=");
	with_version("TLSv1.2");
	expect_refusal(good_url(), EACCES, "wants a client certificate",
		       "cert=");
}

/* What was to be sent fails too, and must not hide the reason. */
Test(tls_client, a_missing_certificate_is_named_however_late_it_is_noticed)
{
	const char *base = good_url();
	char text[1024];
	int i;

	snprintf(text, sizeof(text), "rediss://:password@%s",
		 base + strlen("rediss://"));
	for (i = 0; i < 20; i++)
		expect_refusal(i % 2 ? base : text, EACCES,
			       "wants a client certificate");
}

Test(tls_client, lock_does_not_wait_for_a_certificate_to_be_accepted)
{
	int64_t began = wait_now_ms();
	rl_mutex_t m;

	make(&m, good_url(), "hasty");
	cr_expect_eq(rl_mutex_lock(&m), EACCES, "%s", rl_last_error());
	cr_expect_lt(wait_now_ms() - began, 4500);
	rl_mutex_destroy(&m);
}

Test(tls_client, a_certificate_of_an_unknown_authority_is_refused)
{
	with_version("TLSv1.3");
	expect_refusal(as("stranger"), EACCES, "refuses the client certificate",
		       "stranger.pem", "unknown CA");
	with_version("TLSv1.2");
	expect_refusal(as("stranger"), EACCES, "refuses the client certificate",
		       "stranger.pem", "unknown CA");
}

Test(tls_client, an_expired_certificate_is_refused_by_the_server)
{
	pki_make(pki, &(struct pki_cert){ .name = "late", .issuer = "ca",
					  .to_s = -60 });
	expect_refusal(as("late"), EACCES, "refuses the client certificate",
		       "late.pem", "expired");
}

Test(tls_client, a_certificate_that_is_not_asked_for_does_no_harm)
{
	server_ask(srv, "CONFIG SET tls-auth-clients no");
	expect_works(as("client"));
	server_ask(srv, "CONFIG SET tls-auth-clients optional");
	expect_works(as("client"));
	expect_works(good_url());
}

/* -------------------------------------------------------------- the files */

static const char *with_files(const char *cert, const char *key)
{
	return url("localhost", "cacert=%s&cert=%s&key=%s",
		   pki_path(pki, "ca.pem"), pki_path(pki, cert),
		   pki_path(pki, key));
}

Test(tls_client, a_key_of_another_certificate_is_refused)
{
	expect_refusal(with_files("client.pem", "server.key"), EACCES,
		       "server.key", "does not belong");
	in_folder("openssl genrsa -out rsa.key 2048 2>&1");
	expect_refusal(with_files("client.pem", "rsa.key"), EACCES, "rsa.key",
		       "does not belong");
}

Test(tls_client, files_that_cannot_be_used_are_named)
{
	expect_refusal(with_files("absent.pem", "client.key"), EACCES, "cert '",
		       "absent.pem", "No such file");
	expect_refusal(with_files("client.pem", "absent.key"), EACCES, "key '",
		       "absent.key", "No such file");
	expect_refusal(with_files("client.key", "client.key"), EACCES, "cert '",
		       "in PEM form");
	expect_refusal(with_files("client.pem", "client.pem"), EACCES, "key '",
		       "in PEM form");
}

/* OpenSSL would ask for a passphrase on the terminal. */
Test(tls_client, an_encrypted_key_is_refused_and_nobody_is_asked)
{
	pki_encrypt_key(pki, "client");
	expect_refusal(with_files("client.pem", "client.enc.key"), EACCES,
		       "client.enc.key", "encrypted");
}

Test(tls_client, a_key_without_a_certificate_is_no_url)
{
	rl_mutexattr_t attr;

	rl_mutexattr_init(&attr);
	cr_expect_eq(rl_mutexattr_setservers(&attr, "rediss://h?key=/k"),
		     EINVAL);
	cr_expect(said("a cert"), "%s", rl_last_error());
	rl_mutexattr_destroy(&attr);
}

/* ----------------------------------------------------------- the password */

TestSuite(tls_password, .init = setup, .fini = teardown);

static const char *with_user(const char *user)
{
	static char text[1100];

	snprintf(text, sizeof(text), "rediss://%s@%s", user,
		 good_url() + strlen("rediss://"));
	return text;
}

Test(tls_password, a_password_goes_through_tls)
{
	server_ask(srv, "CONFIG SET requirepass hunter2");
	expect_works(with_user(":hunter2"));
	expect_works(with_user("default:hunter2"));
	expect_refusal(with_user(":hunter3"), EACCES, "WRONGPASS");
	cr_expect(!said("hunter"), "%s", rl_last_error());
	expect_refusal(good_url(), EACCES, "the server said", "NOAUTH");
}

Test(tls_password, a_database_is_selected_through_tls)
{
	const char *options = strchr(good_url(), '?');
	char text[1024];
	rl_mutex_t m;

	snprintf(text, sizeof(text), "rediss://localhost:%d/5%s", tls_port,
		 options);
	make(&m, text, "chosen");
	cr_expect_eq(rl_mutex_lock(&m), 0, "%s", rl_last_error());
	cr_expect(strstr(server_ask(srv, "INFO keyspace"), "db5:keys="));
	cr_expect_eq(rl_mutex_unlock(&m), 0);
	rl_mutex_destroy(&m);
}
