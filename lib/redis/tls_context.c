/*
 * The contexts of OpenSSL, one per node that is connected to: made at the
 * first connection, shared by the sessions of all threads, freed with the last
 * one. Loading reads files, so it is done outside the guard; of two threads
 * that load for the same node at a time, one throws its own away.
 *
 * `guard` guards the list and the counts; it is a leaf, and only taken inside
 * the gate of tls.c, so it is free in a forked child. There the contexts of
 * the parent serve on; those whose sessions are the parent's are never freed.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/guard.h"
#include "redis/tls_session.h"

static struct rli_guard guard;
static struct rli_tls_context *contexts;	/* under guard */

/* ---------------------------------------------------------------- the name */

static bool is_address(const char *name)
{
	struct in6_addr addr;

	return inet_pton(AF_INET, name, &addr) == 1 ||
	       inet_pton(AF_INET6, name, &addr) == 1;
}

bool rli_tls_name(const struct rli_url *url, char *buf)
{
	const char *name = url->sni ? url->sni : url->host;
	size_t len;

	snprintf(buf, RLI_TLS_NAME_MAX, "%s", name);
	if (strchr(buf, ':'))
		buf[strcspn(buf, "%")] = '\0';
	len = strlen(buf);
	if (len > 1 && buf[len - 1] == '.')
		buf[len - 1] = '\0';
	return is_address(buf);
}

/* --------------------------------------------------- whom the client trusts */

/* "9a7bf2c1.0": how OpenSSL finds the certificate of an issuer in a folder. */
static bool is_hashed(const char *name)
{
	size_t i;

	for (i = 0; i < 8; i++)
		if (!isxdigit((unsigned char)name[i]))
			return false;
	return name[8] == '.' && isdigit((unsigned char)name[9]);
}

static bool load_one(SSL_CTX *ctx, const char *folder, const char *name)
{
	char path[4096];
	struct stat st;
	int n = snprintf(path, sizeof(path), "%s/%s", folder, name);

	return n > 0 && (size_t)n < sizeof(path) && stat(path, &st) == 0 &&
	       S_ISREG(st.st_mode) && SSL_CTX_load_verify_file(ctx, path);
}

/*
 * A folder that `openssl rehash` has prepared is looked into when a
 * certificate is needed; of any other, each file that holds one is read now.
 */
static int trust_folder(SSL_CTX *ctx, const struct rli_url *url)
{
	DIR *dir = opendir(url->cacert);
	bool hashed = false;
	struct dirent *entry;
	int found = 0;

	if (!dir)
		return rli_fail(EACCES, "%s: cacert '%s': %s", url->label,
				url->cacert, rli_system_error(errno));
	while (!hashed && (entry = readdir(dir)))
		hashed = is_hashed(entry->d_name);
	rewinddir(dir);
	while (!hashed && (entry = readdir(dir)))
		found += load_one(ctx, url->cacert, entry->d_name);
	closedir(dir);
	ERR_clear_error();
	if (hashed && !SSL_CTX_load_verify_dir(ctx, url->cacert))
		return rli_tls_bad_file(url, "cacert", url->cacert);
	if (!hashed && !found)
		return rli_fail(EACCES, "%s: cacert '%s': no certificate in "
				"this folder", url->label, url->cacert);
	return 0;
}

static int trust(SSL_CTX *ctx, const struct rli_url *url)
{
	struct stat st;

	if (!url->cacert)
		return SSL_CTX_set_default_verify_paths(ctx) ?
		       0 : rli_fail_nomem();
	if (stat(url->cacert, &st))
		return rli_fail(EACCES, "%s: cacert '%s': %s", url->label,
				url->cacert, rli_system_error(errno));
	if (S_ISDIR(st.st_mode))
		return trust_folder(ctx, url);
	if (SSL_CTX_load_verify_file(ctx, url->cacert))
		return 0;
	return rli_tls_bad_file(url, "cacert", url->cacert);
}

static int check_name(SSL_CTX *ctx, const struct rli_url *url)
{
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx);
	char name[RLI_TLS_NAME_MAX];
	int ok;

	if (rli_tls_name(url, name)) {
		ok = X509_VERIFY_PARAM_set1_ip_asc(param, name);
	} else {
		X509_VERIFY_PARAM_set_hostflags(
			param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
		ok = X509_VERIFY_PARAM_set1_host(param, name, 0);
	}
	return ok ? 0 : rli_fail_nomem();
}

static int set_verify(SSL_CTX *ctx, const struct rli_url *url)
{
	int err;

	if (url->verify == RLI_VERIFY_NONE) {
		SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
		return 0;
	}
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, rli_tls_verify);
	err = trust(ctx, url);
	if (!err && url->verify == RLI_VERIFY_FULL)
		err = check_name(ctx, url);
	return err;
}

/* ----------------------------------------------------------- who we are */

/* Called when the server wants a certificate and the context has none. */
static int was_asked(SSL *ssl, X509 **cert, EVP_PKEY **key)
{
	struct rli_tls *tls = SSL_get_app_data(ssl);

	(void)cert;
	(void)key;
	tls->asked = true;
	return 0;
}

/* In place of OpenSSL's own, which would ask on the terminal. */
static int no_passphrase(char *buf, int size, int writing, void *arg)
{
	(void)writing;
	(void)arg;
	if (size > 0)
		*buf = '\0';
	return -1;
}

/* The key may stand in the file of the certificate. */
static int set_certificate(SSL_CTX *ctx, const struct rli_url *url)
{
	const char *key = url->key ? url->key : url->cert;

	if (!url->cert)
		return 0;
	if (!SSL_CTX_use_certificate_chain_file(ctx, url->cert))
		return rli_tls_bad_file(url, "cert", url->cert);
	if (!SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) ||
	    !SSL_CTX_check_private_key(ctx))
		return rli_tls_bad_file(url, "key", key);
	return 0;
}

/* ------------------------------------------------------------- the context */

static void set_manners(SSL_CTX *ctx)
{
	/* What is to be sent moves as its buffer grows, and goes on from
	 * wherever sending stopped. */
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
			      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION |
				 SSL_OP_NO_COMPRESSION);
	/* One recv(2) for an answer, and not one for the head of its record
	 * and one for the rest. */
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_quiet_shutdown(ctx, 1);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	SSL_CTX_set_client_cert_cb(ctx, was_asked);
}

static int load(SSL_CTX *ctx, const struct rli_url *url)
{
	int err;

	if (!SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION))
		return rli_fail_nomem();
	set_manners(ctx);
	err = set_verify(ctx, url);
	return err ? err : set_certificate(ctx, url);
}

static void free_context(struct rli_tls_context *context)
{
	SSL_CTX_free(context->ctx);
	rli_free(context);
}

static int make(const struct rli_node *node, struct rli_tls_context **out)
{
	struct rli_tls_context *made = rli_calloc(1, sizeof(*made));
	int err;

	if (!made)
		return rli_fail_nomem();
	made->serial = node->serial;
	made->ctx = SSL_CTX_new(TLS_client_method());
	err = made->ctx ? load(made->ctx, &node->url) : rli_fail_nomem();
	ERR_clear_error();
	if (err)
		free_context(made);
	else
		*out = made;
	return err;
}

/* One more reference to the node's context; NULL if there is none. */
static struct rli_tls_context *find(const struct rli_node *node)
{
	struct rli_tls_context *found = contexts;

	while (found && found->serial != node->serial)
		found = found->next;
	if (found)
		found->refs++;
	return found;
}

/* Puts it into the list, unless another one has come first. */
static void add(const struct rli_node *node, struct rli_tls_context **context)
{
	struct rli_tls_context *made = *context, *first;

	rli_guard_lock(&guard);
	first = find(node);
	if (!first) {
		made->refs = 1;
		made->next = contexts;
		contexts = made;
	}
	rli_guard_unlock(&guard);
	if (first) {
		free_context(made);
		*context = first;
	}
}

int rli_tls_context_get(const struct rli_node *node,
			struct rli_tls_context **context)
{
	int err;

	rli_guard_lock(&guard);
	*context = find(node);
	rli_guard_unlock(&guard);
	if (*context)
		return 0;
	err = make(node, context);
	if (!err)
		add(node, context);
	return err;
}

void rli_tls_context_put(struct rli_tls_context *context)
{
	struct rli_tls_context **link = &contexts;
	bool last;

	rli_guard_lock(&guard);
	last = --context->refs == 0;
	if (last) {
		while (*link != context)
			link = &(*link)->next;
		*link = context->next;
	}
	rli_guard_unlock(&guard);
	if (last)
		free_context(context);
}

void rli_tls_context_retire(struct rli_tls_context *context)
{
	rli_guard_lock(&guard);
	context->serial = 0;
	rli_guard_unlock(&guard);
}
