#ifndef RL_MUTEX_DETAIL_HPP
#define RL_MUTEX_DETAIL_HPP

/*
 * rl/mutex_detail.hpp - helpers of <rl/mutex.hpp>, which includes it. Nothing
 * here is promised to anybody else.
 */
#include <chrono>
#include <ctime>
#include <limits>
#include <system_error>

#include <rl/rl.h>

namespace rl {

namespace detail {

inline std::error_code code(int err) noexcept
{
	return std::error_code(err, std::generic_category());
}

inline void check(int err)
{
	if (err)
		throw std::system_error(code(err), rl_last_error());
}

inline int &unlock_result() noexcept
{
	static thread_local int result = 0;
	return result;
}

/* What attr says, but of type RECURSIVE. */
class recursive_attributes {
public:
	explicit recursive_attributes(const rl_mutexattr_t *from)
	{
		check(rl_mutexattr_init(&attr_));
		try {
			if (from)
				copy(*from);
			check(rl_mutexattr_settype(&attr_,
						   RL_MUTEX_RECURSIVE));
		} catch (...) {
			rl_mutexattr_destroy(&attr_);
			throw;
		}
	}
	~recursive_attributes() { rl_mutexattr_destroy(&attr_); }
	recursive_attributes(const recursive_attributes &) = delete;
	recursive_attributes &operator=(const recursive_attributes &) = delete;

	const rl_mutexattr_t *get() const noexcept { return &attr_; }

private:
	/*
	 * A getter gives what a mutex initialised now would use, so setting
	 * what it gives makes an equal object.
	 */
	void copy(const rl_mutexattr_t &from)
	{
		int count = 0;
		long delay = 0, jitter = 0;
		rl_onlost_fn *onlost = nullptr;
		void *arg = nullptr;

#define RL_COPY_(name) \
	copy(from, rl_mutexattr_get##name, rl_mutexattr_set##name)
		RL_COPY_(servers);
		RL_COPY_(prefix);
		RL_COPY_(owner);
		RL_COPY_(granularity);
		RL_COPY_(robust);
		RL_COPY_(lease);
		RL_COPY_(refresh);
		RL_COPY_(maxhold);
		RL_COPY_(refreshinterval);
		RL_COPY_(timeout);
		RL_COPY_(release);
		RL_COPY_(slice);
		RL_COPY_(delegation);
#undef RL_COPY_
		check(rl_mutexattr_getretry(&from, &count, &delay, &jitter));
		check(rl_mutexattr_setretry(&attr_, count, delay, jitter));
		check(rl_mutexattr_getonlost(&from, &onlost, &arg));
		check(rl_mutexattr_setonlost(&attr_, onlost, arg));
	}

	template <class T>
	void copy(const rl_mutexattr_t &from,
		  int (*getter)(const rl_mutexattr_t *, T *),
		  int (*setter)(rl_mutexattr_t *, T))
	{
		T value{};

		check(getter(&from, &value));
		check(setter(&attr_, value));
	}

	rl_mutexattr_t attr_;
};

/* A time nobody waits for, as a duration and as a point on either clock. */
constexpr std::time_t far_away = sizeof(std::time_t) > 4 ?
	static_cast<std::time_t>(9000000000LL) :
	std::numeric_limits<std::time_t>::max();

inline timespec make_timespec(std::time_t s, long ns) noexcept
{
	timespec ts = timespec();
	ts.tv_sec = s;
	ts.tv_nsec = ns;
	return ts;
}

/* Rounded up, so that no wait ends early; 0 for what is negative. */
template <class Rep, class Period>
timespec to_timespec(const std::chrono::duration<Rep, Period> &d)
{
	using namespace std::chrono;
	const double about = duration<double>(d).count();

	if (!(about > 0)) /* nor a number at all */
		return make_timespec(0, 0);
	if (about >= static_cast<double>(far_away))
		return make_timespec(far_away, 0);
	const seconds whole = duration_cast<seconds>(d);
	const auto rest = d - whole;
	nanoseconds ns = duration_cast<nanoseconds>(rest);
	if (ns < rest)
		++ns;
	const std::time_t s = static_cast<std::time_t>(whole.count());
	return ns < seconds(1) ?
		make_timespec(s, static_cast<long>(ns.count())) :
		make_timespec(s + 1, 0);
}

/* The point on CLOCK_MONOTONIC that is d from now. */
template <class Rep, class Period>
timespec monotonic_after(const std::chrono::duration<Rep, Period> &d)
{
	const timespec now = to_timespec(
		std::chrono::steady_clock::now().time_since_epoch());
	const timespec wait = to_timespec(d);

	if (wait.tv_sec >= far_away - now.tv_sec - 1)
		return make_timespec(far_away, 0);
	const long ns = now.tv_nsec + wait.tv_nsec;
	return make_timespec(now.tv_sec + wait.tv_sec + ns / 1000000000,
			     ns % 1000000000);
}

} // namespace detail

} // namespace rl

#endif
