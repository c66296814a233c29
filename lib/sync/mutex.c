#include "sync/mutex.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"

/* ----------------------------------------------------------------- making */

static void onlost(void *mutex, int error, void *arg)
{
	struct rli_mutex *m = arg;

	(void)mutex;
	m->onlost(m->shell, error, m->onlost_arg);
}

static int make_id(struct rli_terms *terms, const char *owner)
{
	char id[RLI_ID_MAX + 1];
	int err;

	if (terms->kind < RLI_OWNER_HOST)
		return 0;
	if (terms->kind == RLI_OWNER_NAME)
		err = rli_name_owner(id, RLI_ID_MAX, owner);
	else
		err = rli_host_owner(id, RLI_ID_MAX);
	if (err)
		return err;
	terms->id_len = strlen(id) + 1;
	memcpy(id + terms->id_len - 1, "#", 2);
	terms->id = rli_strdup(id);
	return terms->id ? 0 : rli_fail_nomem();
}

static enum rli_owner_kind kind_of(const struct rli_settings *s)
{
	static const enum rli_owner_kind kinds[] = {
		[RL_GRANULARITY_THREAD] = RLI_OWNER_THREAD,
		[RL_GRANULARITY_PROCESS] = RLI_OWNER_PROCESS,
		[RL_GRANULARITY_HOST] = RLI_OWNER_HOST,
	};

	return s->owner ? RLI_OWNER_NAME : kinds[s->granularity];
}

static void set_terms(struct rli_mutex *m, const struct rli_settings *s)
{
	int64_t lease = rli_ms(s->lease_ms);

	m->type = s->type;
	m->timeout_ms = s->timeout_ms;
	m->onlost = s->onlost;
	m->onlost_arg = s->onlost_arg;
	m->terms = (struct rli_terms){
		.kind = kind_of(s),
		.robust = s->robust == RL_MUTEX_ROBUST,
		.shared = s->type == RL_MUTEX_REFRESH,
		.locker_unlocks = s->type == RL_MUTEX_ERRORCHECK ||
				  s->type == RL_MUTEX_RECURSIVE,
		.renew = s->refresh == RL_REFRESH_AUTO,
		.async = s->release == RL_RELEASE_ASYNC,
		.delegated = s->delegation == RL_DELEGATION_ON &&
			     s->type != RL_MUTEX_REFRESH,
		.lease_ms = s->lease_ms,
		.interval = s->refreshinterval_ms
				    ? rli_ms(s->refreshinterval_ms)
				    : lease / 3,
		.maxhold = rli_ms(s->maxhold_ms),
		.slice = s->slice_us * RLI_US,
		.retries = s->retry_count,
		.retry_delay = rli_ms(s->retry_delay_ms),
		.retry_jitter = rli_ms(s->retry_jitter_ms),
		.onlost = s->onlost ? onlost : NULL,
		.onlost_arg = m,
		.mutex = m,
	};
}

static int check_servers(const struct rli_servers *servers, bool delegated)
{
	if (servers->n > 1 && delegated)
		return rli_fail(ENOTSUP, "delegation by a quorum of %d "
				"servers: only a single one delegates",
				servers->n);
	return rli_backend.check(servers);
}

static void free_mutex(struct rli_mutex *m)
{
	if (m->lock)
		rli_lock_put(m->lock);
	rli_servers_put(m->terms.servers);
	rli_free(m->terms.id);
	rli_free(m);
}

static int fill(struct rli_mutex *m, const char *name,
		const struct rli_settings *s)
{
	int err = rli_place_check_name(name);

	if (err)
		return err;
	set_terms(m, s);
	err = make_id(&m->terms, s->owner);
	if (!err)
		err = rli_servers_get(s->servers, &m->terms.servers);
	if (!err)
		err = check_servers(m->terms.servers, m->terms.delegated);
	if (!err)
		err = rli_lock_get(m->terms.servers, s->prefix, name, &m->lock);
	return err;
}

static int make_mutex(rl_mutex_t *shell, const char *name,
		      const struct rli_settings *settings,
		      struct rli_mutex **made)
{
	struct rli_mutex *m;
	int err = rli_settings_check(settings);

	if (err)
		return err;
	m = rli_calloc(1, sizeof(*m));
	if (!m)
		return rli_fail_nomem();
	m->shell = shell;
	err = fill(m, name, settings);
	if (err)
		free_mutex(m);
	else
		*made = m;
	return err;
}

/* ------------------------------------------------------------ shell and core */

/* Acquire: the mutex is seen whole. */
static struct rli_mutex *core_of(rl_mutex_t *shell)
{
	return __atomic_load_n(&shell->rl_private.rl_impl, __ATOMIC_ACQUIRE);
}

static unsigned magic_of(const rl_mutex_t *shell)
{
	return __atomic_load_n(&shell->rl_private.rl_magic, __ATOMIC_ACQUIRE);
}

static void set_magic(rl_mutex_t *shell, unsigned magic)
{
	__atomic_store_n(&shell->rl_private.rl_magic, magic, __ATOMIC_RELEASE);
}

static int make_static(rl_mutex_t *shell, struct rli_mutex **core)
{
	struct rli_settings settings;
	struct rli_mutex *made;
	void *none = NULL;
	int err = rli_settings_resolve(NULL, &settings);

	if (err)
		return err;
	settings.type = shell->rl_private.rl_type;
	err = make_mutex(shell, shell->rl_private.rl_name, &settings, &made);
	if (err)
		return err;
	if (__atomic_compare_exchange_n(&shell->rl_private.rl_impl, &none, made,
					0, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE)) {
		*core = made;
	} else {
		free_mutex(made);
		*core = none;
	}
	return 0;
}

static int bad_mutex(void)
{
	return rli_fail_const(EINVAL, "the mutex is null, not initialised or "
			      "destroyed");
}

static int find_core(rl_mutex_t *shell, struct rli_mutex **core)
{
	unsigned magic = shell ? magic_of(shell) : 0;

	if (magic != RLI_MUTEX_MADE && magic != RL_MUTEX_STATIC_)
		return bad_mutex();
	*core = core_of(shell);
	if (*core)
		return 0;
	return magic == RL_MUTEX_STATIC_ ? make_static(shell, core)
					 : bad_mutex();
}

/* ------------------------------------------------------------------- calls */

int rli_call_begin_bare(struct rli_call *call)
{
	int err;

	call->saved_errno = errno;
	rli_cancel_off(&call->cancel);
	call->self = rli_thread_peek();
	if (call->self)
		return 0;
	err = rli_process_init();
	return err ? err : rli_thread_self(&call->self);
}

int rli_call_begin(struct rli_call *call, rl_mutex_t *mutex)
{
	int err = rli_call_begin_bare(call);

	if (!err)
		err = find_core(mutex, &call->mutex);
	if (!err)
		call->lock = call->mutex->lock;
	return err;
}

bool rli_call_is_short(struct rli_call *call, rl_mutex_t *mutex)
{
	unsigned magic = mutex ? magic_of(mutex) : 0;

	call->self = rli_thread_peek();
	if (!call->self || (magic != RLI_MUTEX_MADE &&
			    magic != RL_MUTEX_STATIC_))
		return false;
	call->mutex = core_of(mutex);
	if (call->mutex)
		call->lock = call->mutex->lock;
	return call->mutex;
}

int rli_call_end(struct rli_call *call, int err)
{
	rli_cancel_as_before(&call->cancel);
	errno = call->saved_errno;
	return err;
}

/* --------------------------------------------------------- init and destroy */

static int init(rl_mutex_t *mutex, const char *name,
		const rl_mutexattr_t *attr)
{
	struct rli_settings settings;
	struct rli_mutex *made;
	int err = mutex ? rli_settings_resolve(attr, &settings) : bad_mutex();

	if (!err)
		err = make_mutex(mutex, name, &settings, &made);
	if (err)
		return err;
	memset(mutex, 0, sizeof(*mutex));
	mutex->rl_private.rl_impl = made;
	set_magic(mutex, RLI_MUTEX_MADE);
	return 0;
}

int rl_mutex_init(rl_mutex_t *mutex, const char *name,
		  const rl_mutexattr_t *attr)
{
	struct rli_call call;
	int err = rli_call_begin_bare(&call);

	return rli_call_end(&call, err ? err : init(mutex, name, attr));
}

static int destroy(rl_mutex_t *shell, struct rli_thread *self)
{
	struct rli_mutex *m = core_of(shell);
	int err = 0;

	if (m)
		err = rli_lock_leave(m->lock, m, self);
	if (err)
		return rli_fail_const(EBUSY, "the mutex is in use");
	set_magic(shell, RLI_MUTEX_GONE);
	shell->rl_private.rl_impl = NULL;
	if (m)
		free_mutex(m);
	return 0;
}

int rl_mutex_destroy(rl_mutex_t *mutex)
{
	unsigned magic = mutex ? magic_of(mutex) : 0;
	struct rli_call call;
	int err = rli_call_begin_bare(&call);

	if (!err && magic != RLI_MUTEX_MADE && magic != RL_MUTEX_STATIC_)
		err = bad_mutex();
	return rli_call_end(&call, err ? err : destroy(mutex, call.self));
}
