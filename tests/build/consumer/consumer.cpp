// The same in C++.
#include <rl/mutex.hpp>

#include <mutex>

int main()
{
	rl::mutex mutex("consumer");
	std::lock_guard<rl::mutex> guard(mutex);
	return 0;
}
