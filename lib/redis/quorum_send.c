#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "redis/quorum.h"
#include "redis/script.h"
#include "redis/scripts_lua.h"

#define META_KEEP_MS (8LL * 24 * 3600 * 1000)
#define META_KEEP_FOREVER_MS (366LL * 24 * 3600 * 1000)

#define ARGS_MAX 16

/*
 * The scripts and their arguments, one letter each: v value, l lease, t number
 * T, u T + 1, q server list, f flags, k how long to keep meta, s the highest
 * number that is known to be true. Of those behind a "-", the last ones are left
 * out where they have nothing to say.
 */
static const struct {
	const struct rli_script *script;
	int keys;
	const char *args;
} calls[RLI_Q_VERBS] = {
	[RLI_Q_ACQUIRE] = { &rli_script_qacquire, 3, "vltq-fs" },
	[RLI_Q_RELEASE] = { &rli_script_qrelease, 3, "vqu-f" },
	[RLI_Q_RENEW] = { &rli_script_qrenew, 2, "vlfktq" },
	[RLI_Q_ASK] = { &rli_script_qask, 3, "fkq" },
	[RLI_Q_INSPECT] = { &rli_script_qinspect, 2, "" },
	[RLI_Q_MEND] = { &rli_script_qmend, 2, "vtk" },
	[RLI_Q_RESET] = { &rli_script_qreset, 3, "tfk" },
};

/* Those of a single server have the lower half. */
unsigned rli_quorum_script_bit(enum rli_verb verb)
{
	return 0x10000u << verb;
}

/* Room for arguments that are made from numbers. */
struct scratch {
	char keys[24], lease[24], number[24], keep[24], truth[24];
	char flags[16];
};

static struct rli_arg decimal(char *buf, int64_t value)
{
	return (struct rli_arg){ buf, rli_decimal(buf, value) };
}

static struct rli_arg put_flags(char *buf, unsigned flags)
{
	static const char letter[] = "wrskaxloetupmv";	/* by their bits */
	size_t n = 0, bit;

	for (bit = 0; bit < sizeof(letter) - 1; bit++)
		if (flags & 1u << bit)
			buf[n++] = letter[bit];
	return (struct rli_arg){ buf, n };
}

/* The highest number that is known to be true, for nodes that are not
 * recoverable: empty if none has said so. */
static struct rli_arg truth(const struct rli_notes *notes, char *buf)
{
	/* Relaxed: at worst one round more. */
	if (!atomic_load_explicit(&notes->spoiled, memory_order_relaxed))
		return (struct rli_arg){ buf, 0 };
	return decimal(buf, (int64_t)atomic_load_explicit(
				    &notes->truth, memory_order_relaxed));
}

static struct rli_arg argument(const struct rli_vote *v, char letter,
			       struct scratch *s)
{
	const struct rli_round *r = v->round;

	switch (letter) {
	case 'v':
		return (struct rli_arg){ r->value, r->value_len };
	case 'l':
		return decimal(s->lease, r->lease_ms);
	case 't':
		return decimal(s->number, (int64_t)r->number);
	case 'u':
		return decimal(s->number, (int64_t)r->number + 1);
	case 'q':
		return (struct rli_arg){ r->servers->list,
					 strlen(r->servers->list) };
	case 'f':
		return put_flags(s->flags, v->flags);
	case 'k':
		return decimal(s->keep, r->lease_ms ? r->lease_ms + META_KEEP_MS
						    : META_KEEP_FOREVER_MS);
	default:
		return truth(r->place.notes, s->truth);
	}
}

static int arguments(const struct rli_vote *v, enum rli_verb verb, bool whole,
		     struct rli_arg *arg, struct scratch *s)
{
	const struct rli_script *script = calls[verb].script;
	const struct rli_place *place = &v->round->place;
	const struct rli_arg keys[3] = { { place->k, place->k_len },
					 { place->meta, place->meta_len },
					 { place->wake, place->wake_len } };
	const char *letter = calls[verb].args;
	int n = 0, i, needed = ARGS_MAX;

	arg[n++] = whole ? RLI_ARG("EVAL") : RLI_ARG("EVALSHA");
	arg[n++] = whole ? (struct rli_arg){ script->body, script->len }
			 : (struct rli_arg){ script->sha1, 40 };
	arg[n++] = decimal(s->keys, calls[verb].keys);
	for (i = 0; i < calls[verb].keys; i++)
		arg[n++] = keys[i];
	for (; *letter; letter++)
		if (*letter == '-')
			needed = n;
		else
			arg[n++] = argument(v, *letter, s);
	while (n > needed && !arg[n - 1].len)
		n--;
	return n;
}

static int send_one(struct rli_vote *v)
{
	struct rli_arg arg[ARGS_MAX];
	struct scratch scratch;
	int n = arguments(v, v->round->verb, v->whole, arg, &scratch);

	return rli_session_submit(v->session, &v->request, arg, n);
}

/* What all nodes are asked alike. */
static int make_same(const struct rli_vote *v)
{
	struct rli_conns *c = v->round->conns;
	struct rli_arg arg[ARGS_MAX];
	struct scratch scratch;
	int n = arguments(v, v->round->verb, false, arg, &scratch), err;

	c->same_of = NULL;
	rli_out_clear(&c->same);
	err = rli_out_command(&c->same, arg, n);
	if (err)
		return err;
	c->same_of = v->round;
	c->same_flags = v->flags;
	return 0;
}

int rli_quorum_send(struct rli_vote *v)
{
	struct rli_conns *c = v->round->conns;
	struct rli_arg whole;
	int err = 0;

	/* The one at which we shall wait is asked something else. */
	if (v->whole || v->flags & RLI_Q_HERE)
		return send_one(v);
	if (c->same_of != v->round || c->same_flags != v->flags)
		err = make_same(v);
	if (err)
		return err;
	whole = (struct rli_arg){ c->same.buf, c->same.len };
	return rli_session_submit(v->session, &v->request, &whole, 0);
}

void rli_quorum_expired(struct rli_request *request,
			struct rli_session *session)
{
	struct rli_vote *v = (struct rli_vote *)request;
	struct rli_arg arg[ARGS_MAX];
	struct scratch scratch;
	int n;

	v->again = true;
	if (v->round->confirmed) {
		rli_session_break(session, ENOLCK);
		return;
	}
	v->flags = RLI_DO_UNDO;
	n = arguments(v, RLI_Q_RELEASE, true, arg, &scratch);
	rli_session_last_words(session, ENOLCK, arg, n);
}
