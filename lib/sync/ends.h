/*
 * What happens when a thread that has used rl ends, and when the process does.
 */
#ifndef RLI_SYNC_ENDS_H
#define RLI_SYNC_ENDS_H

#include "base/thread.h"

/* Its holds are treated as those of an ended thread, and its connections are
 * closed, when they owe no answer any more. */
void rli_thread_ends(struct rli_thread *self);

/*
 * exit() or dlclose(): no thread of ours is to run on. What is still held is
 * left to its lease, as if the process had been killed; what is kept by
 * delegation is given back. It waits for the keeper, a second at most, and then
 * as the end of a thread does. Called twice where the backend must be done with
 * sooner; the program may have used a lock between.
 */
void rli_process_ends(void);

#endif /* RLI_SYNC_ENDS_H */
