/* node-redlock and rl on one key: the interface of its version 4 and of 5. */
#include "recipe.h"

static void start(const char *package)
{
	const char *argv[] = { "node", RL_INTEROP_DIR "/redlock.js", package,
			       NULL, NULL };

	recipe_setup();
	argv[3] = srv->addr.path;
	setenv("NODE_PATH", RL_NODE_DIR "/node_modules", 1);
	theirs = client_start(argv);
}

static void setup_4(void)
{
	start("redlock4");
}

static void setup_5(void)
{
	start("redlock5");
}

TestSuite(redlock_4, .init = setup_4, .fini = recipe_teardown);
TestSuite(redlock_5, .init = setup_5, .fini = recipe_teardown);

#define RECIPE(behaviour) Test(redlock_4, behaviour) { behaviour(); }
#include "recipe_tests.h"
#undef RECIPE
#define RECIPE(behaviour) Test(redlock_5, behaviour) { behaviour(); }
#include "recipe_tests.h"
