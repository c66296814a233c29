/*
 * The text to count: some files, read into memory one after the other.
 */
#ifndef WORDCOUNT_TEXT_H
#define WORDCOUNT_TEXT_H

#include <stddef.h>
#include <sys/types.h>

struct text {
	char *data;
	size_t len;
	size_t files;
	struct file_id *seen;	/* one per file, so that none counts twice */
};

struct file_id {
	dev_t dev;
	ino_t ino;
};

/*
 * Appends a file, or all files of a folder, to *text. Of several links to
 * one file only the first is read. Exits with a message if it cannot.
 */
void text_load(struct text *text, const char *path);
void text_free(struct text *text);

#endif
