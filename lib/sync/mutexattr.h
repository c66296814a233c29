/*
 * sync/mutexattr.h - what is inside an rl_mutexattr_t.
 */
#ifndef RLI_SYNC_MUTEXATTR_H
#define RLI_SYNC_MUTEXATTR_H

#include <rl/mutexattr.h>

#include "sync/settings.h"

#define RLI_MUTEXATTR_MAGIC 0x726c4d41u /* "rlMA" */

/*
 * Invariants, while magic is right (destroy wipes it):
 *  - bit n of set says that setting n was given by the program; a field whose
 *    bit is 0 is zero and has no meaning;
 *  - servers, prefix and owner are NULL or the object's own copies;
 *  - each value that is set has passed its check.
 * No field has a guard: like a pthread_mutexattr_t, the object is the
 * caller's to keep to one thread while it changes.
 *
 * It lives in the caller's bytes, hence may_alias.
 */
struct __attribute__((may_alias)) rli_mutexattr {
	unsigned magic;
	unsigned set;
	struct rli_settings value;
};

_Static_assert(sizeof(struct rli_mutexattr) <= sizeof(rl_mutexattr_t),
	"the attribute object must fit in its public size");
_Static_assert(_Alignof(struct rli_mutexattr) <= _Alignof(rl_mutexattr_t),
	"the attribute object must be aligned by its public type");
_Static_assert(RLI_SETTINGS <= 32, "one bit of the mask for each setting");

/* The inside of an initialised object; NULL, with a message, if it is not. */
const struct rli_mutexattr *rli_mutexattr_of(const rl_mutexattr_t *attr);

#endif /* RLI_SYNC_MUTEXATTR_H */
