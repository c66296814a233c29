#include "redis/out.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

/* "$" or "*", a number, CR LF. */
#define HEAD_MAX 24

size_t rli_decimal(char *buf, int64_t value)
{
	char digits[20];
	uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
	size_t n = 0, len = 0;

	do
		digits[n++] = (char)('0' + rest % 10);
	while (rest /= 10);
	if (value < 0)
		buf[len++] = '-';
	while (n)
		buf[len++] = digits[--n];
	return len;
}

int rli_out_reserve(struct rli_out *out, size_t more)
{
	size_t cap = out->cap ? out->cap : 1024;
	char *buf;

	if (out->cap - out->len >= more)
		return 0;
	while (cap - out->len < more)
		cap *= 2;
	buf = rli_realloc(out->buf, cap);
	if (!buf)
		return rli_fail_nomem();
	out->buf = buf;
	out->cap = cap;
	return 0;
}

static void put(struct rli_out *out, const char *p, size_t len)
{
	memcpy(out->buf + out->len, p, len);
	out->len += len;
}

static void put_head(struct rli_out *out, char kind, size_t number)
{
	char *to = out->buf + out->len;

	*to++ = kind;
	if (number < 10) {
		*to++ = (char)('0' + number);
	} else if (number < 100) {
		*to++ = (char)('0' + number / 10);
		*to++ = (char)('0' + number % 10);
	} else {
		to += rli_decimal(to, (int64_t)number);
	}
	*to++ = '\r';
	*to++ = '\n';
	out->len = (size_t)(to - out->buf);
}

static int put_whole(struct rli_out *out, const struct rli_arg *command)
{
	int err = rli_out_reserve(out, command->len);

	if (!err)
		put(out, command->p, command->len);
	return err;
}

int rli_out_command(struct rli_out *out, const struct rli_arg *arg, int n)
{
	size_t more = HEAD_MAX;
	int i, err;

	if (!n)
		return put_whole(out, arg);
	for (i = 0; i < n; i++)
		more += arg[i].len + HEAD_MAX;
	err = rli_out_reserve(out, more);
	if (err)
		return err;
	put_head(out, '*', (size_t)n);
	for (i = 0; i < n; i++) {
		put_head(out, '$', arg[i].len);
		put(out, arg[i].p, arg[i].len);
		out->buf[out->len++] = '\r';
		out->buf[out->len++] = '\n';
	}
	return 0;
}

void rli_out_clear(struct rli_out *out)
{
	out->len = out->sent = 0;
}

void rli_out_free(struct rli_out *out)
{
	rli_free(out->buf);
	memset(out, 0, sizeof(*out));
}
