/* A small user of the installed library: takes a lock and frees it. */
#include <rl/rl.h>

#include <stdio.h>
#include <string.h>

static rl_mutex_t mutex = RL_MUTEX_INITIALIZER("consumer");

static int failed(const char *call, int err)
{
	if (err)
		fprintf(stderr, "%s: %s (%s)\n", call, rl_strerror(err),
			rl_last_error());
	return err;
}

int main(void)
{
	if (failed("lock", rl_mutex_lock(&mutex)) ||
	    failed("unlock", rl_mutex_unlock(&mutex)) ||
	    failed("destroy", rl_mutex_destroy(&mutex)))
		return 1;
	printf("rl %s\n", RL_VERSION);
	return 0;
}
