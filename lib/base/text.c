#include "base/text.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char ellipsis[] = "\xe2\x80\xa6";

static void cut_line(char *buf, size_t size)
{
	size_t end = size - sizeof(ellipsis);

	/* Back to where a character of UTF-8 begins. */
	while (end > 0 && ((unsigned char)buf[end] & 0xc0) == 0x80)
		end--;
	memcpy(buf + end, ellipsis, sizeof(ellipsis));
}

void rli_format_line(char *buf, size_t size, const char *fmt, va_list args)
{
	int saved = errno;
	int len = vsnprintf(buf, size, fmt, args);

	if (len < 0)
		buf[0] = '\0';
	else if ((size_t)len >= size)
		cut_line(buf, size);
	for (char *p = buf; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	errno = saved;
}

int rli_format(char *buf, size_t size, const char *fmt, ...)
{
	int saved = errno;
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(buf, size, fmt, args);
	va_end(args);
	errno = saved;
	if (len >= 0 && (size_t)len < size)
		return 0;
	if (size)
		buf[0] = '\0';
	return ERANGE;
}

int rli_parse_number(const char *text, size_t len, int64_t min, int64_t max,
		     int64_t *value)
{
	bool negative = len > 0 && text[0] == '-';
	size_t i = negative ? 1 : 0;
	int64_t n = 0;

	if (i == len)
		return EINVAL;
	for (; i < len; i++) {
		int digit = text[i] - '0';

		if (digit < 0 || digit > 9 ||
		    __builtin_mul_overflow(n, 10, &n) ||
		    __builtin_sub_overflow(n, digit, &n))
			return EINVAL;
	}
	/* Counted downwards, since there is one more negative number. */
	if (!negative && __builtin_sub_overflow(0, n, &n))
		return EINVAL;
	if (n < min || n > max)
		return EINVAL;
	*value = n;
	return 0;
}

/* FNV-1a */
uint32_t rli_hash(uint32_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 16777619u;
	return hash;
}
