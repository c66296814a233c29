#include <criterion/criterion.h>
#include <string.h>

#include "embedded/scripts_lua.h"
#include "support/server.h"

static void expect_known_by_its_sha1(struct server *srv,
				     const struct rli_script *script)
{
	cr_expect_eq(strlen(script->body), script->len);
	cr_expect_str_eq(server_ask(srv, "SCRIPT LOAD %s", script->body),
			 script->sha1);
}

Test(build_embed, a_script_arrives_as_written_but_for_comments)
{
	struct server *srv = server_start(NULL);

	expect_known_by_its_sha1(srv, &rli_script_arith);
	expect_known_by_its_sha1(srv, &rli_script_quotes);
	cr_expect_eq(
		server_ask_int(srv, "EVALSHA %s 0 12", rli_script_arith.sha1),
		42);
	cr_expect_str_eq(
		server_ask(srv, "EVALSHA %s 0", rli_script_quotes.sha1),
		"a\\bc\"de'f?"
		"?=%d;\t|\t|${x}@x@\n");
	server_stop(srv);
}

Test(build_embed, what_the_server_need_not_see_is_left_out)
{
	cr_expect_str_eq(rli_script_arith.name, "arith");
	cr_expect_null(strstr(rli_script_arith.body, "comment"));
	cr_expect_null(strstr(rli_script_arith.body, "included"));
	cr_expect_null(strstr(rli_script_arith.body, "\n\n"));
	cr_expect_null(strstr(rli_script_arith.body, "\n\t"));
	cr_expect_eq(strncmp(rli_script_arith.body, "local function", 14), 0);
}
