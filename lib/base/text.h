/*
 * base/text.h - bounded text and strict numbers, each written once.
 */
#ifndef RLI_BASE_TEXT_H
#define RLI_BASE_TEXT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Formats one line into buf: control characters become '?'; what does not fit
 * is cut between two characters of UTF-8 and ends in an ellipsis. The
 * arguments must not point into buf. size is at least 8. errno is preserved.
 */
void rli_format_line(char *buf, size_t size, const char *fmt, va_list args)
	__attribute__((format(printf, 3, 0)));

/* Formats into buf; ERANGE, and buf empty, if it does not fit. */
int rli_format(char *buf, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * The whole of text as a decimal number from min to max: digits, before them
 * a '-' at most. EINVAL otherwise, without a message.
 */
int rli_parse_number(const char *text, size_t len, int64_t min, int64_t max,
		     int64_t *value);

/* A hash of what was hashed before, or RLI_HASH_BEGIN, and text. */
#define RLI_HASH_BEGIN 2166136261u
uint32_t rli_hash(uint32_t before, const char *text);

#endif /* RLI_BASE_TEXT_H */
