/*
 * redis/script.h - the Lua scripts, embedded at build time from scripts/.
 */
#ifndef RLI_REDIS_SCRIPT_H
#define RLI_REDIS_SCRIPT_H

#include <stddef.h>

struct rli_script {
	const char *name;
	const char *body;
	size_t len;
	char sha1[41];
};

#endif /* RLI_REDIS_SCRIPT_H */
