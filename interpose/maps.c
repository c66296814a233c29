#include "interpose/maps.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define LINE_ROOM (PATH_MAX + 128)

uint64_t rli_text_hash(const char *text)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) *
		       UINT64_C(0x100000001b3);
	return hash;
}

static void take_path(const char *path, struct rli_mapping *m)
{
	size_t len = strlen(path);

	m->hash = rli_text_hash(path);
	m->cut = len > RLI_MAPS_PATH;
	snprintf(m->path, sizeof(m->path), "%s",
		 m->cut ? path + len - RLI_MAPS_PATH : path);
	m->named = path[0] == '/' && !strstr(path, " (deleted)") &&
		   strncmp(path, "/dev/zero", 9) &&
		   strncmp(path, "/memfd:", 7) && strncmp(path, "/SYSV", 5);
}

/* "start-end perms offset device inode   path" */
static bool parse_line(char *line, uintptr_t address, struct rli_mapping *m)
{
	uint64_t start, end, offset;
	char perms[5];
	int path = 0;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64
		   " %15s %" SCNu64 " %n", &start, &end, perms, &offset,
		   m->device, &m->inode, &path) < 6)
		return false;
	if (address < start || address >= end)
		return false;
	m->shared = perms[3] == 's';
	m->offset = offset + (address - start);
	take_path(path ? line + path : "", m);
	return true;
}

/* Too large for the stack of every thread. */
struct reader {
	int fd;
	size_t len;
	char buf[LINE_ROOM];	/* len bytes that were read, not yet a line */
	char line[LINE_ROOM];
};

static char *next_line(struct reader *r)
{
	char *end;

	while (!(end = memchr(r->buf, '\n', r->len))) {
		ssize_t n;

		if (r->len == sizeof(r->buf))
			return NULL;
		n = read(r->fd, r->buf + r->len, sizeof(r->buf) - r->len);
		if (n <= 0)
			return NULL;
		r->len += (size_t)n;
	}
	*end = '\0';
	memcpy(r->line, r->buf, (size_t)(end - r->buf) + 1);
	r->len -= (size_t)(end - r->buf) + 1;
	memmove(r->buf, end + 1, r->len);
	return r->line;
}

static int find(struct reader *r, const void *address, struct rli_mapping *m)
{
	r->fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	if (r->fd < 0)
		return errno;
	while (next_line(r))
		if (parse_line(r->line, (uintptr_t)address, m)) {
			close(r->fd);
			return 0;
		}
	close(r->fd);
	return ENOENT;
}

int rli_maps_find(const void *address, struct rli_mapping *mapping)
{
	int saved = errno, err;
	struct reader *r = mmap(NULL, sizeof(*r), PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (r == MAP_FAILED)
		return ENOMEM;
	err = find(r, address, mapping);
	munmap(r, sizeof(*r));
	errno = saved;
	return err;
}
