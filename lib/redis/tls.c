/*
 * DESIGN
 *
 * OpenSSL reads and writes through a BIO of our own, which calls
 * rli_link_send() and rli_link_receive(): so no write raises SIGPIPE, EINTR is
 * dealt with in the one place, and the exact cause of a failure is at hand.
 * A pair of memory BIOs would do the same with one more copy of each byte and
 * buffers that grow and shrink on the heap.
 *
 * Whatever calls OpenSSL stands between enter() and leave(), which makes
 * three things true.
 *
 *  - fork() waits until no thread is inside. Locks inside OpenSSL are free in
 *    the child and its contexts whole, so the child may use both; sessions of
 *    the parent are left as they are, memory and all (conns.c).
 *  - exit() runs OPENSSL_cleanup() while other threads run on. Before it, the
 *    keeper has ended and the sessions of the thread that calls exit() are
 *    closed; then it waits until no thread is inside, and from then on nothing
 *    calls OpenSSL: every session has failed, and is not freed any more. A
 *    program that calls OPENSSL_cleanup() itself gets the second half of this.
 *  - OpenSSL's queue of errors holds this call's errors only. Errors that the
 *    program left there are lost, as with any user of OpenSSL.
 *
 * Nothing inside blocks, but for reading certificates when a server is first
 * connected to.
 */
#include "redis/tls.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/gate.h"
#include "redis/link.h"
#include "redis/tls_session.h"

/* How long exit() waits for a thread inside; one that a signal handler which
 * calls exit() has interrupted never leaves. */
#define END_PATIENCE (1 * RLI_S)

static struct rli_gate gate;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static BIO_METHOD *method;	/* made once; NULL: it could not be */
static void (*_Atomic process_end)(void);	/* of rli_tls_at_exit */
/* Sessions whose end came after OpenSSL's, so that they are no leaks. */
static _Atomic(struct rli_tls *) kept;

bool rli_tls_supported(void)
{
	return true;
}

static bool enter(void)
{
	if (!rli_gate_enter(&gate))
		return false;
	ERR_clear_error();
	return true;
}

static void leave(void)
{
	rli_gate_leave(&gate);
}

static int process_ends(const struct rli_tls *tls)
{
	return rli_fail(ENOLCK, "%s: OpenSSL has ended, as does this process",
			tls->node->url.label);
}

/* -------------------------------------------------------------- the socket */

/* What OpenSSL is told: try again, or failed; the cause is kept in tls->io. */
static int moved(BIO *bio, ssize_t n, int again, size_t *count)
{
	struct rli_tls *tls = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	*count = n > 0 ? (size_t)n : 0;
	if (n == -EAGAIN)
		BIO_set_flags(bio, again | BIO_FLAGS_SHOULD_RETRY);
	else if (n <= 0)
		tls->io = (int)-n;
	return n > 0;
}

static int bio_write(BIO *bio, const char *buf, size_t len, size_t *count)
{
	struct rli_tls *tls = BIO_get_data(bio);

	return moved(bio, rli_link_send(tls->fd, buf, len), BIO_FLAGS_WRITE,
		     count);
}

static int bio_read(BIO *bio, char *buf, size_t len, size_t *count)
{
	struct rli_tls *tls = BIO_get_data(bio);

	return moved(bio, rli_link_receive(tls->fd, buf, len), BIO_FLAGS_READ,
		     count);
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
	(void)bio;
	(void)number;
	(void)pointer;
	return command == BIO_CTRL_FLUSH;
}

/* -------------------------------------------------------- beginning, ending */

static void openssl_ends(void)
{
	rli_gate_end(&gate, rli_after(rli_now(), END_PATIENCE));
}

static void exit_begins(void)
{
	void (*ends)(void) = atomic_load(&process_end);

	if (ends)
		ends();
	/* Threads that run on must not have a keeper started again. */
	openssl_ends();
}

static void init(void)
{
	BIO_METHOD *made;

	/* What was registered last is called first: OpenSSL's own call is
	 * registered when it is initialised. */
	if (!OPENSSL_init_ssl(0, NULL) || !OPENSSL_atexit(openssl_ends) ||
	    atexit(exit_begins))
		return;
	made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "rl");
	if (!made)
		return;
	BIO_meth_set_write_ex(made, bio_write);
	BIO_meth_set_read_ex(made, bio_read);
	BIO_meth_set_ctrl(made, bio_ctrl);
	method = made;
}

static bool set_bio(struct rli_tls *tls)
{
	BIO *bio = BIO_new(method);

	if (!bio)
		return false;
	BIO_set_data(bio, tls);
	BIO_set_init(bio, 1);
	SSL_set_bio(tls->ssl, bio, bio);
	return true;
}

/* The name of an address may not stand in SNI. */
static bool set_sni(struct rli_tls *tls)
{
	char name[RLI_TLS_NAME_MAX];

	if (rli_tls_name(&tls->node->url, name))
		return true;
	return SSL_set_tlsext_host_name(tls->ssl, name);
}

static int make_ssl(struct rli_tls *tls)
{
	tls->ssl = SSL_new(tls->context->ctx);
	if (!tls->ssl || !set_bio(tls) || !set_sni(tls))
		return rli_fail_nomem();
	SSL_set_app_data(tls->ssl, tls);
	SSL_set_connect_state(tls->ssl);
	return 0;
}

static int fill(struct rli_tls *tls)
{
	int err;

	pthread_once(&once, init);
	if (!method)
		return rli_fail_nomem();
	err = rli_tls_context_get(tls->node, &tls->context);
	return err ? err : make_ssl(tls);
}

int rli_tls_begin(const struct rli_node *node, int fd, struct rli_tls **out)
{
	struct rli_tls *tls = rli_calloc(1, sizeof(*tls));
	int err;

	*out = NULL;
	if (!tls)
		return rli_fail_nomem();
	tls->node = node;
	tls->fd = fd;
	if (!enter()) {
		err = process_ends(tls);
		rli_free(tls);
		return err;
	}
	err = fill(tls);
	leave();
	if (err)
		rli_tls_end(tls);
	else
		*out = tls;
	return err;
}

static void keep(struct rli_tls *tls)
{
	tls->next = atomic_load_explicit(&kept, memory_order_relaxed);
	/* Nobody ever looks at them: no order is needed. */
	while (!atomic_compare_exchange_weak_explicit(
		       &kept, &tls->next, tls, memory_order_relaxed,
		       memory_order_relaxed))
		;
}

void rli_tls_end(struct rli_tls *tls)
{
	if (!tls)
		return;
	if (!enter()) {
		keep(tls);
		return;
	}
	/* Sends nothing: that would be SSL_shutdown(). */
	SSL_free(tls->ssl);
	if (tls->context)
		rli_tls_context_put(tls->context);
	leave();
	rli_free(tls);
}

/* --------------------------------------------------------------- the session */

int rli_tls_handshake(struct rli_tls *tls)
{
	int result, err = 0;

	if (!enter())
		return process_ends(tls);
	tls->wants = 0;
	result = SSL_connect(tls->ssl);
	if (result != 1)
		err = rli_tls_failed(tls, result, "TLS handshake");
	leave();
	return err;
}

ssize_t rli_tls_send(struct rli_tls *tls, const char *buf, size_t len)
{
	size_t n;
	int err = 0;

	if (!enter())
		return -process_ends(tls);
	tls->wants = 0;
	if (!SSL_write_ex(tls->ssl, buf, len, &n))
		err = rli_tls_failed(tls, 0, "sending");
	leave();
	return err ? -err : (ssize_t)n;
}

ssize_t rli_tls_receive(struct rli_tls *tls, char *buf, size_t len)
{
	size_t n;
	int err = 0;

	if (!enter())
		return -process_ends(tls);
	tls->wants = 0;
	if (!SSL_read_ex(tls->ssl, buf, len, &n))
		err = rli_tls_failed(tls, 0, "receiving");
	leave();
	return err ? -err : (ssize_t)n;
}

bool rli_tls_pending(const struct rli_tls *tls)
{
	bool pending;

	if (!enter())
		return false;
	/* Behind a part of a record, it waits for the rest. */
	pending = !(tls->wants & POLLIN) && SSL_has_pending(tls->ssl);
	leave();
	return pending;
}

/* Bytes that are not for us, like a ticket for a later session, are read. */
bool rli_tls_quiet(struct rli_tls *tls)
{
	char c;
	int result;
	bool quiet;

	if (!enter())
		return false;
	result = SSL_peek(tls->ssl, &c, 1);
	quiet = result <= 0 &&
		rli_tls_failed(tls, result, "receiving") == EAGAIN;
	leave();
	return quiet;
}

short rli_tls_wants(const struct rli_tls *tls)
{
	return tls->wants;
}

void rli_tls_thread_ends(void)
{
	if (!enter())
		return;
	OPENSSL_thread_stop();
	leave();
}

void rli_tls_at_exit(void (*ends)(void))
{
	atomic_store(&process_end, ends);
}

/* -------------------------------------------------------------------- fork */

void rli_tls_before_fork(void)
{
	rli_gate_shut(&gate, RLI_FOREVER);
}

void rli_tls_after_fork_parent(void)
{
	rli_gate_open(&gate);
}

void rli_tls_after_fork_child(void)
{
	rli_gate_reset(&gate);
}
