/*
 * For programs that test <rl/mutex.hpp> against the servers of RL_SERVERS, or
 * one of their own. They are plain programs, so that they run under every
 * sanitizer: 0 good, 1 not.
 */
#ifndef TESTS_CPP_CHECK_HPP
#define TESTS_CPP_CHECK_HPP

#include <rl/mutex.hpp>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>

#include <unistd.h>

extern "C" {
#include "support/server.h"
}

static std::atomic<int> failures(0);

#define CHECK(cond) \
	do { \
		if (!(cond)) { \
			std::fprintf(stderr, "%s:%d: %s (%s)\n", __FILE__, \
				     __LINE__, #cond, rl_last_error()); \
			failures++; \
		} \
	} while (0)

/* A lock of its own for each test and run. */
static std::string name_of(const char *test)
{
	return std::string("cpp:") + std::to_string(getpid()) + ":" + test;
}

struct attributes {
	rl_mutexattr_t attr;
	attributes() { rl_mutexattr_init(&attr); }
	~attributes() { rl_mutexattr_destroy(&attr); }
};

template <class F> static int error_of(F call)
{
	try {
		call();
	} catch (const std::system_error &e) {
		CHECK(e.code().category() == std::generic_category());
		CHECK(std::strstr(e.what(), rl_last_error()) != nullptr);
		return e.code().value();
	}
	return 0;
}

/* The result of a call on another thread. */
template <class F> static bool elsewhere(F call)
{
	bool result = false;
	std::thread([&] { result = call(); }).join();
	return result;
}

/* All of a program: the tests, and a server for them if there is none. */
template <class F> static int run_tests(F tests)
{
	struct server *own = nullptr;

	if (!std::getenv("RL_SERVERS")) {
		own = server_start(nullptr);
		setenv("RL_SERVERS", own->url, 1);
	}
	try {
		tests();
	} catch (const std::exception &e) {
		std::fprintf(stderr, "not caught: %s\n", e.what());
		failures++;
	}
	if (own)
		server_stop(own);
	if (failures)
		std::fprintf(stderr, "%d failed\n", failures.load());
	return failures ? 1 : 0;
}

#endif
