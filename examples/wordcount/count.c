#include "count.h"

#include <stdbool.h>

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool word_begins(const struct text *text, size_t at)
{
	return !is_space(text->data[at]) &&
	       (at == 0 || is_space(text->data[at - 1]));
}

static int initial(char c)
{
	if (c >= 'a' && c <= 'z')
		return BEGIN_WITH_A + (c - 'a');
	if (c >= 'A' && c <= 'Z')
		return BEGIN_WITH_A + (c - 'A');
	return BEGIN_WITH_OTHER;
}

void count_words(const struct text *text, size_t from, size_t to,
		 struct counts *counts)
{
	for (size_t at = from; at < to; at++) {
		if (word_begins(text, at)) {
			counts->n[ALL_WORDS]++;
			counts->n[initial(text->data[at])]++;
		}
	}
}
