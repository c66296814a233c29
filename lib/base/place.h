/*
 * base/place.h - the keys of a lock.
 *
 * K is prefix and name. Its companions live in the same slot of a cluster:
 * "{K}:rl:meta" and "{K}:rl:wake", or, where K has a hash tag of its own,
 * "K:rl.meta" and "K:rl.wake".
 */
#ifndef RLI_BASE_PLACE_H
#define RLI_BASE_PLACE_H

#include "base/backend.h"

#define RLI_META_BRACED "}:rl:meta"
#define RLI_META_TAGGED ":rl.meta"

/* The longest name, without its terminating zero. */
#define RLI_NAME_MAX 1024

/* EINVAL, with a message, if name is NULL, empty or too long. */
int rli_place_check_name(const char *name);

/*
 * EINVAL, with a message: K has a brace that is not part of its one hash tag.
 * ENOMEM. On failure *place is all zero.
 */
int rli_place_make(struct rli_place *place, const char *prefix,
		   const char *name);
void rli_place_free(struct rli_place *place);

/*
 * A place whose keys are copies of another's, in memory that the caller has:
 * rli_place_room() bytes from *to, which is moved behind them. It has no recall
 * list, and does not hold the notes.
 */
size_t rli_place_room(const struct rli_place *place);
void rli_place_copy(struct rli_place *copy, const struct rli_place *place,
		    char **to);

/* A text, with a zero behind it, likewise. */
char *rli_text_copy(const char *text, size_t len, char **to);

/* One more reference to notes, and one less. */
void rli_notes_hold(struct rli_notes *notes);
void rli_notes_put(struct rli_notes *notes);

#endif /* RLI_BASE_PLACE_H */
