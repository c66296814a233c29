#ifndef RL_VERSION_H
#define RL_VERSION_H

/*
 * The version of these headers. It is written here and nowhere else: the
 * build reads it from this file.
 *
 * Major changes when something that worked stops working, minor when
 * something is added, patch otherwise. While major is 0, minor may break.
 */
#define RL_VERSION_MAJOR 0
#define RL_VERSION_MINOR 1
#define RL_VERSION_PATCH 0
#define RL_VERSION "0.1.0"

#endif
