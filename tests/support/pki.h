#ifndef TESTS_SUPPORT_PKI_H
#define TESTS_SUPPORT_PKI_H

/*
 * Certificates of the test's own, in a folder of its own: authorities, and what
 * they sign. Keys are on P-256, which is quick to make.
 *
 *	struct pki *pki = pki_new();
 *
 *	pki_make(pki, &(struct pki_cert){ .name = "ca", .ca = true });
 *	pki_make(pki, &(struct pki_cert){ .name = "server", .issuer = "ca",
 *		.san = "DNS:localhost,IP:127.0.0.1" });
 *	... pki_path(pki, "server.pem"), pki_path(pki, "server.key") ...
 *	pki_free(pki);
 */

#include <stdbool.h>

struct pki {
	char dir[80];
};

struct pki_cert {
	const char *name;   /* of its files; CN too, if that is NULL */
	const char *cn;	    /* common name; "" for none */
	const char *issuer; /* the name of an authority; NULL: self-signed */
	const char *san;    /* subjectAltName, as openssl.cnf writes it */
	int from_s, to_s;   /* validity from now; 0: an hour ago, an hour */
	bool ca;
};

struct pki *pki_new(void);
void pki_free(struct pki *pki);

/* Make NAME.pem, followed by its issuer's if that is not a root, and NAME.key. */
void pki_make(struct pki *pki, const struct pki_cert *cert);

/* NAME.enc.key: the key of NAME, encrypted. */
void pki_encrypt_key(struct pki *pki, const char *name);

/* The path of a file in the folder; good for the thread's next 31 calls. */
const char *pki_path(const struct pki *pki, const char *file);

#endif
