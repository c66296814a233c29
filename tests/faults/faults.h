/*
 * What the tests of faults share: mutexes made in a line, and the truth as the
 * server knows it, asked for behind the back of the library.
 */
#ifndef TESTS_FAULTS_FAULTS_H
#define TESTS_FAULTS_FAULTS_H

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rl/rl.h>

#include "support/proxy.h"
#include "support/server.h"
#include "support/wait.h"

/* What a mutex is to be like; zero bytes are the default of each. */
struct want {
	const char *url;
	const char *options;	/* of the URL, without its "?"; as a rule more
				   patience than the default, for busy machines
				   that run tests */
	const char *name;	/* "n" */
	const char *owner;	/* else the granularity */
	int granularity;
	int type;
	int64_t lease_ms;	/* 10000 */
	int64_t refresh_ms;
	bool robust, no_refresh, async;
	void (*onlost)(rl_mutex_t *mutex, int error, void *arg);
	void *arg;
};

static inline void set_attr(rl_mutexattr_t *attr, const struct want *w)
{
	const char *last = strrchr(w->url, ' ');
	char url[2400];

	snprintf(url, sizeof(url), "%s%c%s", w->url,
		 strchr(last ? last : w->url, '?') ? '&' : '?',
		 w->options ? w->options : "command_timeout=5000");
	cr_assert_eq(rl_mutexattr_init(attr), 0);
	cr_assert_eq(rl_mutexattr_setservers(attr, url), 0, "%s: %s", url,
		     rl_last_error());
	if (w->owner)
		cr_assert_eq(rl_mutexattr_setowner(attr, w->owner), 0);
	rl_mutexattr_setgranularity(attr, w->granularity);
	rl_mutexattr_settype(attr, w->type);
	if (w->lease_ms)
		rl_mutexattr_setlease(attr, w->lease_ms);
	if (w->refresh_ms)
		rl_mutexattr_setrefreshinterval(attr, w->refresh_ms);
	if (w->robust)
		rl_mutexattr_setrobust(attr, RL_MUTEX_ROBUST);
	if (w->no_refresh)
		rl_mutexattr_setrefresh(attr, RL_REFRESH_OFF);
	if (w->async)
		rl_mutexattr_setrelease(attr, RL_RELEASE_ASYNC);
	if (w->onlost)
		rl_mutexattr_setonlost(attr, w->onlost, w->arg);
}

static inline void make(rl_mutex_t *m, const struct want *w)
{
	rl_mutexattr_t attr;

	set_attr(&attr, w);
	cr_assert_eq(rl_mutex_init(m, w->name ? w->name : "n", &attr), 0,
		     "%s", rl_last_error());
	rl_mutexattr_destroy(&attr);
}

/* --------------------------------------------------- the server's own word */

static inline const char *key(const char *name)
{
	static _Thread_local char text[64];

	snprintf(text, sizeof(text), "rl:%s", name ? name : "n");
	return text;
}

static inline const char *meta(const char *name)
{
	static _Thread_local char text[64];

	snprintf(text, sizeof(text), "{rl:%s}:rl:meta", name ? name : "n");
	return text;
}

/* The value of K; "(nil)" if the lock is free. */
static inline const char *value_of(struct server *srv, const char *name)
{
	return server_ask(srv, "GET %s", key(name));
}

static inline bool is_free(struct server *srv, const char *name)
{
	return !strcmp(value_of(srv, name), "(nil)");
}

/* The fence that the server gave out last. */
static inline uint64_t fence_of(struct server *srv, const char *name)
{
	const char *f = server_ask(srv, "HGET %s f", meta(name));

	return strtoull(f, NULL, 10) / 2;
}

/* Whether the value of K is a hold of this owner's, as rl_mutex_owner says. */
static inline bool held_by(struct server *srv, const char *name,
			   const char *owner)
{
	const char *value = value_of(srv, name);
	size_t len = strlen(owner);

	return !strncmp(value, owner, len) && value[len] == '#' &&
	       strlen(value) == len + 17;
}

/* ------------------------------------------------------------------- times */

static inline struct timespec in_ms(int64_t ms)
{
	struct timespec ts;
	int64_t ns;

	clock_gettime(CLOCK_REALTIME, &ts);
	ns = ts.tv_sec * 1000000000LL + ts.tv_nsec + ms * 1000000;
	ts.tv_sec = (time_t)(ns / 1000000000);
	ts.tv_nsec = (long)(ns % 1000000000);
	return ts;
}

/* As rl_mutex_lock() of a mutex whose patience with servers is short. */
static inline int lock_patiently(rl_mutex_t *m)
{
	int64_t end = wait_now_ms() + WAIT_MS;
	int err;

	do
		err = rl_mutex_lock(m);
	while (err == ENOLCK && wait_now_ms() < end);
	return err;
}

static inline int timedlock_ms(rl_mutex_t *m, int64_t ms)
{
	struct timespec ts = in_ms(ms);

	return rl_mutex_timedlock(m, &ts);
}

/* How long something took: at least so long, and not much longer. */
#define LATE 3000	/* ms */

static int64_t clock_began;

static inline void start_clock(void)
{
	clock_began = wait_now_ms();
}

static inline void expect_took(int64_t ms)
{
	int64_t took = wait_now_ms() - clock_began;

	cr_expect(took >= ms - 1, "only %lld ms", (long long)took);
	cr_expect(took < ms + LATE, "%lld ms", (long long)took);
}

/* The last error names the server, and what it said. */
static inline void expect_said(const struct server *srv, const char *what)
{
	const char *text = rl_last_error();

	cr_expect(strstr(text, srv->addr.path), "'%s' names no server", text);
	cr_expect(strstr(text, what), "'%s' does not say '%s'", text, what);
}

/* Waiting for a lock to be free, as the server sees it. */
struct freed {
	struct server *srv;
	const char *name;
};

static inline bool freed(void *arg)
{
	struct freed *f = arg;

	return is_free(f->srv, f->name);
}

static inline bool becomes_free(struct server *srv, const char *name, int ms)
{
	return wait_until(freed, &(struct freed){ srv, name }, ms);
}

#endif
