/*
 * interpose/name.h - what the lock of a mutex is called.
 */
#ifndef RLI_INTERPOSE_NAME_H
#define RLI_INTERPOSE_NAME_H

#include "interpose/maps.h"
#include "interpose/object.h"

#define RLI_NAME_ROOM 1025

/*
 * RL_NAMESPACE, and the name that the binding gives, or else the symbol; for
 * shared memory the file and the offset; for the rest of @all a number that
 * no other mutex of any process has at the time.
 */
void rli_name(const struct rli_object *object,
	      const struct rli_mapping *mapping, char name[RLI_NAME_ROOM]);

/* In which mapping a process-shared mutex is; ends the program if that cannot
 * be told. */
void rli_place(const pthread_mutex_t *mutex, struct rli_mapping *mapping);

#endif /* RLI_INTERPOSE_NAME_H */
