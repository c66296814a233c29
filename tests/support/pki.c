#include "support/pki.h"
#include "support/sock.h"
#include "support/wait.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct pki *pki_new(void)
{
	struct pki *pki = calloc(1, sizeof(*pki));

	TEST_MUST(pki);
	sock_mkdir(pki->dir, sizeof(pki->dir));
	return pki;
}

void pki_free(struct pki *pki)
{
	if (!pki)
		return;
	sock_rmdir(pki->dir);
	free(pki);
}

const char *pki_path(const struct pki *pki, const char *file)
{
	static _Thread_local char paths[32][256];
	static _Thread_local unsigned n;
	char *path = paths[n++ % 32];

	snprintf(path, sizeof(paths[0]), "%s/%s", pki->dir, file);
	return path;
}

static FILE *open_file(const struct pki *pki, const char *name,
		       const char *kind, const char *mode)
{
	char file[128];
	FILE *f;

	snprintf(file, sizeof(file), "%s.%s", name, kind);
	f = fopen(pki_path(pki, file), mode);
	TEST_MUST(f);
	return f;
}

static X509 *read_cert(const struct pki *pki, const char *name)
{
	FILE *f = open_file(pki, name, "pem", "r");
	X509 *cert = PEM_read_X509(f, NULL, NULL, NULL);

	TEST_MUST(cert);
	fclose(f);
	return cert;
}

static EVP_PKEY *read_key(const struct pki *pki, const char *name)
{
	FILE *f = open_file(pki, name, "key", "r");
	EVP_PKEY *key = PEM_read_PrivateKey(f, NULL, NULL, NULL);

	TEST_MUST(key);
	fclose(f);
	return key;
}

static void add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *extension;
	X509V3_CTX ctx;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	TEST_MUST(extension);
	TEST_MUST(X509_add_ext(cert, extension, -1));
	X509_EXTENSION_free(extension);
}

static void set_subject(X509 *cert, const struct pki_cert *c)
{
	const char *cn = c->cn ? c->cn : c->name;

	if (*cn)
		TEST_MUST(X509_NAME_add_entry_by_txt(
			X509_get_subject_name(cert), "CN", MBSTRING_UTF8,
			(const unsigned char *)cn, -1, -1, 0));
}

static X509 *new_cert(const struct pki_cert *c, X509 *issuer, EVP_PKEY *key)
{
	static long serial;
	X509 *cert = X509_new();

	TEST_MUST(cert);
	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(cert),
			c->from_s ? c->from_s : -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), c->to_s ? c->to_s : 3600);
	set_subject(cert, c);
	if (!issuer)
		issuer = cert;
	X509_set_issuer_name(cert, X509_get_subject_name(issuer));
	X509_set_pubkey(cert, key);
	add_extension(cert, issuer, NID_basic_constraints,
		      c->ca ? "critical,CA:TRUE" : "CA:FALSE");
	add_extension(cert, issuer, NID_subject_key_identifier, "hash");
	if (c->san)
		add_extension(cert, issuer, NID_subject_alt_name, c->san);
	return cert;
}

static void write_cert(const struct pki *pki, const struct pki_cert *c,
		       X509 *cert, X509 *issuer)
{
	FILE *f = open_file(pki, c->name, "pem", "w");

	TEST_MUST(PEM_write_X509(f, cert));
	if (issuer && X509_NAME_cmp(X509_get_subject_name(issuer),
				    X509_get_issuer_name(issuer)))
		TEST_MUST(PEM_write_X509(f, issuer));
	TEST_MUST(fclose(f) == 0);
}

static void write_key(const struct pki *pki, const char *name,
		      const char *kind, EVP_PKEY *key, const char *passphrase)
{
	FILE *f = open_file(pki, name, kind, "w");

	TEST_MUST(fchmod(fileno(f), 0600) == 0);
	TEST_MUST(PEM_write_PKCS8PrivateKey(
		f, key, passphrase ? EVP_aes_128_cbc() : NULL, NULL, 0, NULL,
		(void *)(uintptr_t)passphrase));
	TEST_MUST(fclose(f) == 0);
}

void pki_make(struct pki *pki, const struct pki_cert *c)
{
	EVP_PKEY *key = EVP_EC_gen("P-256"), *signer = key;
	X509 *issuer = NULL, *cert;

	TEST_MUST(key);
	if (c->issuer) {
		issuer = read_cert(pki, c->issuer);
		signer = read_key(pki, c->issuer);
	}
	cert = new_cert(c, issuer, key);
	TEST_MUST(X509_sign(cert, signer, EVP_sha256()));
	write_cert(pki, c, cert, issuer);
	write_key(pki, c->name, "key", key, NULL);
	X509_free(cert);
	X509_free(issuer);
	if (signer != key)
		EVP_PKEY_free(signer);
	EVP_PKEY_free(key);
}

void pki_encrypt_key(struct pki *pki, const char *name)
{
	EVP_PKEY *key = read_key(pki, name);

	write_key(pki, name, "enc.key", key, "secret");
	EVP_PKEY_free(key);
}
