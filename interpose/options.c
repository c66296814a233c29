/*
 * The options of a binding: the attributes of rl_mutexattr_t by their names,
 * with the values that their environment variables take. Where a value is a
 * list (servers, retry), blanks separate it.
 */
#include <limits.h>
#include <string.h>

#include <rl/rl.h>

#include "base/text.h"
#include "interpose/name.h"
#include "interpose/outage.h"
#include "interpose/pattern.h"
#include "interpose/say.h"

typedef int set_number(rl_mutexattr_t *attr, long value);
typedef int set_word(rl_mutexattr_t *attr, int value);
typedef int set_text(rl_mutexattr_t *attr, const char *value);
typedef int get_number(const rl_mutexattr_t *attr, long *value);
typedef int get_word(const rl_mutexattr_t *attr, int *value);
typedef int get_text(const rl_mutexattr_t *attr, const char **value);

static const struct {
	const char *name;
	set_number *set;
	get_number *get;
} numbers[] = {
	{ "lease", rl_mutexattr_setlease,
	  rl_mutexattr_getlease },
	{ "maxhold", rl_mutexattr_setmaxhold,
	  rl_mutexattr_getmaxhold },
	{ "refreshinterval", rl_mutexattr_setrefreshinterval,
	  rl_mutexattr_getrefreshinterval },
	{ "timeout", rl_mutexattr_settimeout,
	  rl_mutexattr_gettimeout },
	{ "slice", rl_mutexattr_setslice,
	  rl_mutexattr_getslice },
};

#define WORDS_MAX 4

static const struct {
	const char *name;
	set_word *set;
	get_word *get;
	const char *words[WORDS_MAX];	/* of the values 0, 1, ... */
} words[] = {
	{ "granularity", rl_mutexattr_setgranularity,
	  rl_mutexattr_getgranularity, { "thread", "process", "host" } },
	{ "robust", rl_mutexattr_setrobust,
	  rl_mutexattr_getrobust, { "no", "yes" } },
	{ "refresh", rl_mutexattr_setrefresh,
	  rl_mutexattr_getrefresh, { "auto", "off" } },
	{ "release", rl_mutexattr_setrelease,
	  rl_mutexattr_getrelease, { "sync", "async" } },
	{ "delegation", rl_mutexattr_setdelegation,
	  rl_mutexattr_getdelegation, { "off", "on" } },
};

static const struct {
	const char *name;
	set_text *set;
	get_text *get;
} texts[] = {
	{ "servers", rl_mutexattr_setservers,
	  rl_mutexattr_getservers },
	{ "prefix", rl_mutexattr_setprefix,
	  rl_mutexattr_getprefix },
	{ "owner", rl_mutexattr_setowner,
	  rl_mutexattr_getowner },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void fail(const struct rli_pattern *p, const char *name,
		 const char *value, const char *why)
{
	rli_mistake("%s: %s=%s: %s", p->where, name, value, why);
}

static void check(int err, const struct rli_pattern *p, const char *name,
		  const char *value)
{
	if (err)
		fail(p, name, strcmp(name, "servers") ? value : "...",
		     rl_last_error());
}

static bool number(struct rli_pattern *p, const char *name, const char *value)
{
	int64_t n;

	for (size_t i = 0; i < COUNT(numbers); i++) {
		if (strcmp(name, numbers[i].name))
			continue;
		if (rli_parse_number(value, strlen(value), -1, LONG_MAX, &n))
			fail(p, name, value, "a whole number is expected");
		for (int sort = 0; sort < RLI_SORTS; sort++)
			check(numbers[i].set(&p->attr[sort], (long)n), p, name,
			      value);
		return true;
	}
	return false;
}

static int find_word(const char *const *list, const char *value)
{
	for (int i = 0; i < WORDS_MAX && list[i]; i++)
		if (!strcmp(list[i], value))
			return i;
	return -1;
}

static bool word(struct rli_pattern *p, const char *name, const char *value)
{
	for (size_t i = 0; i < COUNT(words); i++) {
		int n;

		if (strcmp(name, words[i].name))
			continue;
		n = find_word(words[i].words, value);
		if (n < 0)
			fail(p, name, value, words[i].words[2] ?
			     "thread, process or host is expected" :
			     "not one of its values");
		for (int sort = 0; sort < RLI_SORTS; sort++)
			check(words[i].set(&p->attr[sort], n), p, name, value);
		return true;
	}
	return false;
}

static bool text(struct rli_pattern *p, const char *name, const char *value)
{
	for (size_t i = 0; i < COUNT(texts); i++) {
		if (strcmp(name, texts[i].name))
			continue;
		for (int sort = 0; sort < RLI_SORTS; sort++)
			check(texts[i].set(&p->attr[sort], value), p, name,
			      value);
		return true;
	}
	return false;
}

/* "count delay jitter" */
static bool retry(struct rli_pattern *p, const char *name, const char *value)
{
	const char *at = value;
	int64_t n[3];

	if (strcmp(name, "retry"))
		return false;
	for (int i = 0; i < 3; i++) {
		size_t len = strcspn(at, " ");

		if (rli_parse_number(at, len, -1, INT_MAX, &n[i]))
			fail(p, name, value, "three numbers separated by "
			     "blanks are expected");
		at += len + strspn(at + len, " ");
	}
	for (int sort = 0; sort < RLI_SORTS; sort++)
		check(rl_mutexattr_setretry(&p->attr[sort], (int)n[0],
					    (long)n[1], (long)n[2]),
		      p, name, value);
	return true;
}

void rli_option(struct rli_pattern *p, const char *name, const char *value)
{
	if (number(p, name, value) || word(p, name, value) ||
	    text(p, name, value) || retry(p, name, value))
		return;
	rli_mistake("%s: '%s' is no option: lease, refresh, refreshinterval, "
		    "maxhold, granularity, owner, robust, servers, prefix, "
		    "timeout, retry, release, slice, delegation", p->where,
		    name);
}

/*
 * What the program's mutex allows, its lock must allow: so these do not come
 * from the environment, where they are meant for programs written for rl.
 */
void rli_options_init(struct rli_pattern *p)
{
	static const struct {
		int granularity, robust;
	} sorts[RLI_SORTS] = {
		[RLI_SORT_PLAIN] = { RL_GRANULARITY_PROCESS,
				     RL_MUTEX_STALLED },
		[RLI_SORT_ROBUST] = { RL_GRANULARITY_THREAD, RL_MUTEX_ROBUST },
		[RLI_SORT_HOST] = { RL_GRANULARITY_HOST, RL_MUTEX_STALLED },
		[RLI_SORT_HOST_ROBUST] = { RL_GRANULARITY_HOST,
					   RL_MUTEX_ROBUST },
	};

	for (int sort = 0; sort < RLI_SORTS; sort++) {
		rl_mutexattr_t *attr = &p->attr[sort];

		rl_mutexattr_init(attr);
		rl_mutexattr_setonlost(attr, rli_lost, p);
		rl_mutexattr_settype(attr, RL_MUTEX_NORMAL);
		rl_mutexattr_setgranularity(attr, sorts[sort].granularity);
		rl_mutexattr_setrobust(attr, sorts[sort].robust);
	}
}

/*
 * What the environment says is noted down now: a program may change or clear
 * its environment later, and all its locks must be on the same servers.
 */
static int note_numbers(rl_mutexattr_t *attr)
{
	long value;
	int err = 0;

	for (size_t i = 0; i < COUNT(numbers) && !err; i++) {
		err = numbers[i].get(attr, &value);
		if (!err)
			err = numbers[i].set(attr, value);
	}
	return err;
}

static int note_words(rl_mutexattr_t *attr)
{
	int err = 0, value;

	for (size_t i = 0; i < COUNT(words) && !err; i++) {
		err = words[i].get(attr, &value);
		if (!err)
			err = words[i].set(attr, value);
	}
	return err;
}

static int note_texts(rl_mutexattr_t *attr)
{
	const char *value;
	int err = 0;

	for (size_t i = 0; i < COUNT(texts) && !err; i++) {
		err = texts[i].get(attr, &value);
		if (!err)
			err = texts[i].set(attr, value);
	}
	return err;
}

static int note_environment(rl_mutexattr_t *attr)
{
	long delay, jitter;
	int count, err = note_numbers(attr);

	if (!err)
		err = note_words(attr);
	if (!err)
		err = note_texts(attr);
	if (!err)
		err = rl_mutexattr_getretry(attr, &count, &delay, &jitter);
	return err ? err : rl_mutexattr_setretry(attr, count, delay, jitter);
}

void rli_options_check(struct rli_pattern *p)
{
	char name[RLI_TRIAL_ROOM];
	rl_mutex_t trial;

	rli_name_trial(p, name);
	for (int sort = 0; sort < RLI_SORTS; sort++) {
		if (note_environment(&p->attr[sort]) ||
		    rl_mutex_init(&trial, name, &p->attr[sort]))
			rli_mistake("%s: %s", p->where, rl_last_error());
		rl_mutex_destroy(&trial);
	}
}
