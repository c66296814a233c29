/*
 * What the tests of TLS share: a server with a TLS port, with certificates of
 * its own, and mutexes on it.
 *
 *	ca	an authority; signs server, client and the rest
 *	other	another one; signs stranger, for a client
 */
#ifndef TESTS_TLS_TLS_H
#define TESTS_TLS_TLS_H

#include <criterion/criterion.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rl/rl.h>

#include "support/pki.h"
#include "support/proxy.h"
#include "support/server.h"
#include "support/wait.h"

static struct pki *pki;
static struct server *srv;
static int tls_port, tls_port_fd = -1;

#define BOTH_NAMES "DNS:localhost,IP:127.0.0.1"

static inline void make_pki(void)
{
	static const struct pki_cert certs[] = {
		{ .name = "ca", .cn = "Test CA", .ca = true },
		{ .name = "other", .cn = "Another CA", .ca = true },
		{ .name = "server", .issuer = "ca", .san = BOTH_NAMES },
		{ .name = "client", .issuer = "ca" },
		{ .name = "stranger", .issuer = "other" },
	};
	size_t i;

	pki = pki_new();
	for (i = 0; i < sizeof(certs) / sizeof(certs[0]); i++)
		pki_make(pki, &certs[i]);
}

/* auth: of tls-auth-clients; more: further lines of redis.conf */
static inline void start_tls(const char *auth, const char *more)
{
	char config[1024];

	make_pki();
	tls_port_fd = sock_reserve_port(&tls_port);
	snprintf(config, sizeof(config), "tls-port %d\ntls-cert-file %s\n"
		 "tls-key-file %s\ntls-ca-cert-file %s\n"
		 "tls-auth-clients %s\n%s", tls_port,
		 pki_path(pki, "server.pem"), pki_path(pki, "server.key"),
		 pki_path(pki, "ca.pem"), auth, more);
	srv = server_start(&(struct server_options){ .tcp = true,
						     .config = config });
}

static inline void setup(void)
{
	unsetenv("RL_SERVERS");
	unsetenv("RL_LOG");
	/* What is trusted by default must know nothing of the machine. */
	setenv("SSL_CERT_FILE", "/nonexistent", 1);
	setenv("SSL_CERT_DIR", "/nonexistent", 1);
	start_tls("no", "");
}

static inline void setup_strict(void)
{
	setup();
	server_ask(srv, "CONFIG SET tls-auth-clients yes");
}

static inline void teardown(void)
{
	server_stop(srv);
	if (tls_port_fd >= 0)
		close(tls_port_fd);
	pki_free(pki);
}

/* The server shows this certificate from now on. */
static inline void show(const char *name)
{
	char pem[80], key[80];

	snprintf(pem, sizeof(pem), "%s.pem", name);
	snprintf(key, sizeof(key), "%s.key", name);
	cr_assert_str_eq(server_ask(srv, "CONFIG SET tls-cert-file %s "
				    "tls-key-file %s", pki_path(pki, pem),
				    pki_path(pki, key)), "OK");
}

static inline void make_and_show(const struct pki_cert *cert)
{
	pki_make(pki, cert);
	show(cert->name);
}

/* Runs a shell command in the folder of the certificates. */
static inline void in_folder(const char *command)
{
	char text[512];

	snprintf(text, sizeof(text), "cd '%s' && %s", pki->dir, command);
	cr_assert_eq(system(text), 0, "%s", text);
}

/* A URL of the TLS port; options by printf. Patient, unless they say how long:
 * the machine may be busy. */
static inline const char *url(const char *host, const char *options, ...)
	__attribute__((format(printf, 2, 3)));

static inline const char *url(const char *host, const char *options, ...)
{
	static _Thread_local char text[1024];
	va_list args;
	int n = snprintf(text, sizeof(text), "rediss://%s:%d?", host,
			 tls_port);

	va_start(args, options);
	vsnprintf(text + n, sizeof(text) - (size_t)n, options, args);
	va_end(args);
	n = (int)strlen(text);
	if (!strstr(text, "timeout="))
		snprintf(text + n, sizeof(text) - (size_t)n,
			 "&connect_timeout=9000&command_timeout=9000");
	return text;
}

/* The one that nothing is wrong with. */
static inline const char *good_url(void)
{
	return url("localhost", "cacert=%s", pki_path(pki, "ca.pem"));
}

static inline void make_for(rl_mutex_t *m, const char *servers,
			    const char *name, long lease_ms)
{
	rl_mutexattr_t attr;

	cr_assert_eq(rl_mutexattr_init(&attr), 0);
	cr_assert_eq(rl_mutexattr_setservers(&attr, servers), 0, "%s",
		     rl_last_error());
	cr_assert_eq(rl_mutexattr_setlease(&attr, lease_ms), 0);
	cr_assert_eq(rl_mutex_init(m, name, &attr), 0, "%s", rl_last_error());
	rl_mutexattr_destroy(&attr);
}

static inline void make(rl_mutex_t *m, const char *servers, const char *name)
{
	make_for(m, servers, name, 10000);
}

/* What a trylock on these servers says; unlocks. */
static inline int try_on(const char *servers)
{
	rl_mutex_t m;
	int err;

	make(&m, servers, "tried");
	err = rl_mutex_trylock(&m);
	if (!err)
		cr_assert_eq(rl_mutex_unlock(&m), 0, "%s", rl_last_error());
	rl_mutex_destroy(&m);
	return err;
}

static inline bool said(const char *text)
{
	return strstr(rl_last_error(), text) != NULL;
}

#define expect_works(servers)                                              \
	do {                                                               \
		int err_ = try_on(servers);                                \
		cr_expect_eq(err_, 0, "%d: %s", err_, rl_last_error());    \
	} while (0)

/* That a trylock fails so, and that the message says this, and which server. */
#define expect_refusal(servers, error, ...)                                \
	do {                                                               \
		const char *texts_[] = { __VA_ARGS__ };                    \
		int err_ = try_on(servers);                                \
		cr_expect_eq(err_, error, "%d: %s", err_, rl_last_error());\
		cr_expect(said("rediss://"), "%s", rl_last_error());       \
		for (size_t i_ = 0;                                        \
		     i_ < sizeof(texts_) / sizeof(texts_[0]); i_++)        \
			cr_expect(said(texts_[i_]), "'%s' is not in: %s",  \
				  texts_[i_], rl_last_error());            \
	} while (0)

#endif
