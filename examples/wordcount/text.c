#include "text.h"

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void *grow(void *data, size_t size)
{
	data = realloc(data, size);
	if (!data)
		err(2, "memory");
	return data;
}

static bool seen_before(struct text *text, const struct stat *st)
{
	for (size_t i = 0; i < text->files; i++)
		if (text->seen[i].dev == st->st_dev &&
		    text->seen[i].ino == st->st_ino)
			return true;
	text->seen = grow(text->seen,
			  (text->files + 1) * sizeof(*text->seen));
	text->seen[text->files].dev = st->st_dev;
	text->seen[text->files].ino = st->st_ino;
	text->files++;
	return false;
}

/* A newline follows each file: no word runs on from one into the next. */
static void load_file(struct text *text, const char *path,
		      const struct stat *st)
{
	size_t size = (size_t)st->st_size;
	FILE *in = fopen(path, "r");

	if (!in)
		err(2, "%s", path);
	text->data = grow(text->data, text->len + size + 1);
	text->len += fread(text->data + text->len, 1, size, in);
	text->data[text->len++] = '\n';
	if (ferror(in))
		err(2, "%s", path);
	fclose(in);
}

/* Only the files in the folder itself: `deep` is false for its entries. */
static void load(struct text *text, const char *path, bool deep);

static void load_folder(struct text *text, const char *folder)
{
	struct dirent **entry;
	int n = scandir(folder, &entry, NULL, alphasort);

	if (n < 0)
		err(2, "%s", folder);
	for (int i = 0; i < n; i++) {
		size_t size = strlen(folder) + strlen(entry[i]->d_name) + 2;
		char *path = grow(NULL, size);

		snprintf(path, size, "%s/%s", folder, entry[i]->d_name);
		load(text, path, false);
		free(path);
		free(entry[i]);
	}
	free(entry);
}

static void load(struct text *text, const char *path, bool deep)
{
	struct stat st;

	if (stat(path, &st)) {
		if (deep || errno != ENOENT)
			err(2, "%s", path);
		return;		/* a symbolic link to nowhere in a folder */
	}
	if (S_ISREG(st.st_mode) && !seen_before(text, &st))
		load_file(text, path, &st);
	else if (S_ISDIR(st.st_mode) && deep)
		load_folder(text, path);
}

void text_load(struct text *text, const char *path)
{
	load(text, path, true);
}

void text_free(struct text *text)
{
	free(text->data);
	free(text->seen);
}
