#ifndef BENCH_RECIPE_H
#define BENCH_RECIPE_H

/*
 * What the bare clients send: SET NX PX, and an EVALSHA that compares and
 * deletes.
 */

#include <hiredis/hiredis.h>

#define RECIPE_REQUESTS " set evalsha "

struct recipe {
	char key[80];
	char sha[41];
	char token[48];
	unsigned long turn;
	/* Commands, complete but for the token. */
	const char *set[6], *del[5];
};

void recipe_make(struct recipe *recipe, const char *name);

/* The server learns the script; before the first EVALSHA. */
int recipe_load(struct recipe *recipe, redisContext *c);

/* Each hold has a token of its own, as the recipe wants it. */
void recipe_next(struct recipe *recipe);

/* 0: the answer is OK or 1; EBUSY: it is nil or 0. Frees it. */
int recipe_judge(redisContext *c, redisReply *reply);

/* Says on standard error what went wrong; gives EIO. */
int recipe_wrong(const redisContext *c, const char *what);

#endif
