#include "common/recipe.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char script[] =
	"if redis.call('GET',KEYS[1])==ARGV[1] then "
	"return redis.call('DEL',KEYS[1]) else return 0 end";

int recipe_wrong(const redisContext *c, const char *what)
{
	fprintf(stderr, "bare client: %s: %s\n", what, c ? c->errstr : "");
	return EIO;
}

void recipe_make(struct recipe *r, const char *name)
{
	static int serial;

	snprintf(r->key, sizeof(r->key), "bare:%s", name);
	snprintf(r->token, sizeof(r->token), "%d/%d#", (int)getpid(),
		 __atomic_add_fetch(&serial, 1, __ATOMIC_RELAXED));
	memcpy(r->set, (const char *[]){ "SET", r->key, r->token, "NX", "PX",
					 "10000" }, sizeof(r->set));
	memcpy(r->del, (const char *[]){ "EVALSHA", r->sha, "1", r->key,
					 r->token }, sizeof(r->del));
}

int recipe_load(struct recipe *recipe, redisContext *c)
{
	redisReply *r = redisCommand(c, "SCRIPT LOAD %s", script);

	if (!r || r->type != REDIS_REPLY_STRING || r->len != 40)
		return recipe_wrong(c, "SCRIPT LOAD");
	memcpy(recipe->sha, r->str, 41);
	freeReplyObject(r);
	return 0;
}

void recipe_next(struct recipe *r)
{
	char *number = strchr(r->token, '#') + 1;

	snprintf(number, 17, "%016lx", ++r->turn);
}

int recipe_judge(redisContext *c, redisReply *r)
{
	int err;

	if (!r)
		return recipe_wrong(c, "no answer");
	if (r->type == REDIS_REPLY_ERROR)
		fprintf(stderr, "bare client: %s\n", r->str);
	if (r->type == REDIS_REPLY_STATUS)
		err = 0;
	else if (r->type == REDIS_REPLY_INTEGER)
		err = r->integer == 1 ? 0 : EBUSY;
	else
		err = r->type == REDIS_REPLY_NIL ? EBUSY : EIO;
	freeReplyObject(r);
	return err;
}
