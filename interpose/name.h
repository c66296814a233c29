/*
 * interpose/name.h - what the lock of a mutex is called.
 */
#ifndef RLI_INTERPOSE_NAME_H
#define RLI_INTERPOSE_NAME_H

#include "interpose/maps.h"
#include "interpose/object.h"

#define RLI_NAME_ROOM 1025
/* What stands for a mutex that has no symbol. */
#define RLI_PLACE_ROOM (RLI_MAPS_PATH + 64)

/*
 * RL_NAMESPACE, and the name that the binding gives, or else the symbol; for
 * shared memory the file and the offset; for the rest of @all a number that
 * no other mutex of any process has at the time. Ends the program where that
 * is too long.
 */
void rli_name(const struct rli_object *object,
	      const struct rli_mapping *mapping, char name[RLI_NAME_ROOM]);

/* As long as a name by this pattern can be, but for what a pattern of the
 * shell finds; if it does not fit, it is too long for a name all the same. */
#define RLI_TRIAL_ROOM (RLI_NAME_ROOM + 1)
void rli_name_trial(const struct rli_pattern *pattern,
		    char name[RLI_TRIAL_ROOM]);

/* In which mapping a process-shared mutex is; ends the program if that cannot
 * be told. */
void rli_place(const pthread_mutex_t *mutex, struct rli_mapping *mapping);

#endif /* RLI_INTERPOSE_NAME_H */
