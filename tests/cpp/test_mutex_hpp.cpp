/* rl::mutex and rl::recursive_mutex with what the standard library has. */
#include "check.hpp"

#include <vector>

using std::chrono::hours;
using std::chrono::milliseconds;

/* A hand-off that nobody took lasts a second at most. */
static bool becomes_free(rl::mutex &m)
{
	const auto end = std::chrono::steady_clock::now() +
			 std::chrono::seconds(5);

	while (m.locked() && std::chrono::steady_clock::now() < end)
		std::this_thread::yield();
	return !m.locked();
}

static void lock_guard_excludes_threads()
{
	rl::mutex m(name_of("guard").c_str());
	std::vector<std::thread> threads;
	long total = 0;

	for (int i = 0; i < 4; i++)
		threads.emplace_back([&] {
			for (int n = 0; n < 50; n++) {
				std::lock_guard<rl::mutex> guard(m);
				total++;
			}
			CHECK(!rl::unlock_error());
		});
	for (auto &thread : threads)
		thread.join();
	CHECK(total == 200);
	CHECK(becomes_free(m));
}

static void unique_lock_takes_it_in_every_way()
{
	rl::mutex m(name_of("unique").c_str());
	typedef std::unique_lock<rl::mutex> lock;
	const auto system = std::chrono::system_clock::now();
	const auto steady = std::chrono::steady_clock::now();

	CHECK(lock(m).owns_lock());
	CHECK(lock(m, std::try_to_lock).owns_lock());
	CHECK(lock(m, milliseconds(500)).owns_lock());
	CHECK(lock(m, std::chrono::duration<double>(0.5)).owns_lock());
	CHECK(lock(m, (hours::max)()).owns_lock());
	CHECK(lock(m, system + hours(1)).owns_lock());
	CHECK(lock(m, steady + hours(1)).owns_lock());
	CHECK(lock(m, (std::chrono::system_clock::time_point::max)()));
	CHECK(lock(m, (std::chrono::steady_clock::time_point::max)()));
	lock deferred(m, std::defer_lock);
	CHECK(!deferred);
	deferred.lock();
	CHECK(m.held());
	deferred.unlock();
	CHECK(!m.held());
}

static void a_free_lock_is_taken_after_the_time()
{
	rl::mutex m(name_of("past").c_str());

	CHECK(m.try_lock_for(milliseconds(-5)));
	m.unlock();
	CHECK(m.try_lock_for((hours::min)()));
	m.unlock();
	CHECK(m.try_lock_until(std::chrono::system_clock::time_point()));
	m.unlock();
	CHECK(m.try_lock_until(std::chrono::steady_clock::time_point()));
	m.unlock();
}

/* A clock that is none of the two, runs ahead by an hour, and at half speed. */
struct odd_clock {
	typedef std::chrono::milliseconds duration;
	typedef duration::rep rep;
	typedef duration::period period;
	typedef std::chrono::time_point<odd_clock> time_point;
	static const bool is_steady = true;

	static time_point now()
	{
		const auto since = std::chrono::steady_clock::now() - start();
		return time_point(hours(1) +
			std::chrono::duration_cast<duration>(since) / 2);
	}

	static std::chrono::steady_clock::time_point start()
	{
		static const auto begin = std::chrono::steady_clock::now();
		return begin;
	}
};

static void a_wait_ends_in_false_and_not_early()
{
	rl::mutex m(name_of("wait").c_str());
	std::lock_guard<rl::mutex> guard(m);
	const milliseconds wait(60);

	CHECK(!elsewhere([&] { return m.try_lock(); }));
	CHECK(!elsewhere([&] {
		const auto t = std::chrono::steady_clock::now() + wait;
		const bool got = m.try_lock_for(wait);
		CHECK(std::chrono::steady_clock::now() >= t);
		return got;
	}));
	CHECK(!elsewhere([&] {
		const auto t = std::chrono::steady_clock::now() + wait;
		const bool got = m.try_lock_until(t);
		CHECK(std::chrono::steady_clock::now() >= t);
		return got;
	}));
	CHECK(!elsewhere([&] {
		const auto t = std::chrono::system_clock::now() + wait;
		return m.try_lock_until(t);
	}));
	CHECK(!elsewhere([&] {
		const auto t = odd_clock::now() + wait;
		const bool got = m.try_lock_until(t);
		CHECK(odd_clock::now() >= t);
		return got;
	}));
}

static void several_at_once_do_not_deadlock()
{
	rl::mutex a(name_of("two-a").c_str());
	rl::mutex b(name_of("two-b").c_str());
	int total = 0;
	auto work = [&](rl::mutex &first, rl::mutex &second) {
		for (int i = 0; i < 20; i++) {
#if __cplusplus >= 201703L
			std::scoped_lock both(first, second);
#else
			std::lock(first, second);
			std::lock_guard<rl::mutex> x(first, std::adopt_lock);
			std::lock_guard<rl::mutex> y(second, std::adopt_lock);
#endif
			total++;
		}
	};
	std::thread other([&] { work(b, a); });

	work(a, b);
	other.join();
	CHECK(total == 40);
}

static void recursive_counts_and_keeps_the_other_attributes()
{
	attributes of;
	const std::string name = name_of("recursive");

	CHECK(rl_mutexattr_setlease(&of.attr, 40000) == 0);
	CHECK(rl_mutexattr_settype(&of.attr, RL_MUTEX_ERRORCHECK) == 0);
	rl::recursive_mutex m(name.c_str(), &of.attr);
	{
		std::lock_guard<rl::recursive_mutex> one(m);
		std::lock_guard<rl::recursive_mutex> two(m);
		CHECK(m.try_lock());
		CHECK(m.remaining() > milliseconds(30000));
		m.unlock();
		CHECK(!elsewhere([&] { return m.try_lock(); }));
	}
	CHECK(elsewhere([&] {
		const bool got = m.try_lock();
		m.unlock();
		return got;
	}));
	rl::recursive_mutex plain((name + "2").c_str());
	plain.lock();
	plain.lock();
	plain.unlock();
	CHECK(plain.held());
	CHECK(!plain.try_unlock());
	CHECK(plain.try_unlock().value() == EPERM);
}

static void the_type_of_the_attribute_holds_for_mutex()
{
	attributes of;

	CHECK(rl_mutexattr_settype(&of.attr, RL_MUTEX_ERRORCHECK) == 0);
	rl::mutex m(name_of("type").c_str(), &of.attr);
	m.lock();
	CHECK(error_of([&] { m.lock(); }) == EDEADLK);
	CHECK(!m.try_lock());
	m.unlock();
}

static void tests()
{
	lock_guard_excludes_threads();
	unique_lock_takes_it_in_every_way();
	a_free_lock_is_taken_after_the_time();
	a_wait_ends_in_false_and_not_early();
	several_at_once_do_not_deadlock();
	recursive_counts_and_keeps_the_other_attributes();
	the_type_of_the_attribute_holds_for_mutex();
}

int main()
{
	return run_tests(tests);
}
