// The same for C++: std::mutex and its like, which are pthread mutexes.
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <shared_mutex>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace std::chrono_literals;

namespace {

std::mutex plain;
std::recursive_mutex deep;
std::timed_mutex timed;
std::recursive_timed_mutex deep_timed;
std::condition_variable ready;
std::condition_variable_any any_ready;

template <typename Mutex>
bool elsewhere_free(Mutex &mutex)
{
	bool is_free = false;

	std::thread([&] {
		is_free = mutex.try_lock();
		if (is_free)
			mutex.unlock();
	}).join();
	return is_free;
}

template <typename Mutex>
void exercise(Mutex &mutex)
{
	mutex.lock();
	std::printf("%d\n", elsewhere_free(mutex));
	mutex.unlock();
	std::printf("%d\n", elsewhere_free(mutex));
	{
		std::lock_guard<Mutex> guard(mutex);
		std::printf("%d\n", elsewhere_free(mutex));
	}
	std::printf("%d\n", elsewhere_free(mutex));
}

template <typename Mutex>
void exercise_timed(Mutex &mutex)
{
	exercise(mutex);
	std::printf("%d\n", mutex.try_lock_for(10ms));
	std::thread([&] {
		auto began = std::chrono::steady_clock::now();
		std::printf("%d\n", mutex.try_lock_for(60ms));
		auto took = std::chrono::steady_clock::now() - began;
		std::printf("%d\n", took >= 60ms);
		auto until = std::chrono::system_clock::now() + 20ms;
		std::printf("%d\n", mutex.try_lock_until(until));
	}).join();
	mutex.unlock();
}

void count()
{
	std::vector<std::thread> threads;
	long n = 0;

	for (int i = 0; i < 5; i++)
		threads.emplace_back([&] {
			for (int k = 0; k < 200; k++) {
				std::lock_guard<std::mutex> guard(plain);
				n++;
			}
		});
	for (auto &thread : threads)
		thread.join();
	std::printf("%ld\n", n);
}

void wait()
{
	bool set = false;
	std::unique_lock<std::mutex> lock(plain);

	std::printf("%d\n", ready.wait_for(lock, 20ms, [&] { return set; }));
	std::printf("%d\n", elsewhere_free(plain));
	std::thread other([&] {
		std::lock_guard<std::mutex> guard(plain);
		set = true;
		ready.notify_one();
	});
	ready.wait(lock, [&] { return set; });
	std::printf("%d\n", elsewhere_free(plain));
	lock.unlock();
	other.join();
	lock.lock();
	auto until = std::chrono::system_clock::now() + 20ms;
	std::printf("%d\n", ready.wait_until(lock, until) ==
				std::cv_status::timeout);
}

void wait_any()
{
	bool set = false;
	std::unique_lock<std::timed_mutex> lock(timed);
	std::thread other([&] {
		std::lock_guard<std::timed_mutex> guard(timed);
		set = true;
		any_ready.notify_all();
	});

	any_ready.wait(lock, [&] { return set; });
	std::printf("%d\n", elsewhere_free(timed));
	lock.unlock();
	other.join();
}

void scoped()
{
	std::mutex one, two;
	long n = 0;
	std::thread other([&] {
		for (int i = 0; i < 100; i++) {
			std::scoped_lock both(two, one);
			n++;
		}
	});

	for (int i = 0; i < 100; i++) {
		std::scoped_lock both(one, two);
		n++;
	}
	other.join();
	std::printf("%ld\n", n);
}

void thrown()
{
	try {
		std::lock_guard<std::mutex> guard(plain);
		throw 1;
	} catch (int n) {
		std::printf("%d %d\n", n, elsewhere_free(plain));
	}
}

const struct {
	const char *name;
	void (*run)();
} cases[] = {
	{ "mutex", [] { exercise(plain); } },
	{ "recursive_mutex", [] { exercise(deep); } },
	{ "timed_mutex", [] { exercise_timed(timed); } },
	{ "recursive_timed_mutex", [] { exercise(deep_timed); } },
	{ "threads_count", count },
	{ "condition_variable", wait },
	{ "condition_variable_any", wait_any },
	{ "scoped_lock", scoped },
	{ "an_exception", thrown },
};

} // namespace

int main(int argc, char **argv)
{
	alarm(60);
	for (const auto &one : cases) {
		if (argc < 2) {
			std::puts(one.name);
		} else if (!std::strcmp(argv[1], one.name)) {
			one.run();
			return 0;
		}
	}
	return argc < 2 ? 0 : 2;
}
