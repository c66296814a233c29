/*
 * base/owner.h - who holds a lock, as text that a person can read.
 *
 *	host:HOSTID
 *	proc:HOSTID/PID.START
 *	thrd:HOSTID/PID.START/TID.SERIAL
 *	name:OWNER
 *
 * Numbers are decimal. START is the start time that the kernel notes for the
 * process and SERIAL a number that no other thread of the process ever has,
 * so a reused pid or tid is another owner. HOSTID holds neither '/' nor '#'.
 *
 * All of them: 0; ERANGE if buf is too small (buf is then empty); the errors
 * of rli_hostid(). Thread-safe, without a lock; no cancellation point.
 */
#ifndef RLI_BASE_OWNER_H
#define RLI_BASE_OWNER_H

#include <stddef.h>

#include "base/hostid.h"

#define RLI_OWNER_NAME_MAX	1024	/* bytes of a name of one's own */
#define RLI_ID_MAX		1200	/* room for any id, zero included */

enum rli_owner_kind {
	RLI_OWNER_THREAD,
	RLI_OWNER_PROCESS,
	RLI_OWNER_HOST,
	RLI_OWNER_NAME
};

int rli_host_owner(char *buf, size_t size);
int rli_process_owner(char *buf, size_t size);
int rli_thread_owner(char *buf, size_t size, unsigned long serial);

/* EINVAL, with a message, if name is empty or over RLI_OWNER_NAME_MAX. */
int rli_name_owner(char *buf, size_t size, const char *name);

/* In a forked child: forget the parent's pid and start time. */
void rli_owner_after_fork(void);

#endif /* RLI_BASE_OWNER_H */
