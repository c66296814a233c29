#include "support/fake.h"
#include "support/wait.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* The state of the fake's process. */
struct stage {
	int ctl, listener;
	int fd;		     /* the connection in use, -1: none */
	redisReader *reader; /* what came on it and was not yet used */
	atomic_int *steps;   /* shared with the test, which only reads it */
};

/* Memory that stays shared with a process forked later. */
static atomic_int *shared_counter(void)
{
	void *page = mmap(NULL, sizeof(atomic_int), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	TEST_MUST(page != MAP_FAILED);
	return page;
}

static void use_connection(struct stage *s, int fd)
{
	s->fd = fd;
	if (s->reader)
		redisReaderFree(s->reader);
	s->reader = redisReaderCreate();
	TEST_MUST(s->reader);
}

static void send_all(struct stage *s, const char *data, size_t len)
{
	ssize_t n;

	for (; len; data += n, len -= (size_t)n) {
		n = send(s->fd, data, len, MSG_NOSIGNAL);
		if (n < 0)
			return;
	}
}

/* The next whole command; NULL when the other side has closed. */
static redisReply *next_command(struct stage *s)
{
	char buf[4096];
	void *reply = NULL;
	ssize_t n;

	for (;;) {
		if (redisReaderGetReply(s->reader, &reply) != REDIS_OK)
			return NULL;
		if (reply)
			return reply;
		n = recv(s->fd, buf, sizeof(buf), 0);
		if (n <= 0)
			return NULL;
		redisReaderFeed(s->reader, buf, (size_t)n);
	}
}

static bool begins_with(const redisReply *r, const char *word)
{
	return !word || (r->elements && !strcasecmp(r->element[0]->str, word));
}

static void await_command(struct stage *s, const char *word)
{
	redisReply *r;
	bool found = false;

	while (!found && (r = next_command(s))) {
		found = begins_with(r, word);
		if (!found && begins_with(r, "PING"))
			send_all(s, "+PONG\r\n", 7);
		else if (!found)
			send_all(s, "+OK\r\n", 5);
		freeReplyObject(r);
	}
}

static void read_bytes(struct stage *s, size_t len)
{
	char c;

	while (len && recv(s->fd, &c, 1, 0) == 1)
		len--;
}

static void close_connection(struct stage *s, bool reset)
{
	struct linger now = { .l_onoff = 1 };

	if (reset)
		setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(s->fd);
	s->fd = -1;
}

static void do_step(struct stage *s, const struct fake_step *step)
{
	const char *text = step->text ? step->text : "";
	char c;

	switch (step->kind) {
	case FAKE_ACCEPT:
		use_connection(s, accept(s->listener, NULL, NULL));
		break;
	case FAKE_COMMAND:
		await_command(s, step->text);
		break;
	case FAKE_SEND:
		send_all(s, text, step->len ? step->len : strlen(text));
		break;
	case FAKE_BYTES:
		read_bytes(s, step->len);
		break;
	case FAKE_PAUSE:
		(void)!recv(s->ctl, &c, 1, 0);
		break;
	case FAKE_EOF:
		read_bytes(s, SIZE_MAX);
		break;
	case FAKE_HALF:
		shutdown(s->fd, SHUT_WR);
		break;
	case FAKE_CLOSE:
	case FAKE_RST:
		close_connection(s, step->kind == FAKE_RST);
		break;
	case FAKE_AGAIN:
		break;
	}
}

static void play(struct stage *s, const struct fake_step *script, int n)
{
	int i = 0;

	while (i < n) {
		do_step(s, &script[i]);
		atomic_fetch_add(s->steps, 1);
		i = script[i].kind == FAKE_AGAIN ? 0 : i + 1;
	}
	for (;;)
		pause();
}

static void listen_at(struct fake *f, struct stage *s, bool tcp)
{
	sock_mkdir(f->dir, sizeof(f->dir));
	if (!tcp)
		snprintf(f->addr.path, sizeof(f->addr.path), "%s/fake", f->dir);
	s->listener = sock_listen(&f->addr);
	if (tcp)
		snprintf(f->url, sizeof(f->url), "redis://127.0.0.1:%d",
			 f->addr.port);
	else
		snprintf(f->url, sizeof(f->url), "unix://%s", f->addr.path);
}

struct fake *fake_start(const struct fake_step *script, int n, bool tcp)
{
	struct fake *f = calloc(1, sizeof(*f));
	struct stage s = { .fd = -1 };
	int ctl[2];

	TEST_MUST(f);
	listen_at(f, &s, tcp);
	TEST_MUST(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ctl));
	f->ctl = ctl[0];
	s.ctl = ctl[1];
	f->steps = s.steps = shared_counter();
	f->pid = sock_fork((int[]){ s.listener, s.ctl }, 2);
	if (!f->pid)
		play(&s, script, n);
	close(s.listener);
	close(s.ctl);
	return f;
}

void fake_stop(struct fake *f)
{
	if (!f)
		return;
	kill(f->pid, SIGKILL);
	while (waitpid(f->pid, NULL, 0) < 0 && errno == EINTR)
		;
	close(f->ctl);
	munmap(f->steps, sizeof(*f->steps));
	sock_rmdir(f->dir);
	free(f);
}

void fake_go(struct fake *f)
{
	TEST_MUST(send(f->ctl, "", 1, MSG_NOSIGNAL) == 1);
}

int fake_steps(struct fake *f)
{
	return atomic_load(f->steps);
}

struct target {
	struct fake *fake;
	int steps;
};

static bool reached(void *arg)
{
	struct target *t = arg;

	return fake_steps(t->fake) >= t->steps;
}

bool fake_reaches(struct fake *f, int steps)
{
	struct target t = { f, steps };

	return wait_until(reached, &t, WAIT_MS);
}
