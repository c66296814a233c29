#include "support/proxy.h"
#include "support/proxy_loop.h"
#include "support/wait.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void make_address(struct proxy *p, bool tcp)
{
	sock_mkdir(p->dir, sizeof(p->dir));
	if (!tcp)
		snprintf(p->addr.path, sizeof(p->addr.path), "%s/proxy",
			 p->dir);
}

static void make_url(struct proxy *p)
{
	if (p->addr.path[0])
		snprintf(p->url, sizeof(p->url), "unix://%s", p->addr.path);
	else
		snprintf(p->url, sizeof(p->url), "redis://127.0.0.1:%d",
			 p->addr.port);
}

struct proxy *proxy_start(const struct sock_addr *server, bool tcp)
{
	struct proxy *p = calloc(1, sizeof(*p));
	int listener, ctl[2];

	TEST_MUST(p);
	make_address(p, tcp);
	listener = sock_listen(&p->addr);
	make_url(p);
	TEST_MUST(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ctl));
	p->ctl = ctl[0];
	p->pid = sock_fork((int[]){ listener, ctl[1] }, 2);
	if (!p->pid)
		proxy_loop(ctl[1], listener, server);
	close(ctl[1]);
	close(listener);
	return p;
}

void proxy_stop(struct proxy *p)
{
	if (!p)
		return;
	kill(p->pid, SIGKILL);
	while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
		;
	close(p->ctl);
	sock_rmdir(p->dir);
	free(p);
}

static struct proxy_stats ask(struct proxy *p, const struct proxy_request *r)
{
	struct proxy_stats stats;
	ssize_t n;

	TEST_MUST(send(p->ctl, r, sizeof(*r), MSG_NOSIGNAL) == sizeof(*r));
	do {
		n = recv(p->ctl, &stats, sizeof(stats), 0);
	} while (n < 0 && errno == EINTR);
	TEST_MUST(n == sizeof(stats));
	return stats;
}

void proxy_arm(struct proxy *p, const struct proxy_rule *rule)
{
	ask(p, &(struct proxy_request){ .op = PROXY_OP_ARM, .rule = *rule });
}

void proxy_disarm(struct proxy *p)
{
	ask(p, &(struct proxy_request){ .op = PROXY_OP_DISARM });
}

struct proxy_stats proxy_stats(struct proxy *p)
{
	return ask(p, &(struct proxy_request){ .op = PROXY_OP_STATS });
}

static bool fired(void *arg)
{
	return proxy_stats(arg).fired > 0;
}

bool proxy_fired(struct proxy *p)
{
	return fired(p);
}

bool proxy_fires(struct proxy *p)
{
	return wait_until(fired, p, WAIT_MS);
}

void proxy_act(struct proxy *p, enum proxy_dir dir, enum proxy_action action)
{
	ask(p, &(struct proxy_request){
		       .op = PROXY_OP_ACT,
		       .rule = { .dir = dir, .action = action } });
}

void proxy_release(struct proxy *p)
{
	ask(p, &(struct proxy_request){ .op = PROXY_OP_RELEASE });
}

void proxy_delay(struct proxy *p, enum proxy_dir dir, int ms)
{
	ask(p, &(struct proxy_request){ .op = PROXY_OP_DELAY,
					.rule = { .dir = dir },
					.value = ms });
}

void proxy_refuse(struct proxy *p, bool refuse)
{
	ask(p,
	    &(struct proxy_request){ .op = PROXY_OP_REFUSE, .value = refuse });
}
