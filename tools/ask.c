#include "ask.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"

struct question {
	struct rli_request request;
	struct rli_session *session;
	struct rli_conns *conns;
	struct answer *answer;
	bool done;
};

static void collect(void *arg, const char *text, size_t len)
{
	struct answer *answer = arg;
	char *more = realloc(answer->text, answer->len + len + 2);

	if (!more) {
		answer->err = rli_fail_nomem();
		return;
	}
	memcpy(more + answer->len, text, len);
	answer->text = more;
	answer->len += len;
	more[answer->len++] = '\n';
	more[answer->len] = '\0';
}

static void done(struct rli_request *request, int err, bool unsent,
		 const struct rli_reply *reply)
{
	struct question *q = (struct question *)request;

	(void)unsent;
	if (!err && reply->type == REDIS_REPLY_ERROR)
		err = rli_reply_error(q->session->node->url.label, reply);
	if (err)
		q->answer->err = err;
	q->answer->heard = rli_now();
	q->done = true;
	q->conns->finished++;
}

static int64_t patience(const struct rli_node *node)
{
	return rli_ms(node->url.connect_timeout_ms +
		      node->url.command_timeout_ms);
}

static int send_and_wait(struct question *q, const char *const words[])
{
	const struct rli_sink sink = { collect, q->answer };
	struct rli_arg arg[ASK_WORDS];
	int err;
	int n;

	for (n = 0; n < ASK_WORDS && words[n]; n++)
		arg[n] = (struct rli_arg){ words[n], strlen(words[n]) };
	q->request.done = done;
	q->answer->sent = rli_now();
	q->request.deadline =
		rli_after(q->answer->sent, patience(q->session->node));
	q->request.sink = &sink;
	err = rli_session_submit(q->session, &q->request, arg, n);
	while (!err && !q->done)
		rli_conns_pump(q->conns, RLI_FOREVER, -1);
	return err ? err : q->answer->err;
}

int ask(struct rli_conns *conns, struct rli_node *node,
	const char *const words[], struct answer *answer)
{
	struct question q = { .conns = conns, .answer = answer };
	int err = rli_conns_session(conns, node, &q.session);

	*answer = (struct answer){ .text = calloc(1, 1) };
	if (!answer->text)
		return rli_fail_nomem();
	if (!err)
		err = send_and_wait(&q, words);
	if (err) {
		free(answer->text);
		answer->text = NULL;
	}
	return err;
}
