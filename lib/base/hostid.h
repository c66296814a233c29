/*
 * base/hostid.h - the name of this machine in owner ids.
 */
#ifndef RLI_BASE_HOSTID_H
#define RLI_BASE_HOSTID_H

#include <stdbool.h>
#include <stddef.h>

/* The longest host id, without its terminating zero. */
#define RLI_HOSTID_MAX 200

/* Where to look when RL_HOST_ID is not set; tests look elsewhere. */
struct rli_hostid_places {
	const char *machine_id;	/* the file of the machine's id */
	bool mac;		/* whether to ask the network interfaces */
	const char *tmp;	/* directory for the kept file without a home */
};

/*
 * This machine's id: RL_HOST_ID, else /etc/machine-id, else the MAC address of
 * the first interface that is no loopback, else a file that rl makes once and
 * keeps: $XDG_STATE_HOME/rl/host-id, ~/.local/state/rl/host-id or
 * /var/tmp/rl-host-id-UID. Found once, then constant for the process's life.
 *
 * EINVAL if RL_HOST_ID is not usable as an id (empty, too long, or with a
 * control character, space, '#' or '/' in it), or if no id can be had at all;
 * ENOMEM. Neither is remembered, so the next call tries again.
 *
 * Any thread, any time: it takes no lock, so a fork in the middle is harmless.
 */
int rli_hostid(const char **id);

/* The search itself, nothing cached; buf holds RLI_HOSTID_MAX + 1. */
int rli_hostid_find(const struct rli_hostid_places *places, char *buf);

#endif /* RLI_BASE_HOSTID_H */
