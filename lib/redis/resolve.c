#include "redis/resolve.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"

/* Two hold it: who asks, and the thread that finds out. */
struct rli_lookup {
	atomic_int refs;
	int fd;			/* eventfd: the two fields below are set */
	int err;		/* of getaddrinfo() */
	struct addrinfo *list;
	char port[8];
	char host[];
};

static void put(struct rli_lookup *lookup)
{
	/* Acquire and release: the last one sees all that the other wrote. */
	if (atomic_fetch_sub_explicit(&lookup->refs, 1,
				      memory_order_acq_rel) > 1)
		return;
	if (lookup->list)
		freeaddrinfo(lookup->list);
	close(lookup->fd);
	rli_free(lookup);
}

static int find(const char *host, const char *port, int flags,
		struct addrinfo **list)
{
	struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = flags | AI_NUMERICSERV,
	};

	return getaddrinfo(host, port, &hints, list);
}

static void *look_up(void *arg)
{
	struct rli_lookup *lookup = arg;
	uint64_t one = 1;
	ssize_t n;

	lookup->err = find(lookup->host, lookup->port, 0, &lookup->list);
	n = write(lookup->fd, &one, sizeof(one));
	(void)n; /* an eventfd that was 0 takes it */
	put(lookup);
	return NULL;
}

static int start_thread(struct rli_lookup *lookup)
{
	sigset_t all, old;
	pthread_attr_t attr;
	pthread_t thread;
	int err = pthread_attr_init(&attr);

	if (err)
		return err;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&thread, &attr, look_up, lookup);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return err;
}

static int make(const char *host, const char *port, struct rli_lookup **made)
{
	size_t len = strlen(host) + 1;
	struct rli_lookup *lookup = rli_calloc(1, sizeof(*lookup) + len);

	if (!lookup)
		return rli_fail_nomem();
	memcpy(lookup->host, host, len);
	snprintf(lookup->port, sizeof(lookup->port), "%s", port);
	atomic_init(&lookup->refs, 2);
	lookup->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (lookup->fd < 0) {
		rli_free(lookup);
		return rli_fail(ENOLCK, "%s: cannot be looked up: eventfd: %s",
				host, rli_system_error(errno));
	}
	*made = lookup;
	return 0;
}

int rli_lookup_begin(const char *host, int port, struct rli_lookup **lookup,
		     struct addrinfo **list)
{
	char text[8];
	int err;

	*lookup = NULL;
	*list = NULL;
	snprintf(text, sizeof(text), "%d", port);
	if (find(host, text, AI_NUMERICHOST, list) == 0)
		return 0;
	*list = NULL;
	err = make(host, text, lookup);
	if (err)
		return err;
	err = start_thread(*lookup);
	if (err) {
		atomic_store(&(*lookup)->refs, 1);
		put(*lookup);
		*lookup = NULL;
		return rli_fail(ENOLCK, "%s: cannot be looked up: thread: %s",
				host, rli_system_error(err));
	}
	return 0;
}

int rli_lookup_fd(const struct rli_lookup *lookup)
{
	return lookup->fd;
}

int rli_lookup_take(struct rli_lookup *lookup, struct addrinfo **list)
{
	int err = lookup->err;

	*list = lookup->list;
	lookup->list = NULL;
	put(lookup);
	return err;
}

void rli_lookup_abandon(struct rli_lookup *lookup)
{
	put(lookup);
}
