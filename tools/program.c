#include "program.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "rlock.h"

#define INTERPRETERS_MAX 4	/* as many as Linux follows */

/* --------------------------------------------------------------- finding */

static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	       access(path, X_OK) == 0;
}

static int cannot(const char *path)
{
	struct stat st;

	if (stat(path, &st)) {
		rlock_say("%s: %s", path, strerror(errno));
		return errno == ENOENT ? RLOCK_NOT_FOUND : RLOCK_CANNOT_RUN;
	}
	rlock_say("%s: %s", path,
		  S_ISREG(st.st_mode) ? "not executable" : "not a program");
	return RLOCK_CANNOT_RUN;
}

int program_find(const char *name, char *path)
{
	const char *dirs = getenv("PATH");
	size_t len;

	if (strchr(name, '/')) {
		snprintf(path, PROGRAM_PATH_MAX, "%s", name);
		return is_program(path) ? 0 : cannot(path);
	}
	for (dirs = dirs ? dirs : "/bin:/usr/bin"; *dirs; dirs += len) {
		dirs += *dirs == ':';
		len = strcspn(dirs, ":");
		snprintf(path, PROGRAM_PATH_MAX, "%.*s%s%s", (int)len, dirs,
			 len ? "/" : "./", name);
		if (is_program(path))
			return 0;
	}
	rlock_say("%s: not found in PATH", name);
	return RLOCK_NOT_FOUND;
}

/* -------------------------------------------------------------- checking */

/* What is at the beginning of a program file. */
struct head {
	char bytes[512];
	size_t len;
	int fd;
};

/* A segment of that type is there. -1: the file is cut. */
static int has_segment(const struct head *head, const Elf64_Ehdr *elf,
		       Elf64_Word type)
{
	Elf64_Phdr segment;

	for (int i = 0; i < elf->e_phnum; i++) {
		off_t at = (off_t)(elf->e_phoff +
				   (size_t)i * elf->e_phentsize);

		if (pread(head->fd, &segment, sizeof(segment), at) !=
		    (ssize_t)sizeof(segment))
			return -1;
		if (segment.p_type == type)
			return 1;
	}
	return 0;
}

static int check_elf(const char *path, const struct head *head)
{
	const unsigned char own_class =
		sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32;
	Elf64_Ehdr elf;

	if (head->bytes[EI_CLASS] != own_class ||
	    own_class != ELFCLASS64) {
		rlock_say("%s: is of another machine (not of %d bits) than "
			  "librl_interpose.so", path, (int)sizeof(void *) * 8);
		return RLOCK_CANNOT_RUN;
	}
	if (head->len < sizeof(elf))
		return 0;
	memcpy(&elf, head->bytes, sizeof(elf));
	if (has_segment(head, &elf, PT_INTERP) == 0) {
		rlock_say("%s: is linked statically, nothing can be preloaded "
			  "into it; compile it with -include rl/pthread.h "
			  "instead", path);
		return RLOCK_CANNOT_RUN;
	}
	return 0;
}

static int check_rights(const char *path, const struct head *head)
{
	char caps[64];
	struct stat st;

	if (fstat(head->fd, &st) == 0 && (st.st_mode & (S_ISUID | S_ISGID))) {
		rlock_say("%s: is set-uid or set-gid, nothing is preloaded "
			  "into such a program", path);
		return RLOCK_CANNOT_RUN;
	}
	if (fgetxattr(head->fd, "security.capability", caps, sizeof(caps)) > 0) {
		rlock_say("%s: has file capabilities, nothing is preloaded "
			  "into such a program", path);
		return RLOCK_CANNOT_RUN;
	}
	return 0;
}

/* "#! /usr/bin/env python3" → the program that runs the script; "": none. */
static void interpreter(const struct head *head, char *path)
{
	char line[sizeof(head->bytes) + 1];
	char *save, *word;

	memcpy(line, head->bytes, head->len);
	line[head->len] = '\0';
	line[strcspn(line, "\n")] = '\0';
	path[0] = '\0';
	word = strtok_r(line + 2, " \t", &save);
	if (!word)
		return;
	snprintf(path, PROGRAM_PATH_MAX, "%s", word);
	if (strlen(word) < 4 || strcmp(word + strlen(word) - 4, "/env"))
		return;
	do
		word = strtok_r(NULL, " \t", &save);
	while (word && (*word == '-' || strchr(word, '=')));
	if (word)
		program_find(word, path);
}

/* next: what is to be checked after it, "": nothing. */
static int check_one(const char *path, char *next)
{
	struct head head;
	ssize_t n;
	int status;

	next[0] = '\0';
	head.fd = open(path, O_RDONLY | O_CLOEXEC);
	if (head.fd < 0) /* may be run and not be read: nothing to say */
		return 0;
	n = read(head.fd, head.bytes, sizeof(head.bytes));
	head.len = n > 0 ? (size_t)n : 0;
	status = 0;
	if (head.len > SELFMAG && !memcmp(head.bytes, ELFMAG, SELFMAG)) {
		status = check_rights(path, &head);
		if (!status)
			status = check_elf(path, &head);
	} else if (head.len > 2 && !memcmp(head.bytes, "#!", 2)) {
		interpreter(&head, next);
	}
	close(head.fd);
	return status;
}

int program_check(const char *path)
{
	char file[PROGRAM_PATH_MAX];
	char next[PROGRAM_PATH_MAX];
	int status = 0;

	snprintf(file, sizeof(file), "%s", path);
	for (int i = 0; i < INTERPRETERS_MAX && *file && !status; i++) {
		status = check_one(file, next);
		strcpy(file, next);
	}
	return status;
}
