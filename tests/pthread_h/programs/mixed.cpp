// C++: pthread mutexes become rl's, those of the standard library stay.
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <pthread.h>
#include <thread>
#include <vector>

struct guarded {
	pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
	int n = 0;
};

static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static std::mutex own;
static std::condition_variable turned;
static long total;
static int ready;

static void work(guarded *g)
{
	for (int i = 0; i < 50; i++) {
		pthread_mutex_lock(&m);
		total++;
		pthread_mutex_unlock(&m);
		pthread_mutex_lock(&g->m);
		g->n++;
		pthread_mutex_unlock(&g->m);
	}
	std::lock_guard<std::mutex> guard(own);
	ready++;
	turned.notify_all();
}

int main()
{
	std::vector<std::thread> threads;
	guarded a, b;

	for (int i = 0; i < 4; i++)
		threads.emplace_back(work, i % 2 ? &a : &b);
	{
		std::unique_lock<std::mutex> lock(own);
		turned.wait(lock, [] { return ready == 4; });
	}
	for (auto &thread : threads)
		thread.join();
	std::printf("%ld %d %d\n", total, a.n, b.n);
	return 0;
}
