#include "redis/trace.h"

#include <stdlib.h>
#include <string.h>

#include <hiredis/read.h>

#include "base/log.h"
#include "redis/out.h"
#include "redis/script.h"
#include "redis/scripts_lua.h"

/* Of a line: threads may have little stack. */
#define LINE_MAX_LEN 400
/* Of one argument: the text of a script says nothing. */
#define ARG_MAX_LEN 120

struct line {
	char text[LINE_MAX_LEN];
	size_t len;
};

static void put(struct line *line, const char *p, size_t len)
{
	size_t room = sizeof(line->text) - 1 - line->len, i;

	for (i = 0; i < len && i < room; i++)
		line->text[line->len++] =
			(unsigned char)p[i] < ' ' || p[i] == 0x7f ? '?' : p[i];
	line->text[line->len] = '\0';
}

static void put_text(struct line *line, const char *text)
{
	put(line, text, strlen(text));
}

static void begin(struct line *line, const char *server)
{
	line->len = 0;
	put_text(line, server);
	put(line, ":", 1);
}

/* A script by its name, whether it is the text or the hash of one. */
static const char *script_name(const char *p, size_t len)
{
	const struct rli_script *const *s;

	for (s = rli_scripts; *s; s++)
		if ((len == 40 && !memcmp(p, (*s)->sha1, 40)) ||
		    (len == (*s)->len && !memcmp(p, (*s)->body, len)))
			return (*s)->name;
	return NULL;
}

static void put_argument(struct line *line, const char *p, size_t len)
{
	const char *name = script_name(p, len);

	put(line, " ", 1);
	if (name)
		put_text(line, name);
	else
		put(line, p, len < ARG_MAX_LEN ? len : ARG_MAX_LEN);
}

/* It was made here, so it is in form: "*2\r\n$4\r\nPING\r\n...". */
void rli_trace_command(const char *server, const char *bytes, size_t len)
{
	const char *p = memchr(bytes, '\n', len), *end = bytes + len;
	struct line line;

	begin(&line, server);
	while (p && ++p < end && *p == '$') {
		size_t size = strtoul(p + 1, NULL, 10);

		p = memchr(p, '\n', (size_t)(end - p));
		if (!p || (size_t)(end - p) < size + 3)
			break;
		put_argument(&line, p + 1, size);
		p += size + 2;
	}
	rli_log_text(RL_LOG_DEBUG, line.text);
}

void rli_trace_answer(const char *server, const struct rli_reply *reply)
{
	struct line line;
	char number[21];
	int i;

	begin(&line, server);
	put_text(&line, " answer");
	for (i = 0; i < reply->numbers && i < RLI_REPLY_NUMBERS; i++) {
		put(&line, " ", 1);
		put(&line, number, rli_decimal(number, reply->number[i]));
	}
	if (reply->text_len) {
		put(&line, " ", 1);
		put_text(&line, reply->text);
	}
	if (reply->type == REDIS_REPLY_NIL)
		put_text(&line, " nil");
	rli_log_text(RL_LOG_DEBUG, line.text);
}
