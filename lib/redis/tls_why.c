/*
 * What OpenSSL says, as an error number of the contract and a message that
 * names the server and what is wrong. The one place where this is decided:
 *
 *	EACCES	our certificate, or a file of ours: the server, or OpenSSL,
 *		refuses it, and will until somebody changes it
 *	ENOLCK	the server cannot be asked: it is not proved to be the one
 *		that the URL means, or the connection ended
 *	EPROTO	what came is not TLS, or no TLS of ours
 */
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "redis/tls_session.h"

/* ------------------------------------------------- the server's certificate */

/* Appends to buf what fits. */
static void add(char *buf, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void add(char *buf, size_t size, const char *fmt, ...)
{
	size_t len = strlen(buf);
	va_list args;

	va_start(args, fmt);
	vsnprintf(buf + len, size - len, fmt, args);
	va_end(args);
}

static void add_name(char *buf, size_t size, const char *before,
		     const X509_NAME *name)
{
	char text[160];

	if (!X509_NAME_oneline(name, text, sizeof(text)))
		strcpy(text, "?");
	add(buf, size, "%s'%s'", before, text);
}

static void add_time(char *buf, size_t size, const char *before,
		     const ASN1_TIME *when)
{
	char text[40];
	struct tm tm;

	if (!ASN1_TIME_to_tm(when, &tm) ||
	    !strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &tm))
		strcpy(text, "an unknown time");
	add(buf, size, "%s%s", before, text);
}

/* 1 if it is a name that a client could look for, else 0. */
static int add_alternative(char *buf, size_t size, const char *before,
			   const GENERAL_NAME *name)
{
	const ASN1_STRING *value;
	char text[INET6_ADDRSTRLEN];
	int len;

	if (name->type != GEN_DNS && name->type != GEN_IPADD)
		return 0;
	value = name->type == GEN_DNS ? name->d.dNSName : name->d.iPAddress;
	len = ASN1_STRING_length(value);
	if (name->type == GEN_DNS)
		add(buf, size, "%s'%.*s'", before, len,
		    (const char *)ASN1_STRING_get0_data(value));
	else if (inet_ntop(len == 4 ? AF_INET : AF_INET6,
			   ASN1_STRING_get0_data(value), text, sizeof(text)))
		add(buf, size, "%s'%s'", before, text);
	return 1;
}

/* For whom a certificate is: the names that count, else its subject. */
static void add_names(char *buf, size_t size, const X509 *cert)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name,
						NULL, NULL);
	int i, n = 0;

	for (i = 0; names && i < sk_GENERAL_NAME_num(names); i++)
		n += add_alternative(buf, size, n ? ", " : "it is for ",
				     sk_GENERAL_NAME_value(names, i));
	GENERAL_NAMES_free(names);
	if (!n)
		add_name(buf, size, "it is for ", X509_get_subject_name(cert));
}

static void add_unknown_issuer(char *buf, size_t size, const X509 *cert,
			       const struct rli_url *url)
{
	add_name(buf, size, "no CA that is trusted here has signed it; its "
		 "issuer is ", X509_get_issuer_name(cert));
	add(buf, size, url->cacert ? " (see cacert=)" :
	    " (cacert= names a file of CAs to trust)");
}

/* Which one is meant, where it is not the server's own. */
static void add_authority(char *buf, size_t size, X509_STORE_CTX *store)
{
	const X509 *cert = X509_STORE_CTX_get_current_cert(store);

	if (!cert || X509_STORE_CTX_get_error_depth(store) == 0)
		return;
	add_name(buf, size, "of the CA ", X509_get_subject_name(cert));
	add(buf, size, ": ");
}

static void describe(char *buf, size_t size, const struct rli_url *url,
		     X509_STORE_CTX *store)
{
	const X509 *cert = X509_STORE_CTX_get_current_cert(store);
	int error = X509_STORE_CTX_get_error(store);
	char name[RLI_TLS_NAME_MAX];

	switch (cert ? error : X509_V_ERR_UNSPECIFIED) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		add_authority(buf, size, store);
		add_time(buf, size, "it expired on ",
			 X509_get0_notAfter(cert));
		break;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		add_authority(buf, size, store);
		add_time(buf, size, "it is not valid before ",
			 X509_get0_notBefore(cert));
		break;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		rli_tls_name(url, name);
		add_names(buf, size, cert);
		add(buf, size, ", not for '%s'", name);
		break;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		add_unknown_issuer(buf, size, cert, url);
		break;
	default:
		add_authority(buf, size, store);
		add(buf, size, "%s", X509_verify_cert_error_string(error));
	}
}

int rli_tls_verify(int ok, X509_STORE_CTX *store)
{
	int index = SSL_get_ex_data_X509_STORE_CTX_idx();
	const SSL *ssl = X509_STORE_CTX_get_ex_data(store, index);
	struct rli_tls *tls = SSL_get_app_data(ssl);

	if (!ok && !tls->why[0])
		describe(tls->why, sizeof(tls->why), &tls->node->url, store);
	return ok;
}

/* ------------------------------------------------------------ files of ours */

/* The reason of an error, or a text of our own where OpenSSL's is obscure. */
static const char *file_reason(unsigned long error)
{
	int lib = ERR_GET_LIB(error), reason = ERR_GET_REASON(error);
	const char *text;

	if (ERR_SYSTEM_ERROR(error))
		return rli_system_error(reason);
	if ((lib == ERR_LIB_PEM && reason == PEM_R_NO_START_LINE) ||
	    (lib == ERR_LIB_X509 && reason == X509_R_NO_CERTIFICATE_OR_CRL_FOUND) ||
	    lib == ERR_LIB_OSSL_DECODER)
		return "nothing of the kind in it, in PEM form";
	if (reason == ERR_R_INTERRUPTED_OR_CANCELLED)
		return "it is encrypted, and rl asks for no passphrase";
	/* The second: not even of the same kind, as EC is not RSA. */
	if ((lib == ERR_LIB_X509 && reason == X509_R_KEY_VALUES_MISMATCH) ||
	    (lib == ERR_LIB_SSL && reason == SSL_R_NO_CERTIFICATE_ASSIGNED))
		return "it does not belong to the certificate";
	text = ERR_reason_error_string(error);
	return text ? text : "it cannot be used";
}

int rli_tls_bad_file(const struct rli_url *url, const char *option,
		     const char *path)
{
	/* The first one is the cause, those behind it where it happened. */
	unsigned long error = ERR_get_error();

	ERR_clear_error();
	return rli_fail(EACCES, "%s: %s '%s': %s", url->label, option, path,
			file_reason(error));
}

/* ------------------------------------------------------- the server's alerts */

static int no_certificate(const struct rli_url *url)
{
	return rli_fail(EACCES, "%s: the server wants a client certificate "
			"(cert=, key=)", url->label);
}

/* The server ended the session, with a number that says why. */
static int alerted(const struct rli_tls *tls, int alert)
{
	const struct rli_url *url = &tls->node->url;
	const char *text = SSL_alert_desc_string_long(alert);

	switch (alert) {
	case SSL_AD_PROTOCOL_VERSION:
		return rli_fail(EPROTO, "%s: no version of TLS in common; rl "
				"speaks 1.2 and 1.3", url->label);
	case SSL_AD_HANDSHAKE_FAILURE:
		/* With TLS 1.2, this is also how it misses a certificate. */
		if (tls->asked)
			return no_certificate(url);
		break;
	case SSL_AD_BAD_CERTIFICATE:
	case SSL_AD_UNSUPPORTED_CERTIFICATE:
	case SSL_AD_CERTIFICATE_REVOKED:
	case SSL_AD_CERTIFICATE_EXPIRED:
	case SSL_AD_CERTIFICATE_UNKNOWN:
	case SSL_AD_UNKNOWN_CA:
	case SSL_AD_ACCESS_DENIED:
	case SSL_AD_CERTIFICATE_REQUIRED:
		if (tls->asked || !url->cert)
			return no_certificate(url);
		return rli_fail(EACCES, "%s: the server refuses the client "
				"certificate '%s': %s", url->label, url->cert,
				text);
	}
	return rli_fail(EPROTO, "%s: the server ended TLS: %s", url->label,
			text);
}

/* -------------------------------------------------------------- every call */

/* Something is wrong with what came. */
static int refused(struct rli_tls *tls)
{
	const struct rli_url *url = &tls->node->url;
	unsigned long error = ERR_peek_error();
	int reason = ERR_GET_REASON(error);
	const char *text = ERR_reason_error_string(error);

	/* What was loaded may be what is wrong. */
	rli_tls_context_retire(tls->context);
	if (ERR_GET_LIB(error) == ERR_LIB_SSL) {
		if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED)
			return rli_fail(ENOLCK, "%s: the server's certificate "
					"is not accepted: %s", url->label,
					tls->why);
		if (reason == SSL_R_WRONG_VERSION_NUMBER)
			return rli_fail(EPROTO, "%s: the server does not speak "
					"TLS; if it need not, its URL begins "
					"with redis://", url->label);
		if (reason == SSL_R_UNSUPPORTED_PROTOCOL)
			return alerted(tls, SSL_AD_PROTOCOL_VERSION);
		if (reason > SSL_AD_REASON_OFFSET)
			return alerted(tls, reason - SSL_AD_REASON_OFFSET);
	}
	return rli_fail(EPROTO, "%s: TLS: %s", url->label,
			text ? text : "an unknown error");
}

static int ended(const struct rli_tls *tls, const char *doing)
{
	const char *label = tls->node->url.label;

	if (tls->io)
		return rli_fail(ENOLCK, "%s: %s: %s", label, doing,
				rli_system_error(tls->io));
	return rli_fail(ENOLCK, "%s: %s: the server closed the connection",
			label, doing);
}

static int cause(struct rli_tls *tls, int result, const char *doing)
{
	switch (SSL_get_error(tls->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		tls->wants = POLLIN;
		return EAGAIN;
	case SSL_ERROR_WANT_WRITE:
		tls->wants = POLLOUT;
		return EAGAIN;
	case SSL_ERROR_SSL:
		if (ERR_GET_REASON(ERR_peek_error()) == ERR_R_MALLOC_FAILURE)
			return rli_fail_nomem();
		return refused(tls);
	default:
		return ended(tls, doing);
	}
}

int rli_tls_failed(struct rli_tls *tls, int result, const char *doing)
{
	int err = cause(tls, result, doing);

	ERR_clear_error();
	return err;
}
