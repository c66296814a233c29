/*
 * Counting the words of a text, or of a part of it.
 */
#ifndef WORDCOUNT_COUNT_H
#define WORDCOUNT_COUNT_H

#include "text.h"

#include <stdint.h>

enum {
	ALL_WORDS,
	BEGIN_WITH_A,	/* ... and so on to z */
	BEGIN_WITH_OTHER = BEGIN_WITH_A + 26,
	COUNTS
};

struct counts {
	uint64_t n[COUNTS];
};

/*
 * Adds the words that begin in bytes from .. to-1 to *counts. So each word
 * belongs to one part, wherever the borders are.
 */
void count_words(const struct text *text, size_t from, size_t to,
		 struct counts *counts);

#endif
