/*
 * Many threads over TLS, and a process that ends, or has OpenSSL end, while
 * its threads are in the middle of it.
 */
#include <errno.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rl/rl.h>

#include "support/pki.h"
#include "support/server.h"
#include "support/wait.h"

#define THREADS 8

/* Of the URL: for what must not fail on a slow machine, and for what will when
 * OpenSSL has ended. */
#define WAITS "command_timeout=20000&connect_timeout=20000"
#define PATIENT "outage_timeout=60000&" WAITS
#define HASTY "outage_timeout=2500&" WAITS

static struct pki *pki;
static struct server *srv;
static int port, port_fd;
static atomic_int failures;
static bool slow;	/* under valgrind */

#define CHECK(expr)                                                        \
	do {                                                               \
		if (!(expr)) {                                             \
			fprintf(stderr, "%s:%d: failed: %s (%s)\n",        \
				__FILE__, __LINE__, #expr,                 \
				rl_last_error());                          \
			failures++;                                        \
		}                                                          \
	} while (0)

static void start(void)
{
	char config[1024];

	pki = pki_new();
	pki_make(pki, &(struct pki_cert){ .name = "ca", .ca = true });
	pki_make(pki, &(struct pki_cert){ .name = "server", .issuer = "ca",
					  .san = "IP:127.0.0.1" });
	port_fd = sock_reserve_port(&port);
	snprintf(config, sizeof(config), "tls-port %d\ntls-cert-file %s\n"
		 "tls-key-file %s\ntls-ca-cert-file %s\ntls-auth-clients no",
		 port, pki_path(pki, "server.pem"),
		 pki_path(pki, "server.key"), pki_path(pki, "ca.pem"));
	srv = server_start(&(struct server_options){ .config = config });
}

static void make(rl_mutex_t *m, const char *name, const char *options)
{
	rl_mutexattr_t attr;
	char url[512];

	snprintf(url, sizeof(url), "rediss://127.0.0.1:%d?cacert=%s&%s", port,
		 pki_path(pki, "ca.pem"), options);
	CHECK(rl_mutexattr_init(&attr) == 0);
	CHECK(rl_mutexattr_setservers(&attr, url) == 0);
	CHECK(rl_mutexattr_setlease(&attr, 30000) == 0);
	CHECK(rl_mutexattr_setrefreshinterval(&attr, 10) == 0);
	CHECK(rl_mutex_init(m, name, &attr) == 0);
	rl_mutexattr_destroy(&attr);
}

/* ------------------------------------------------------------------ stress */

static rl_mutex_t shared;
static atomic_int inside, holds;
static atomic_bool stop;

static void *use_both(void *arg)
{
	char name[32];
	rl_mutex_t own;

	snprintf(name, sizeof(name), "own %d", *(int *)arg);
	make(&own, name, PATIENT);
	while (!atomic_load(&stop) && !failures) {
		CHECK(rl_mutex_lock(&shared) == 0);
		CHECK(atomic_fetch_add(&inside, 1) == 0);
		CHECK(rl_mutex_lock(&own) == 0);
		CHECK(rl_mutex_unlock(&own) == 0);
		CHECK(atomic_fetch_sub(&inside, 1) == 1);
		CHECK(rl_mutex_unlock(&shared) == 0);
		atomic_fetch_add(&holds, 1);
	}
	CHECK(rl_mutex_destroy(&own) == 0);
	return NULL;
}

/* Twice with new threads, which connect and close together. */
static void stress(void)
{
	pthread_t thread[THREADS];
	int number[THREADS], round, i;

	make(&shared, "shared", PATIENT);
	for (round = 1; round <= 2; round++) {
		int64_t until = wait_now_ms() + 1000;

		atomic_store(&stop, false);
		for (i = 0; i < THREADS; i++) {
			number[i] = i;
			pthread_create(&thread[i], NULL, use_both, &number[i]);
		}
		while ((wait_now_ms() < until || atomic_load(&holds) < 50) &&
		       !failures)
			usleep(1000);
		atomic_store(&stop, true);
		for (i = 0; i < THREADS; i++)
			pthread_join(thread[i], NULL);
	}
	CHECK(rl_mutex_destroy(&shared) == 0);
	printf("%d holds by %d threads\n", atomic_load(&holds), THREADS);
}

/* --------------------------------------------------------------- the end */

static void *lock_for_ever(void *arg)
{
	rl_mutex_t *m = arg;

	/* Until OpenSSL ends. A thread that ends behind it loses what OpenSSL
	 * kept for it, and leak checkers would say so. */
	while (rl_mutex_lock(m) == 0 && rl_mutex_unlock(m) == 0)
		atomic_fetch_add(&holds, 1);
	while (!atomic_load(&stop))
		usleep(1000);
	return NULL;
}

/* Threads and the keeper are busy when this returns. */
static void get_busy(rl_mutex_t *held, pthread_t *thread, int n)
{
	static rl_mutex_t locks[THREADS];
	char name[32];
	int i;

	make(held, "held", slow ? PATIENT : HASTY);
	CHECK(rl_mutex_lock(held) == 0);
	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "busy %d", i);
		make(&locks[i], name, slow ? PATIENT : HASTY);
		pthread_create(&thread[i], NULL, lock_for_ever, &locks[i]);
	}
	while (atomic_load(&holds) < 20 && !failures)
		usleep(100);
}

static void end_busy(void)
{
	pthread_t thread[3];
	rl_mutex_t held;

	get_busy(&held, thread, 3);
	/* Leaving what is held to its lease. */
	exit(failures);
}

static void end_openssl(void)
{
	pthread_t thread[3];
	rl_mutex_t held;
	int i;

	get_busy(&held, thread, 3);
	OPENSSL_cleanup();
	atomic_store(&stop, true);
	for (i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	CHECK(rl_mutex_unlock(&held) == ENOLCK);
	_exit(failures);
}

static void in_a_child(void (*fn)(void))
{
	int64_t until = wait_now_ms() + 3 * WAIT_MS;
	int status = 0;
	pid_t pid = fork(), ended;

	if (pid == 0) {
		failures = 0;
		fn();
	}
	CHECK(pid > 0);
	while ((ended = waitpid(pid, &status, WNOHANG)) == 0 &&
	       wait_now_ms() < until)
		usleep(1000);
	CHECK(ended == pid);
	if (ended != pid)
		kill(pid, SIGKILL);
	if (status)
		fprintf(stderr, "the child ended with status %#x\n", status);
	CHECK(status == 0);
	server_ask(srv, "FLUSHALL");
}

int main(void)
{
	int i;

	slow = getenv("RL_TEST_SLOW");

	start();
	for (i = 0; i < (slow ? 1 : 8); i++)
		in_a_child(end_busy);
	/* Threads that OpenSSL leaves behind are leaks to valgrind. */
	if (!slow)
		in_a_child(end_openssl);
	stress();
	server_stop(srv);
	close(port_fd);
	pki_free(pki);
	return failures != 0;
}
