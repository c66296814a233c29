#include "base/place.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/text.h"

/* Whether K has a hash tag: 0 or 1, or -1 if its braces make none. */
static int hash_tag(const char *k)
{
	const char *open = strchr(k, '{'), *close = strchr(k, '}');

	if (!open && !close)
		return 0;
	if (!open || !close || close < open + 2 || strchr(open + 1, '{') ||
	    strchr(close + 1, '}'))
		return -1;
	return 1;
}

static char *join(const char *a, const char *b, const char *c, size_t *len)
{
	char *text;

	*len = strlen(a) + strlen(b) + strlen(c);
	text = rli_malloc(*len + 1);
	if (text)
		stpcpy(stpcpy(stpcpy(text, a), b), c);
	return text;
}

int rli_place_check_name(const char *name)
{
	size_t len = name ? strlen(name) : 0;

	if (len == 0)
		return rli_fail(EINVAL, "a lock needs a name");
	if (len > RLI_NAME_MAX)
		return rli_fail(EINVAL, "a lock's name is at most %d bytes "
				"long, not %zu", RLI_NAME_MAX, len);
	return 0;
}

void rli_notes_hold(struct rli_notes *notes)
{
	atomic_fetch_add_explicit(&notes->refs, 1, memory_order_relaxed);
}

void rli_notes_put(struct rli_notes *notes)
{
	/* Release and acquire: whoever frees them is the last to touch them. */
	if (notes && atomic_fetch_sub_explicit(&notes->refs, 1,
					       memory_order_acq_rel) == 1)
		rli_free(notes);
}

static void make_notes(struct rli_place *p)
{
	p->notes = rli_calloc(1, sizeof(*p->notes));
	if (p->notes)
		atomic_init(&p->notes->refs, 1);
}

static void make_keys(struct rli_place *p, int tag, const char *prefix,
		      const char *name)
{
	p->k = join(prefix, name, "", &p->k_len);
	if (!p->k)
		return;
	p->meta = tag ? join(p->k, ":rl.meta", "", &p->meta_len)
		      : join("{", p->k, "}:rl:meta", &p->meta_len);
	p->wake = tag ? join(p->k, ":rl.wake", "", &p->wake_len)
		      : join("{", p->k, "}:rl:wake", &p->wake_len);
	p->recall = tag ? join(p->k, ":rl.recall", "", &p->recall_len)
			: join("{", p->k, "}:rl:recall", &p->recall_len);
}

int rli_place_make(struct rli_place *p, const char *prefix, const char *name)
{
	int tag;

	memset(p, 0, sizeof(*p));
	make_keys(p, 0, prefix, name);
	tag = p->k ? hash_tag(p->k) : 0;
	if (tag) {
		rli_place_free(p);
		make_keys(p, 1, prefix, name);
	}
	make_notes(p);
	p->hash = p->k ? rli_hash(RLI_HASH_BEGIN, p->k) : 0;
	if (tag < 0)
		rli_fail(EINVAL, "'%s%s' has a brace that is not part of one "
			 "hash tag, {like this}", prefix, name);
	else if (p->wake && p->meta && p->recall && p->notes)
		return 0;
	else
		rli_fail_nomem();
	rli_place_free(p);
	return tag < 0 ? EINVAL : ENOMEM;
}

size_t rli_place_room(const struct rli_place *p)
{
	return p->k_len + p->meta_len + p->wake_len + 3;
}

char *rli_text_copy(const char *text, size_t len, char **to)
{
	char *copy = *to;

	memcpy(copy, text, len);
	copy[len] = '\0';
	*to += len + 1;
	return copy;
}

void rli_place_copy(struct rli_place *copy, const struct rli_place *p,
		    char **to)
{
	*copy = *p;
	copy->k = rli_text_copy(p->k, p->k_len, to);
	copy->meta = rli_text_copy(p->meta, p->meta_len, to);
	copy->wake = rli_text_copy(p->wake, p->wake_len, to);
	copy->recall = NULL;
	copy->recall_len = 0;
}

void rli_place_free(struct rli_place *p)
{
	rli_free(p->k);
	rli_free(p->meta);
	rli_free(p->wake);
	rli_free(p->recall);
	rli_notes_put(p->notes);
	memset(p, 0, sizeof(*p));
}
