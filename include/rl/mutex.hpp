#ifndef RL_MUTEX_HPP
#define RL_MUTEX_HPP

/*
 * rl/mutex.hpp - rl::mutex and rl::recursive_mutex: <rl/mutex.h> for C++11
 * and later.
 *
 * Both meet Lockable and TimedLockable, so std::lock_guard, std::unique_lock,
 * std::scoped_lock and std::lock take them. What they promise and what not is
 * said in <rl/mutex.h>; a lease can be lost.
 *
 *	#include <rl/mutex.hpp>
 *	#include <iostream>
 *	#include <mutex>
 *
 *	int main()
 *	{
 *		rl::mutex nightly("nightly");
 *		try {
 *			std::lock_guard<rl::mutex> guard(nightly);
 *			std::cout << "nobody else is here, anywhere\n";
 *		} catch (const std::system_error &e) {
 *			std::cerr << e.what() << '\n';
 *			return 1;
 *		}
 *		return rl::unlock_error() ? 1 : 0;
 *	}
 *
 * Errors. A call that fails throws std::system_error: code() is the error
 * number of the C call in std::generic_category(), and what() holds
 * rl_last_error(). Not an error is what the return value tells: try_lock and
 * its timed kin return false when the lock is taken (EBUSY) or the time has
 * passed (ETIMEDOUT; rl_last_error() tells whether it was the servers).
 *
 * Unlocking never throws, because a guard does it in its destructor, but it
 * can have something to say: ESTALE, the lease was lost and the work may have
 * overlapped another holder's; ENOLCK, no server could be told and the lock
 * stays taken until the lease runs out; EPERM, it was not the caller's. Ask
 * either way:
 *  - rl::unlock_error(), after the guard's scope: the outcome of the calling
 *    thread's latest unlock() of any mutex of this header;
 *  - try_unlock(), in place of unlock(): returns it. With std::unique_lock:
 *    lock.release()->try_unlock().
 *
 * A dead owner (robust mutexes). Where the C call returns EOWNERDEAD, lock()
 * returns and try_lock() returns true as usual: the lock is held. Then
 * owner_dead() is true until consistent(), or the end of the hold:
 *
 *	std::lock_guard<rl::mutex> guard(table_lock);
 *	if (table_lock.owner_dead()) {
 *		repair(table);
 *		table_lock.consistent();
 *	}
 *
 * An unlock without consistent() makes the lock not recoverable: lock() then
 * throws ENOTRECOVERABLE until somebody calls reset(). So code that does not
 * look at owner_dead() cannot go on with broken data.
 *
 * Thread, fork and signal safety, blocking and cancellation: as the C call of
 * the same name. Neither copyable nor movable.
 */
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <system_error>

#include <rl/mutex_detail.hpp>
#include <rl/rl.h>

namespace rl {

namespace detail {

/*
 * What the two classes share. The mutex proper is on the heap so that one
 * that cannot be destroyed, because threads of this process still use the
 * lock, can be left alive.
 */
class mutex_base {
public:
	mutex_base(const mutex_base &) = delete;
	mutex_base &operator=(const mutex_base &) = delete;

	/*
	 * Lockable. lock() waits as rl_mutex_lock does, by the attribute
	 * timeout at most, and throws if it does not get the lock.
	 */
	void lock() { check(locked_with(rl_mutex_lock(native_handle()))); }

	bool try_lock()
	{
		return got(locked_with(rl_mutex_trylock(native_handle())));
	}

	/*
	 * TimedLockable. A free lock is taken even when the time has passed.
	 * std::chrono::system_clock is CLOCK_REALTIME, steady_clock is
	 * CLOCK_MONOTONIC; a point on any other clock is turned into a
	 * duration, again if that clock has not got there when it has passed.
	 */
	template <class Rep, class Period>
	bool try_lock_for(const std::chrono::duration<Rep, Period> &d)
	{
		return try_monotonic(monotonic_after(d));
	}

	template <class Duration>
	bool try_lock_until(const std::chrono::time_point<
			    std::chrono::system_clock, Duration> &t)
	{
		const timespec ts = to_timespec(t.time_since_epoch());
		return got(locked_with(
			rl_mutex_timedlock(native_handle(), &ts)));
	}

	template <class Duration>
	bool try_lock_until(const std::chrono::time_point<
			    std::chrono::steady_clock, Duration> &t)
	{
		return try_monotonic(to_timespec(t.time_since_epoch()));
	}

	template <class Clock, class Duration>
	bool try_lock_until(const std::chrono::time_point<Clock, Duration> &t)
	{
		do {
			if (try_lock_for(t - Clock::now()))
				return true;
		} while (Clock::now() < t);
		return false;
	}

	/* End the hold; the outcome is in rl::unlock_error(). */
	void unlock() noexcept
	{
		unlock_result() = rl_mutex_unlock(native_handle());
	}

	/* End the hold and say how that went; false in a condition is 0. */
	std::error_code try_unlock() noexcept
	{
		return code(rl_mutex_unlock(native_handle()));
	}

	/*
	 * Whether this hold began with EOWNERDEAD and has not been mended.
	 * False for who does not hold the lock. Does not ask the servers.
	 */
	bool owner_dead() const noexcept
	{
		/*
		 * No hold has the fence of another, so what was noted of an
		 * earlier one can stay. Relaxed: it is written and read by
		 * holders, which the lock orders.
		 */
		const std::uint64_t dead =
			dead_fence_.load(std::memory_order_relaxed);
		std::uint64_t mine = 0;

		return dead != 0 &&
		       rl_mutex_fence(native_handle(), &mine) == 0 &&
		       mine == dead;
	}

	/* What the lock protects is mended. */
	void consistent()
	{
		check(rl_mutex_consistent(native_handle()));
		dead_fence_.store(0, std::memory_order_relaxed);
	}

	/* Start the configured lease anew, or one of this length. */
	void refresh() { check(rl_mutex_refresh(native_handle())); }

	template <class Rep, class Period>
	void extend(const std::chrono::duration<Rep, Period> &lease)
	{
		const timespec ts = to_timespec(lease);
		check(rl_mutex_extend(native_handle(), &ts));
	}

	/* Validity left; the largest duration for lease 0. */
	std::chrono::nanoseconds remaining() const
	{
		using namespace std::chrono;
		timespec left = timespec();

		check(rl_mutex_remaining(native_handle(), &left));
		if (left.tv_sec >= far_away)
			return (nanoseconds::max)();
		return seconds(left.tv_sec) + nanoseconds(left.tv_nsec);
	}

	std::uint64_t fence() const
	{
		std::uint64_t number = 0;

		check(rl_mutex_fence(native_handle(), &number));
		return number;
	}

	/* Asking the servers: does this owner hold it; does anybody; who? */
	bool held() const
	{
		const int err = rl_mutex_held(native_handle());

		if (err != EPERM)
			check(err);
		return err == 0;
	}

	bool locked() const
	{
		const int err = rl_mutex_locked(native_handle());

		if (err != EBUSY)
			check(err);
		return err == EBUSY;
	}

	/* Empty if nobody holds it. */
	std::string owner() const
	{
		std::string id(1200, '\0');
		int err;

		while ((err = rl_mutex_owner(native_handle(), &id[0],
					     id.size())) == ERANGE)
			id.resize(2 * id.size());
		if (err == ENOENT)
			return std::string();
		check(err);
		id.resize(std::char_traits<char>::length(id.c_str()));
		return id;
	}

	/* Free it, whoever holds it. */
	void reset() { check(rl_mutex_reset(native_handle())); }

	/* For the calls of <rl/mutex.h>; never to be destroyed by hand. */
	typedef rl_mutex_t *native_handle_type;
	rl_mutex_t *native_handle() const noexcept { return mutex_.get(); }

protected:
	mutex_base(const char *name, const rl_mutexattr_t *attr)
		: mutex_(new rl_mutex_t()), dead_fence_(0)
	{
		check(rl_mutex_init(native_handle(), name, attr));
	}

	/*
	 * Destroying a mutex that is held leaves the lock as it is and keeps
	 * the handle inside for the rest of the process.
	 */
	~mutex_base()
	{
		if (rl_mutex_destroy(native_handle()) != 0)
			static_cast<void>(mutex_.release());
	}

private:
	/* An owner's death is noted, and is a success. */
	int locked_with(int err)
	{
		std::uint64_t mine = 0;

		if (err != EOWNERDEAD)
			return err;
		if (rl_mutex_fence(native_handle(), &mine) == 0)
			dead_fence_.store(mine, std::memory_order_relaxed);
		return 0;
	}

	static bool got(int err)
	{
		if (err != EBUSY && err != ETIMEDOUT)
			check(err);
		return err == 0;
	}

	bool try_monotonic(const timespec &ts)
	{
		return got(locked_with(rl_mutex_clocklock(
			native_handle(), CLOCK_MONOTONIC, &ts)));
	}

	std::unique_ptr<rl_mutex_t> mutex_;
	/* Fence of the latest hold that began with EOWNERDEAD; 0: none. */
	std::atomic<std::uint64_t> dead_fence_;
};

} // namespace detail

/*
 * The outcome of the calling thread's latest unlock() of an rl::mutex or
 * rl::recursive_mutex, which is what a guard's destructor calls.
 */
inline std::error_code unlock_error() noexcept
{
	return detail::code(detail::unlock_result());
}

/* A mutex with the type that attr says; NORMAL without. */
class mutex : public detail::mutex_base {
public:
	explicit mutex(const char *name, const rl_mutexattr_t *attr = nullptr)
		: mutex_base(name, attr)
	{
	}
};

/* The same, but RECURSIVE whatever the type in attr. */
class recursive_mutex : public detail::mutex_base {
public:
	explicit recursive_mutex(const char *name,
				 const rl_mutexattr_t *attr = nullptr)
		: mutex_base(name, detail::recursive_attributes(attr).get())
	{
	}
};

} // namespace rl

#endif
