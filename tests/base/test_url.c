#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/url.h"
#include "failing_alloc.h"

static struct rli_url url;

static int parse(const char *text)
{
	return rli_url_parse(text, strlen(text), &url);
}

static void same(const char *text, const char *found, const char *expected)
{
	if (!expected)
		cr_assert_null(found, "%s", text);
	else
		cr_assert(found && !strcmp(found, expected),
			  "%s: '%s', not '%s'", text, found ? found : "NULL",
			  expected);
}

static const struct {
	const char *text, *host;
	int port, db;
	const char *user, *password, *label;
} places[] = {
	{ "redis://", "127.0.0.1", 6379, 0, NULL, NULL,
	  "redis://127.0.0.1:6379/0" },
	{ "redis://h", "h", 6379, 0, NULL, NULL, "redis://h:6379/0" },
	{ "redis://:7000", "127.0.0.1", 7000, 0, NULL, NULL,
	  "redis://127.0.0.1:7000/0" },
	{ "redis:///3", "127.0.0.1", 6379, 3, NULL, NULL,
	  "redis://127.0.0.1:6379/3" },
	{ "redis://h/", "h", 6379, 0, NULL, NULL, "redis://h:6379/0" },
	{ "redis://h:1/0", "h", 1, 0, NULL, NULL, "redis://h:1/0" },
	{ "redis://h:65535/15", "h", 65535, 15, NULL, NULL,
	  "redis://h:65535/15" },
	{ "REDIS://My_Host-1.Example.ORG", "my_host-1.example.org", 6379, 0,
	  NULL, NULL, "redis://my_host-1.example.org:6379/0" },
	{ "rediss://h", "h", 6379, 0, NULL, NULL, "rediss://h:6379/0" },
	{ "redis://[::1]", "::1", 6379, 0, NULL, NULL,
	  "redis://[::1]:6379/0" },
	{ "redis://[0:0::0:1]:7000/2", "::1", 7000, 2, NULL, NULL,
	  "redis://[::1]:7000/2" },
	{ "redis://[FE80::1%25eth0]:7000", "fe80::1%eth0", 7000, 0, NULL,
	  NULL, "redis://[fe80::1%eth0]:7000/0" },
	{ "redis://:secret@h", "h", 6379, 0, NULL, "secret",
	  "redis://h:6379/0" },
	{ "redis://me@h", "h", 6379, 0, "me", NULL, "redis://h:6379/0" },
	{ "redis://me:secret@h:7000/1", "h", 7000, 1, "me", "secret",
	  "redis://h:7000/1" },
	{ "redis://me:@h", "h", 6379, 0, "me", "", "redis://h:6379/0" },
	{ "redis://me:secret@", "127.0.0.1", 6379, 0, "me", "secret",
	  "redis://127.0.0.1:6379/0" },
	{ "redis://:secret@:7000", "127.0.0.1", 7000, 0, NULL, "secret",
	  "redis://127.0.0.1:7000/0" },
	{ "redis://:secret@[::1]:7000", "::1", 7000, 0, NULL, "secret",
	  "redis://[::1]:7000/0" },
	{ "redis://@h", "h", 6379, 0, NULL, NULL, "redis://h:6379/0" },
	{ "redis://a%3ab:c%40d%2Fe%3f%25%20@h", "h", 6379, 0, "a:b",
	  "c@d/e?% ", "redis://h:6379/0" },
	{ "redis://me:a:b@c#d@h", "h", 6379, 0, "me", "a:b@c#d",
	  "redis://h:6379/0" },
	{ "redis://:p\xc3\xa4ss%c3%a4@h", "h", 6379, 0, NULL,
	  "p\xc3\xa4ss\xc3\xa4", "redis://h:6379/0" },
};

Test(url, fields_are_read_and_left_out_ones_have_defaults)
{
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		const char *text = places[i].text;

		cr_assert_eq(parse(text), 0, "%s: %s", text, rl_last_error());
		same(text, url.host, places[i].host);
		cr_assert_eq(url.port, places[i].port, "%s", text);
		cr_assert_eq(url.db, places[i].db, "%s", text);
		same(text, url.user, places[i].user);
		same(text, url.password, places[i].password);
		same(text, url.label, places[i].label);
		cr_assert_null(url.path);
		rli_url_free(&url);
	}
}

Test(url, a_scheme_is_told)
{
	cr_assert_eq(parse("redis://"), 0);
	cr_assert_eq(url.scheme, RLI_REDIS);
	rli_url_free(&url);
	cr_assert_eq(parse("rediss://"), 0);
	cr_assert_eq(url.scheme, RLI_REDISS);
	rli_url_free(&url);
	cr_assert_eq(parse("unix:///s"), 0);
	cr_assert_eq(url.scheme, RLI_UNIX);
	rli_url_free(&url);
}

static const struct {
	const char *text, *path;
	int db;
	const char *user, *password, *label;
} sockets[] = {
	{ "unix:///run/r.sock", "/run/r.sock", 0, NULL, NULL,
	  "unix:///run/r.sock?db=0" },
	{ "unix:///run/r.sock?db=3", "/run/r.sock", 3, NULL, NULL,
	  "unix:///run/r.sock?db=3" },
	{ "unix:///a%20b%2cc%3Fd", "/a b,c?d", 0, NULL, NULL,
	  "unix:///a b,c?d?db=0" },
	{ "unix://me:secret@/s", "/s", 0, "me", "secret", "unix:///s?db=0" },
	{ "unix://:secret@/s?db=1", "/s", 1, NULL, "secret",
	  "unix:///s?db=1" },
	{ "unix:///a@b", "/a@b", 0, NULL, NULL, "unix:///a@b?db=0" },
};

Test(url, a_unix_socket_has_a_path_and_its_db_is_an_option)
{
	for (size_t i = 0; i < sizeof(sockets) / sizeof(*sockets); i++) {
		const char *text = sockets[i].text;

		cr_assert_eq(parse(text), 0, "%s: %s", text, rl_last_error());
		same(text, url.path, sockets[i].path);
		cr_assert_eq(url.db, sockets[i].db, "%s", text);
		same(text, url.user, sockets[i].user);
		same(text, url.password, sockets[i].password);
		same(text, url.label, sockets[i].label);
		cr_assert_null(url.host);
		rli_url_free(&url);
	}
}

Test(url, options_have_defaults)
{
	cr_assert_eq(parse("rediss://"), 0);
	cr_assert_eq(url.connect_timeout_ms, 1000);
	cr_assert_eq(url.command_timeout_ms, 1000);
	cr_assert_eq(url.outage_timeout_ms, 5000);
	cr_assert_not(url.keepalive);
	cr_assert_eq(url.verify, RLI_VERIFY_FULL);
	cr_assert(!url.cacert && !url.cert && !url.key && !url.sni);
	cr_assert_null(url.passfile);
	rli_url_free(&url);
}

Test(url, every_option_is_read)
{
	cr_assert_eq(parse("rediss://h/1?connect_timeout=1&command_timeout=2"
			   "&outage_timeout=0&keepalive&passfile=/p%26w"
			   "&cacert=ca.pem&cert=c.pem&key=k.pem&sni=n"
			   "&verify=none"), 0);
	cr_assert_eq(url.connect_timeout_ms, 1);
	cr_assert_eq(url.command_timeout_ms, 2);
	cr_assert_eq(url.outage_timeout_ms, 0);
	cr_assert(url.keepalive);
	cr_assert_str_eq(url.passfile, "/p&w");
	cr_assert_str_eq(url.cacert, "ca.pem");
	cr_assert_str_eq(url.cert, "c.pem");
	cr_assert_str_eq(url.key, "k.pem");
	cr_assert_str_eq(url.sni, "n");
	cr_assert_eq(url.verify, RLI_VERIFY_NONE);
	rli_url_free(&url);
}

Test(url, an_option_may_follow_the_host_or_the_port)
{
	cr_assert_eq(parse("redis://h?connect_timeout=5"), 0);
	cr_assert_eq(url.connect_timeout_ms, 5);
	cr_assert_str_eq(url.host, "h");
	rli_url_free(&url);
	cr_assert_eq(parse("redis://h:1?connect_timeout=6"), 0);
	cr_assert(url.connect_timeout_ms == 6 && url.port == 1);
	rli_url_free(&url);
}

Test(url, keepalive_can_be_said_in_several_ways)
{
	static const char *const on[] = { "", "=on", "=1" };
	static const char *const off[] = { "=off", "=0" };
	char text[64];

	for (int i = 0; i < 3; i++) {
		snprintf(text, sizeof(text), "redis://?keepalive%s", on[i]);
		cr_assert_eq(parse(text), 0);
		cr_assert(url.keepalive);
		rli_url_free(&url);
	}
	for (int i = 0; i < 2; i++) {
		snprintf(text, sizeof(text), "redis://?keepalive%s", off[i]);
		cr_assert_eq(parse(text), 0);
		cr_assert_not(url.keepalive);
		rli_url_free(&url);
	}
}

static const struct {
	const char *text;
	int offset;
	const char *cause;
} bad[] = {
	{ "", 0, "redis://" },
	{ "h:6379", 0, "redis://" },
	{ "redis:/h", 0, "redis://" },
	{ "http://h", 0, "redis://" },
	{ "//h", 0, "redis://" },
	{ "redis://h:", 10, "port" },
	{ "redis://h:0", 10, "port" },
	{ "redis://h:65536", 10, "port" },
	{ "redis://h:99999999999999999999", 10, "port" },
	{ "redis://h:-1", 10, "port" },
	{ "redis://h:+1", 10, "port" },
	{ "redis://h:1x", 10, "port" },
	{ "redis://::1", 9, "port" },
	{ "redis://h\xc3\xa4", 9, "host" },
	{ "redis://a%20b", 9, "host" },
	{ "redis://a*b", 9, "host" },
	{ "redis://[::1", 8, "']'" },
	{ "redis://[]", 9, "IPv6" },
	{ "redis://[h]", 9, "IPv6" },
	{ "redis://[::1%25]", 9, "IPv6" },
	{ "redis://[::1%25a/b]", 8, "']'" },
	{ "redis://[::1%25a%2Fb]", 9, "IPv6" },
	{ "redis://[::1]7000", 13, "':'" },
	{ "redis://h/x", 10, "database" },
	{ "redis://h/-1", 10, "database" },
	{ "redis://h/1/", 10, "database" },
	{ "redis://h/2147483648", 10, "database" },
	{ "redis://a%4:b@h", 9, "hexadecimal" },
	{ "redis://a:b%@h", 11, "hexadecimal" },
	{ "redis://a:b%zz@h", 11, "hexadecimal" },
	{ "redis://a:b%00@h", 11, "hexadecimal" },
	{ "redis://h/?", 11, "option" },
	{ "redis://h/?&", 11, "option" },
	{ "redis://h/?keepalive&", 21, "option" },
	{ "redis://h/?colour=red", 11, "no such option" },
	{ "redis://h/?Keepalive", 11, "no such option" },
	{ "redis://h/?db=1", 11, "does not go with" },
	{ "redis://h/?verify=ca", 11, "does not go with" },
	{ "unix:///s?sni=n", 10, "does not go with" },
	{ "redis://h/?keepalive&keepalive=off", 21, "twice" },
	{ "redis://h/?keepalive=maybe", 21, "on, off" },
	{ "redis://h/?keepalive=", 21, "on, off" },
	{ "redis://h/?connect_timeout", 26, "from 1" },
	{ "redis://h/?connect_timeout=", 27, "from 1" },
	{ "redis://h/?connect_timeout=0", 27, "from 1" },
	{ "redis://h/?command_timeout=1.5", 27, "from 1" },
	{ "redis://h/?command_timeout=2147483648", 27, "from 1" },
	{ "redis://h/?outage_timeout=-1", 26, "from 0" },
	{ "redis://h/?passfile=", 20, "a value" },
	{ "redis://h/?passfile", 19, "a value" },
	{ "redis://h/?passfile=%0", 20, "hexadecimal" },
	{ "redis://:a@h/?passfile=b", 0, "passfile" },
	{ "rediss://h/?verify=some", 19, "full, ca" },
	{ "rediss://h/?verify", 18, "full, ca" },
	{ "unix://", 7, "absolute path" },
	{ "unix:///", 7, "absolute path" },
	{ "unix://relative", 7, "absolute path" },
	{ "unix://host/s", 7, "absolute path" },
	{ "unix:///s?db=-1", 13, "from 0" },
	{ "unix:///a%0Ab", 7, "control" },
	{ "redis://h /1", 9, "spaces" },
	{ "redis://h\n", 9, "spaces" },
	{ "redis://\x7f", 8, "spaces" },
};

Test(url, what_the_grammar_forbids_is_einval_with_offset_and_cause)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char offset[32];

		snprintf(offset, sizeof(offset), "offset %d: ", bad[i].offset);
		cr_assert_eq(parse(bad[i].text), EINVAL, "%s", bad[i].text);
		cr_assert(strstr(rl_last_error(), offset), "%s: %s",
			  bad[i].text, rl_last_error());
		cr_assert(strstr(rl_last_error(), bad[i].cause), "%s: %s",
			  bad[i].text, rl_last_error());
	}
}

Test(url, a_zero_byte_is_einval)
{
	cr_assert_eq(rli_url_parse("redis://h\0x", 11, &url), EINVAL);
}

Test(url, only_len_bytes_are_read)
{
	cr_assert_eq(rli_url_parse("redis://host:123456", 16, &url), 0);
	cr_assert_eq(url.port, 123);
	rli_url_free(&url);
}

Test(url, schemes_to_come_are_enotsup)
{
	static const char *const later[] = {
		"sentinel://a", "cluster://a", "local://", "OPEN://"
	};

	for (int i = 0; i < 4; i++) {
		cr_assert_eq(parse(later[i]), ENOTSUP);
		cr_assert(strstr(rl_last_error(), "not supported"));
	}
}

/* Each holds a password, well-formed or not, that no message may repeat. */
static const char *const secrets[] = {
	"hunter2", "hunter2@h", "redis:hunter2@h", "http://me:hunter2@h",
	"sentinel://:hunter2@h", "redis://:hunter2@h:x",
	"redis://:hunter2@h/x", "redis://:hunter2%zz@h",
	"redis://:hunter2@h h", "redis://:hunter2", "redis://me:hunter2",
	"redis://:hunt/hunter2@h", "redis://:1/hunter2@h",
	"redis://:1?hunter2@h", "redis://:1?hunter2=1@h",
	"redis://:hunter2@h?passfile=/x", "redis://h?passfile=hunter2%0",
	"redis://h?connect_timeout=hunter2", "redis://[hunter2]",
	"redis://:hunter2@h?no=1", "redis://:hunter2@[h", "redis://hunter2*",
	"unix://hunter2", "unix://:hunter2@", "unix://:hunter2@/%00",
	"unix://:hunter2@/s?x=1",
};

Test(url, no_message_repeats_a_password)
{
	for (size_t i = 0; i < sizeof(secrets) / sizeof(*secrets); i++) {
		cr_assert(parse(secrets[i]) != 0, "%s", secrets[i]);
		cr_assert_null(strstr(rl_last_error(), "hunter2"), "%s: %s",
			       secrets[i], rl_last_error());
	}
}

Test(url, a_password_that_is_not_encoded_gets_a_hint)
{
	cr_assert_eq(parse("redis://:a/b@h"), EINVAL);
	cr_assert(strstr(rl_last_error(), "%2F"));
	cr_assert_eq(parse("redis://:a?b@h"), EINVAL);
	cr_assert(strstr(rl_last_error(), "%3F"));
	cr_assert_eq(parse("redis://:a@h:x"), EINVAL);
	cr_assert_null(strstr(rl_last_error(), "%2F"));
}

static int parse_filled(const char *before, size_t n, const char *after)
{
	static char text[3 * RLI_URL_MAX];

	memset(text, 'x', sizeof(text));
	memcpy(text, before, strlen(before));
	strcpy(text + strlen(before) + n, after);
	return parse(text);
}

Test(url, over_long_input_is_einval)
{
	cr_assert_eq(parse_filled("redis://", 253, ""), 0);
	rli_url_free(&url);
	cr_assert_eq(parse_filled("redis://", 254, ""), EINVAL);
	cr_assert(strstr(rl_last_error(), "host"));
	cr_assert_eq(parse_filled("redis://[::1%25", 300, "]"), EINVAL);
	cr_assert_eq(parse_filled("unix:///", 106, ""), 0);
	rli_url_free(&url);
	cr_assert_eq(parse_filled("unix:///", 107, ""), EINVAL);
	cr_assert(strstr(rl_last_error(), "too long"));
	cr_assert_eq(parse_filled("redis://:", RLI_URL_MAX - 11, "@h"), 0);
	cr_assert_eq(strlen(url.password), (size_t)RLI_URL_MAX - 11);
	rli_url_free(&url);
	cr_assert_eq(parse_filled("redis://:", RLI_URL_MAX - 10, "@h"),
		     EINVAL);
	cr_assert(strstr(rl_last_error(), "4096"));
	cr_assert_eq(parse_filled("redis://:", 2 * RLI_URL_MAX, "@h"), EINVAL);
}

static void expect_all_zero(void)
{
	const char *bytes = (const char *)&url;

	for (size_t i = 0; i < sizeof(url); i++)
		cr_assert_eq(bytes[i], 0);
}

Test(url, a_failure_leaves_nothing_behind)
{
	count_allocations();
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		memset(&url, 0x5a, sizeof(url));
		cr_assert_eq(parse(bad[i].text), EINVAL);
		expect_all_zero();
		cr_assert_eq(live_allocations, 0, "%s", bad[i].text);
	}
}

static void expect_enomem_until_it_works(const char *text, bool for_good)
{
	int n = 0, err;

	do {
		fail_allocation(++n, for_good);
		err = parse(text);
		if (err) {
			cr_assert_eq(err, ENOMEM, "%s: allocation %d", text,
				     n);
			cr_assert_eq(live_allocations, 0);
		}
	} while (err);
	cr_assert_not(an_allocation_failed);
	cr_assert_gt(n, 2);
	rli_url_free(&url);
	cr_assert_eq(live_allocations, 0);
}

Test(url, the_nth_allocation_that_fails_is_enomem_and_leaks_nothing)
{
	static const char *const texts[] = {
		"rediss://me:pw@h/1?cacert=a&cert=b&key=c&sni=d&verify=ca",
		"redis://me@[::1]:1/1?passfile=f&connect_timeout=1",
		"unix://me:secret@/s?db=1&keepalive=on"
	};

	for (int i = 0; i < 3; i++) {
		expect_enomem_until_it_works(texts[i], false);
		expect_enomem_until_it_works(texts[i], true);
	}
}
