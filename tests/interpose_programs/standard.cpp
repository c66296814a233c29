// What the C++ library builds of mutexes and conditions; says what came of it.
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <future>
#include <mutex>
#include <shared_mutex>
#include <system_error>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

static std::mutex m;
static std::recursive_mutex nested;
static std::timed_mutex timed;
static std::condition_variable turned;
static std::deque<int> queue;
static long total;

static void add()
{
	for (int i = 0; i < 100; i++) {
		std::scoped_lock both(m, nested);
		std::lock_guard<std::recursive_mutex> again(nested);
		total++;
	}
}

static void produce()
{
	for (int i = 0; i < 200; i++) {
		std::lock_guard<std::mutex> guard(m);
		queue.push_back(i);
		turned.notify_one();
	}
}

static long consume()
{
	long sum = 0;

	for (int i = 0; i < 200; i++) {
		std::unique_lock<std::mutex> lock(m);
		turned.wait(lock, [] { return !queue.empty(); });
		sum += queue.front();
		queue.pop_front();
	}
	return sum;
}

static void wait_a_little()
{
	std::unique_lock<std::mutex> lock(m);
	bool steady = turned.wait_for(lock, 5ms) == std::cv_status::timeout;
	bool system = turned.wait_until(lock, std::chrono::system_clock::now() +
						      5ms) ==
		      std::cv_status::timeout;

	std::printf("timed out %d %d, owned %d\n", steady, system,
		    lock.owns_lock());
}

static void try_for_a_while()
{
	timed.lock();
	std::thread([] {
		std::printf("got it %d\n", timed.try_lock_for(5ms));
	}).join();
	timed.unlock();
}

int main()
{
	std::vector<std::thread> threads;
	std::shared_mutex shared;
	std::condition_variable_any any;

	for (int i = 0; i < 4; i++)
		threads.emplace_back(add);
	for (auto &thread : threads)
		thread.join();
	std::printf("total %ld\n", total);
	std::thread producer(produce);
	std::printf("consumed %ld\n", consume());
	producer.join();
	wait_a_little();
	try_for_a_while();
	std::printf("future %d\n", std::async(std::launch::async, [] {
		std::lock_guard<std::mutex> guard(m);
		return 7;
	}).get());
	std::unique_lock<std::shared_mutex> lock(shared);
	std::printf("any %d\n", any.wait_for(lock, 5ms) ==
					std::cv_status::timeout);
	try {
		std::unique_lock<std::mutex> free(m, std::defer_lock);
		free.unlock();
	} catch (const std::system_error &error) {
		std::printf("error %d\n", error.code().value());
	}
	return 0;
}
