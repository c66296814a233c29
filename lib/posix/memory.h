/*
 * posix/memory.h - whose memory an address is in.
 */
#ifndef RLI_POSIX_MEMORY_H
#define RLI_POSIX_MEMORY_H

#include <stdbool.h>

/*
 * Whether other processes can see what is written there. Where the system does
 * not say: true.
 */
bool rli_px_is_shared_memory(const void *address);

#endif /* RLI_POSIX_MEMORY_H */
