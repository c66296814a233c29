#include "result.h"

#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME_BYTES	7	/* the name of a line, filled up with spaces */
#define LINE_BYTES	20	/* the name, 12 digits, the newline */
#define TEXT_BYTES	((COUNTS + THREADS_MAX) * LINE_BYTES)
#define FLAG_BYTES	7	/* "undo 0\n" */

static void read_all(int fd, char *buf, size_t len, off_t at)
{
	if (pread(fd, buf, len, at) != (ssize_t)len)
		err(2, "cannot read the result");
}

static void write_all(int fd, const char *buf, size_t len, off_t at)
{
	if (pwrite(fd, buf, len, at) != (ssize_t)len)
		err(2, "cannot write the result");
}

static size_t text_len(unsigned threads)
{
	return (COUNTS + threads) * LINE_BYTES;
}

static void line_name(char *name, size_t size, unsigned line)
{
	if (line == ALL_WORDS)
		snprintf(name, size, "words");
	else if (line < BEGIN_WITH_OTHER)
		snprintf(name, size, "%c", (char)('a' + line - BEGIN_WITH_A));
	else if (line == BEGIN_WITH_OTHER)
		snprintf(name, size, "other");
	else
		snprintf(name, size, "t%u", line - COUNTS);
}

static void parse(const char *text, unsigned threads, struct result *result)
{
	result->threads = threads;
	for (unsigned i = 0; i < COUNTS + threads; i++)
		result->n[i] = strtoull(text + i * LINE_BYTES + NAME_BYTES,
					NULL, 10);
}

static void format(char *text, const struct result *result)
{
	char line[64], name[16];

	for (unsigned i = 0; i < COUNTS + result->threads; i++) {
		line_name(name, sizeof(name), i);
		snprintf(line, sizeof(line), "%-*s%012" PRIu64 "\n",
			 NAME_BYTES, name, result->n[i] % 1000000000000);
		memcpy(text + i * LINE_BYTES, line, LINE_BYTES);
	}
}

static void set_undo(const struct result_file *file, bool on)
{
	write_all(file->undo_fd, on ? "undo 1\n" : "undo 0\n", FLAG_BYTES, 0);
}

static void write_halves(const struct result_file *file, const char *text,
			 bool die)
{
	size_t len = text_len(file->threads), half = len / 2;

	write_all(file->fd, text, half, 0);
	if (die)
		raise(SIGKILL);
	write_all(file->fd, text + half, len - half, (off_t)half);
}

void result_read(const struct result_file *file, struct result *result)
{
	char text[TEXT_BYTES + 1];
	size_t len = text_len(file->threads);

	read_all(file->fd, text, len, 0);
	text[len] = '\0';
	parse(text, file->threads, result);
}

void result_add(const struct result_file *file, const struct counts *counts,
		unsigned thread, uint64_t part, bool die)
{
	char text[TEXT_BYTES + 1];
	size_t len = text_len(file->threads);
	struct result result;

	read_all(file->fd, text, len, 0);
	text[len] = '\0';
	parse(text, file->threads, &result);
	write_all(file->undo_fd, text, len, FLAG_BYTES);
	set_undo(file, true);

	for (int i = 0; i < COUNTS; i++)
		result.n[i] += counts->n[i];
	result.n[COUNTS + thread] = part + 1;

	format(text, &result);
	write_halves(file, text, die);
	set_undo(file, false);
}

bool result_repair(const struct result_file *file)
{
	char flag[FLAG_BYTES], text[TEXT_BYTES];
	size_t len = text_len(file->threads);

	read_all(file->undo_fd, flag, FLAG_BYTES, 0);
	if (memcmp(flag, "undo 1\n", FLAG_BYTES) != 0)
		return false;
	read_all(file->undo_fd, text, len, FLAG_BYTES);
	write_all(file->fd, text, len, 0);
	set_undo(file, false);
	return true;
}

static int open_or_exit(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0666);

	if (fd < 0)
		err(2, "%s", path);
	return fd;
}

static void open_both(struct result_file *file, const char *path, int flags)
{
	size_t size = strlen(path) + sizeof(".undo");
	char *undo = malloc(size);

	if (!undo)
		err(2, "memory");
	snprintf(undo, size, "%s.undo", path);
	file->fd = open_or_exit(path, flags);
	file->undo_fd = open_or_exit(undo, flags);
	free(undo);
}

void result_open(struct result_file *file, const char *path, unsigned threads)
{
	file->threads = threads;
	open_both(file, path, O_RDWR);
}

void result_create(const char *path, unsigned threads)
{
	char text[TEXT_BYTES];
	struct result nothing = { .threads = threads };
	struct result_file file = { .threads = threads };

	open_both(&file, path, O_RDWR | O_CREAT | O_TRUNC);
	format(text, &nothing);
	set_undo(&file, false);
	write_all(file.fd, text, text_len(threads), 0);
	result_close(&file);
}

void result_close(struct result_file *file)
{
	close(file->fd);
	close(file->undo_fd);
}
