/* What rl::mutex throws, what it tells otherwise, and the lease. */
#include "check.hpp"

using std::chrono::hours;
using std::chrono::milliseconds;

static void bad_arguments_throw_einval()
{
	rl_mutexattr_t never;

	std::memset(&never, 0, sizeof(never));
	CHECK(error_of([] { rl::mutex m(""); }) == EINVAL);
	CHECK(error_of([] { rl::mutex m(nullptr); }) == EINVAL);
	CHECK(error_of([&] { rl::mutex m("n", &never); }) == EINVAL);
	CHECK(error_of([&] { rl::recursive_mutex m("n", &never); }) == EINVAL);
}

static void servers_that_are_not_there_throw_enolck()
{
	attributes of;

	CHECK(rl_mutexattr_setservers(&of.attr,
		"unix:///nonexistent/socket?outage_timeout=50") == 0);
	rl::mutex m("n", &of.attr);
	CHECK(error_of([&] { m.lock(); }) == ENOLCK);
	CHECK(error_of([&] { m.try_lock(); }) == ENOLCK);
	CHECK(!m.try_lock_for(milliseconds(20)));
}

static void a_lost_lease_is_told_without_a_throw()
{
	rl::mutex m(name_of("lost").c_str());
	rl::mutex same(name_of("lost").c_str());

	{
		std::lock_guard<rl::mutex> guard(m);
		same.reset();
	}
	CHECK(rl::unlock_error().value() == ESTALE);
	CHECK(m.try_unlock().value() == EPERM);
	CHECK(elsewhere([] { return !rl::unlock_error(); }));
	m.lock();
	same.reset();
	CHECK(m.try_unlock().value() == ESTALE);
	m.lock();
	m.unlock();
	CHECK(!rl::unlock_error());
}

/* A thread that ends while it holds the lock. */
template <class M> static void die_holding(M &m)
{
	CHECK(elsewhere([&] { return m.try_lock(); }));
}

template <class M> static void dead_owner(const char *test)
{
	attributes of;

	CHECK(rl_mutexattr_setrobust(&of.attr, RL_MUTEX_ROBUST) == 0);
	M m(name_of(test).c_str(), &of.attr);
	m.lock();
	CHECK(!m.owner_dead());
	CHECK(error_of([&] { m.consistent(); }) == EINVAL);
	m.unlock();

	die_holding(m);
	m.lock();
	CHECK(m.owner_dead());
	CHECK(elsewhere([&] { return !m.owner_dead(); }));
	m.consistent();
	CHECK(!m.owner_dead());
	m.unlock();
	CHECK(m.try_lock());
	CHECK(!m.owner_dead());
	m.unlock();

	die_holding(m);
	CHECK(m.try_lock_for(hours(1)));
	CHECK(m.owner_dead());
	m.unlock();
	CHECK(!rl::unlock_error());
	CHECK(error_of([&] { m.lock(); }) == ENOTRECOVERABLE);
	m.reset();
	m.lock();
	CHECK(!m.owner_dead());
	m.unlock();
}

static void inner_levels_keep_the_dead_owner()
{
	attributes of;

	CHECK(rl_mutexattr_setrobust(&of.attr, RL_MUTEX_ROBUST) == 0);
	rl::recursive_mutex m(name_of("dead-inner").c_str(), &of.attr);
	die_holding(m);
	m.lock();
	m.lock();
	CHECK(m.owner_dead());
	m.unlock();
	CHECK(m.owner_dead());
	m.consistent();
	m.unlock();
}

static void lease_fence_and_owner()
{
	rl::mutex m(name_of("lease").c_str());
	std::uint64_t first;

	CHECK(m.owner().empty());
	CHECK(error_of([&] { m.fence(); }) == EPERM);
	CHECK(error_of([&] { m.remaining(); }) == EPERM);
	CHECK(error_of([&] { m.refresh(); }) == EPERM);
	m.lock();
	first = m.fence();
	CHECK(m.owner().compare(0, 5, "thrd:") == 0);
	CHECK(m.locked() && m.held());
	m.extend(std::chrono::seconds(100));
	CHECK(m.remaining() > milliseconds(50000));
	m.refresh();
	CHECK(m.remaining() <= std::chrono::seconds(10));
	CHECK(error_of([&] { m.extend(milliseconds(9)); }) == EINVAL);
	m.unlock();
	m.lock();
	CHECK(m.fence() > first);
	m.unlock();
}

static void lease_0_never_ends()
{
	attributes of;

	CHECK(rl_mutexattr_setlease(&of.attr, 0) == 0);
	rl::mutex m(name_of("forever").c_str(), &of.attr);
	m.lock();
	CHECK(m.remaining() == (std::chrono::nanoseconds::max)());
	CHECK(error_of([&] { m.refresh(); }) == ENOTSUP);
	m.unlock();
}

static void a_mutex_destroyed_while_held_leaves_the_lock()
{
	const std::string name = name_of("destroyed");
	rl_mutex_t *handle;

	{
		rl::mutex m(name.c_str());
		m.lock();
		handle = m.native_handle();
	}
	CHECK(rl::mutex(name.c_str()).locked());
	CHECK(rl_mutex_unlock(handle) == 0);
	CHECK(rl_mutex_destroy(handle) == 0);
	delete handle;
}

static void tests()
{
	bad_arguments_throw_einval();
	servers_that_are_not_there_throw_enolck();
	a_lost_lease_is_told_without_a_throw();
	dead_owner<rl::mutex>("dead");
	dead_owner<rl::recursive_mutex>("dead-recursive");
	inner_levels_keep_the_dead_owner();
	lease_fence_and_owner();
	lease_0_never_ends();
	a_mutex_destroyed_while_held_leaves_the_lock();
}

int main()
{
	return run_tests(tests);
}
