/*
 * The name that the client tells the server, to a server that listens: it has
 * a certificate for each of two names and shows it to who asks for that name.
 * It is busy loading, so that who gets as far learns ENOLCK and LOADING.
 */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/socket.h>

#include "support/proc.h"
#include "tls/tls.h"

static SSL_CTX *context_of(const char *name)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	char pem[64], key[64];

	snprintf(pem, sizeof(pem), "%s.pem", name);
	snprintf(key, sizeof(key), "%s.key", name);
	TEST_MUST(ctx &&
		  SSL_CTX_use_certificate_chain_file(ctx, pki_path(pki, pem)) &&
		  SSL_CTX_use_PrivateKey_file(ctx, pki_path(pki, key),
					      SSL_FILETYPE_PEM));
	return ctx;
}

static int named(SSL *ssl, int *alert, void *arg)
{
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	(void)alert;
	if (name && !strcmp(name, "two.example"))
		SSL_set_SSL_CTX(ssl, arg);
	return SSL_TLSEXT_ERR_OK;
}

/* Tells which name each client says, "" for none. */
static void serve(struct proc *self, SSL *ssl)
{
	static const char loading[] = "-LOADING patience\r\n";
	const char *name;
	char buf[4096];
	int ok = SSL_accept(ssl);

	name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	proc_tell_bytes(self, name ? name : "", name ? strlen(name) + 1 : 1);
	if (ok == 1 && SSL_read(ssl, buf, sizeof(buf)) > 0)
		SSL_write(ssl, loading, sizeof(loading) - 1);
	SSL_shutdown(ssl);
}

static int sni_server(struct proc *self, void *arg)
{
	SSL_CTX *ctx = context_of("one");
	int listener = *(int *)arg;

	signal(SIGPIPE, SIG_IGN);
	SSL_CTX_set_tlsext_servername_callback(ctx, named);
	SSL_CTX_set_tlsext_servername_arg(ctx, context_of("two"));
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		SSL *ssl = SSL_new(ctx);

		PROC_CHECK(fd >= 0 && ssl);
		SSL_set_fd(ssl, fd);
		serve(self, ssl);
		SSL_free(ssl);
		close(fd);
	}
}

static struct proc *server;
static struct sock_addr addr;

static void setup_sni(void)
{
	int listener;

	make_pki();
	pki_make(pki, &(struct pki_cert){
		.name = "one", .issuer = "ca",
		.san = "DNS:one.example,IP:127.0.0.1,DNS:localhost" });
	pki_make(pki, &(struct pki_cert){ .name = "two", .issuer = "ca",
					  .san = "DNS:two.example" });
	addr.port = 0;
	listener = sock_listen(&addr);
	tls_port = addr.port;
	server = proc_start(PROC_PROCESS, sni_server, &listener);
	close(listener);
}

static void teardown_sni(void)
{
	proc_kill(server);
	pki_free(pki);
}

TestSuite(tls_sni, .init = setup_sni, .fini = teardown_sni);

static const char *with_sni(const char *host, const char *sni)
{
	return url(host, "cacert=%s%s%s", pki_path(pki, "ca.pem"),
		   sni ? "&sni=" : "", sni ? sni : "");
}

static const char *name_heard(void)
{
	static char name[256];

	proc_hear_bytes(server, name, sizeof(name));
	return name;
}

#define expect_sni(servers, name, text)                                    \
	do {                                                               \
		expect_refusal(servers, ENOLCK, text);                     \
		cr_expect_str_eq(name_heard(), name);                      \
	} while (0)

Test(tls_sni, the_host_is_named)
{
	expect_sni(with_sni("localhost", NULL), "localhost", "LOADING");
}

Test(tls_sni, an_address_is_not_named)
{
	expect_sni(with_sni("127.0.0.1", NULL), "", "LOADING");
	expect_sni(with_sni("127.0.0.1", "127.0.0.1"), "", "LOADING");
}

Test(tls_sni, the_option_names_another_whose_certificate_it_must_be)
{
	expect_sni(with_sni("127.0.0.1", "two.example"), "two.example",
		   "LOADING");
	expect_sni(with_sni("127.0.0.1", "one.example"), "one.example",
		   "LOADING");
	expect_sni(with_sni("127.0.0.1", "three.example"), "three.example",
		   "not for 'three.example'");
}
