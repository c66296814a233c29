/*
 * usage: serve quorum|tls
 *
 * Servers that a script cannot start by itself: three of a quorum, or one that
 * speaks TLS, on a port of the kernel's choice. Says what RL_SERVERS is to be,
 * and ends them with its standard input.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/server.h"
#ifdef RL_TEST_TLS
#include "support/pki.h"
#endif

static void until_told(const char *servers)
{
	char byte;

	printf("%s\n", servers);
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
}

static int serve_quorum(void)
{
	struct server *srv = server_start_many(NULL, 3);

	until_told(srv->urls);
	server_stop(srv);
	return 0;
}

#ifdef RL_TEST_TLS
static struct server *start_tls(const struct pki *pki, int port)
{
	char config[1024];

	snprintf(config, sizeof(config), "tls-port %d\ntls-cert-file %s\n"
		 "tls-key-file %s\ntls-ca-cert-file %s\ntls-auth-clients no",
		 port, pki_path(pki, "server.pem"),
		 pki_path(pki, "server.key"), pki_path(pki, "ca.pem"));
	return server_start(&(struct server_options){ .config = config });
}

/* Patient: the machine may be busy. */
static int serve_tls(void)
{
	struct pki *pki = pki_new();
	int port, fd = sock_reserve_port(&port);
	struct server *srv;
	char url[512];

	pki_make(pki, &(struct pki_cert){ .name = "ca", .ca = true });
	pki_make(pki, &(struct pki_cert){ .name = "server", .issuer = "ca",
					  .san = "IP:127.0.0.1" });
	srv = start_tls(pki, port);
	snprintf(url, sizeof(url), "rediss://127.0.0.1:%d?cacert=%s"
		 "&connect_timeout=9000&command_timeout=9000", port,
		 pki_path(pki, "ca.pem"));
	until_told(url);
	server_stop(srv);
	close(fd);
	pki_free(pki);
	return 0;
}
#endif

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "quorum"))
		return serve_quorum();
#ifdef RL_TEST_TLS
	if (argc == 2 && !strcmp(argv[1], "tls"))
		return serve_tls();
#endif
	fprintf(stderr, "usage: serve quorum|tls\n");
	return 2;
}
