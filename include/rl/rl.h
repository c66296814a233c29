#ifndef RL_RL_H
#define RL_RL_H

/*
 * Everything of rl for C: POSIX-style locks that hold across threads,
 * processes and machines, kept on Redis. Start with <rl/mutex.h>.
 */
#include <rl/api.h>
#include <rl/version.h>
#include <rl/error.h>
#include <rl/log.h>
#include <rl/mutex.h>

#endif
