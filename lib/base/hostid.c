#include "base/hostid.h"

#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <limits.h>
#include <net/if_arp.h>
#include <netpacket/packet.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cancel.h"
#include "base/error.h"
#include "base/random.h"
#include "base/text.h"

static const struct rli_hostid_places usual_places = {
	.machine_id = "/etc/machine-id",
	.mac = true,
	.tmp = "/var/tmp",
};

/* Where a file of ours is made; not on the stack, of which a thread may have
 * 16 KB in all. */
struct paths {
	char file[PATH_MAX];
	char draft[PATH_MAX];
};

/*
 * NULL until an id was found, then that one for ever. Set once, by the first
 * to find it (release), and read with acquire to see its text.
 */
static _Atomic(char *) cached;

/* Owner ids split at '/', and '#' comes before the nonce. */
static bool usable(const char *id)
{
	size_t len = strlen(id);

	for (const char *p = id; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f || *p == '#' ||
		    *p == '/')
			return false;
	return len > 0 && len <= RLI_HOSTID_MAX;
}

/*
 * The first line of a small file, for which any owner is accepted or only this
 * user. Nothing is followed or waited for: in a directory for everybody, what
 * has the name of our file may be somebody's link or pipe.
 */
static bool read_line(const char *path, bool own, char *buf)
{
	int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | (own ? O_NOFOLLOW : 0);
	int fd = open(path, flags);
	struct stat st;
	ssize_t n = -1;

	if (fd < 0)
		return false;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) &&
	    (!own || st.st_uid == geteuid()))
		n = read(fd, buf, RLI_HOSTID_MAX);
	close(fd);
	if (n <= 0)
		return false;
	buf[n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return usable(buf);
}

/* Not what systemd writes there before the first boot: "uninitialized". */
static bool from_machine_id(const char *path, char *buf)
{
	return path && read_line(path, false, buf) && strlen(buf) == 32 &&
	       strspn(buf, "0123456789abcdefABCDEF") == 32 &&
	       strspn(buf, "0") != 32;
}

static bool has_mac(const struct ifaddrs *entry)
{
	static const unsigned char none[6];
	const struct sockaddr_ll *link = (const void *)entry->ifa_addr;

	return link && link->sll_family == AF_PACKET &&
	       link->sll_hatype != ARPHRD_LOOPBACK &&
	       link->sll_halen == sizeof(none) &&
	       memcmp(link->sll_addr, none, sizeof(none)) != 0;
}

static bool from_mac(char *buf)
{
	const struct sockaddr_ll *first = NULL;
	struct ifaddrs *list, *entry;

	if (getifaddrs(&list))
		return false;
	for (entry = list; entry; entry = entry->ifa_next) {
		const struct sockaddr_ll *link = (void *)entry->ifa_addr;

		if (has_mac(entry) &&
		    (!first || link->sll_ifindex < first->sll_ifindex))
			first = link;
	}
	if (first)
		snprintf(buf, RLI_HOSTID_MAX + 1,
			 "%02x:%02x:%02x:%02x:%02x:%02x", first->sll_addr[0],
			 first->sll_addr[1], first->sll_addr[2],
			 first->sll_addr[3], first->sll_addr[4],
			 first->sll_addr[5]);
	freeifaddrs(list);
	return first != NULL;
}

static void random_hex(char *buf, size_t digits)
{
	for (size_t i = 0; i < digits; i++) {
		unsigned char byte;

		rli_random(&byte, 1);
		buf[i] = "0123456789abcdef"[byte & 15];
	}
	buf[digits] = '\0';
}

static bool write_id(int fd)
{
	char id[34];

	random_hex(id, 32);
	id[32] = '\n';
	return write(fd, id, 33) == 33 && !fsync(fd);
}

/*
 * Makes the file; false if it is there already, or cannot be made. It gets its
 * name when it is complete, so that no other process reads half of it, and the
 * first to give it wins.
 */
static bool make_file(struct paths *paths)
{
	char tag[17];
	bool made;
	int fd;

	random_hex(tag, 16);
	if (rli_format(paths->draft, sizeof(paths->draft), "%s.%s",
		       paths->file, tag))
		return false;
	fd = open(paths->draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return false;
	made = write_id(fd) && !link(paths->draft, paths->file);
	close(fd);
	unlink(paths->draft);
	return made;
}

static bool from_file(struct paths *paths, char *buf)
{
	if (read_line(paths->file, true, buf))
		return true;
	/* Even if it could not be made: another may have been faster. */
	make_file(paths);
	return read_line(paths->file, true, buf);
}

/* Makes each directory above the file that is missing. */
static void make_parents(char *path)
{
	for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		mkdir(path, 0700);
		*p = '/';
	}
}

/* A relative directory would make the id depend on where one stands. */
static bool from_home(const char *dir, const char *below, struct paths *paths,
		      char *buf)
{
	if (!dir || dir[0] != '/' ||
	    rli_format(paths->file, sizeof(paths->file), "%s%s/rl/host-id",
		       dir, below))
		return false;
	make_parents(paths->file);
	return from_file(paths, buf);
}

static bool from_tmp(const char *dir, struct paths *paths, char *buf)
{
	return !rli_format(paths->file, sizeof(paths->file),
			   "%s/rl-host-id-%lu", dir,
			   (unsigned long)geteuid()) && from_file(paths, buf);
}

static bool look_around(const struct rli_hostid_places *places,
			struct paths *paths, char *buf)
{
	/* A program with another user's rights writes nothing where that
	 * user's environment says. */
	return from_machine_id(places->machine_id, buf) ||
	       (places->mac && from_mac(buf)) ||
	       from_home(secure_getenv("XDG_STATE_HOME"), "", paths, buf) ||
	       from_home(secure_getenv("HOME"), "/.local/state", paths, buf) ||
	       from_tmp(places->tmp, paths, buf);
}

static int from_environment(const char *id, char *buf)
{
	if (!usable(id))
		return rli_fail(EINVAL, "RL_HOST_ID='%.100s': 1 to %d bytes "
				"without spaces, control characters, '#' and "
				"'/' are expected", id, RLI_HOSTID_MAX);
	memcpy(buf, id, strlen(id) + 1);
	return 0;
}

int rli_hostid_find(const struct rli_hostid_places *places, char *buf)
{
	const char *env = getenv("RL_HOST_ID");
	struct rli_cancel cancel;
	struct paths *paths;
	int saved = errno;
	bool found;

	if (env)
		return from_environment(env, buf);
	paths = rli_malloc(sizeof(*paths));
	if (!paths)
		return rli_fail_nomem();
	/* Files and the interfaces' socket are cancellation points. */
	rli_cancel_off(&cancel);
	found = look_around(places, paths, buf);
	rli_cancel_as_before(&cancel);
	rli_free(paths);
	errno = saved;
	if (!found)
		return rli_fail(EINVAL, "this host has no id, and none can be "
				"kept; set RL_HOST_ID");
	return 0;
}

/* The first to find the id sets it; who comes second takes that one. */
static const char *publish(char *id)
{
	char *before = NULL;

	if (atomic_compare_exchange_strong_explicit(&cached, &before, id,
						    memory_order_release,
						    memory_order_acquire))
		return id;
	rli_free(id);
	return before;
}

int rli_hostid(const char **id)
{
	char buf[RLI_HOSTID_MAX + 1];
	char *copy;
	int err;

	*id = atomic_load_explicit(&cached, memory_order_acquire);
	if (*id)
		return 0;
	err = rli_hostid_find(&usual_places, buf);
	if (err)
		return err;
	copy = rli_strdup(buf);
	if (!copy)
		return rli_fail_nomem();
	*id = publish(copy);
	return 0;
}
