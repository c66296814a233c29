#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "interpose/pattern.h"
#include "interpose/say.h"

struct rli_pattern *rli_patterns;

/* Where the text that is being read stands. */
struct place {
	const char *source;
	bool file;
	int number;	/* of the line or the entry, from 1 */
};

/* Whether an entry was there before, in the same words: one program that is
 * preloaded into starts another. */
static bool is_known(const char *entry)
{
	const struct rli_pattern *p = rli_patterns;

	while (p && strcmp(p->entry, entry))
		p = p->next;
	return p;
}

static void append(struct rli_pattern *pattern)
{
	struct rli_pattern **last = &rli_patterns;

	for (; *last; last = &(*last)->next)
		if (!strcmp((*last)->text, pattern->text))
			rli_mistake("%s: '%s' is bound already, by %s",
				    pattern->where, pattern->text,
				    (*last)->where);
	*last = pattern;
}

static void *must(void *memory)
{
	if (!memory)
		rli_mistake("no memory for the bindings");
	return memory;
}

/* The text without blanks at its ends; changes it. */
static char *trim(char *text)
{
	size_t len;

	while (isspace((unsigned char)*text))
		text++;
	len = strlen(text);
	while (len > 0 && isspace((unsigned char)text[len - 1]))
		text[--len] = '\0';
	return text;
}

/* Cuts text at the first of these characters; what follows, or NULL. */
static char *cut(char *text, char at)
{
	char *found = strchr(text, at);

	if (!found)
		return NULL;
	*found = '\0';
	return found + 1;
}

static bool parse_offset(const char *text, uint64_t *offset)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	*offset = strtoull(text, &end, strncasecmp(text, "0x", 2) ? 10 : 16);
	return *end == '\0' && errno == 0;
}

/* [module:]symbol[+offset], without "symbol" too if there is an offset. */
static void parse_symbol(struct rli_pattern *p)
{
	char *symbol = must(rli_strdup(p->text)), *offset, *after;

	offset = strrchr(symbol, '+');
	if (offset) {
		*offset++ = '\0';
		if (!parse_offset(offset, &p->offset))
			rli_mistake("%s: '%s': '%s' is no offset: a number, or "
				    "0x and a hexadecimal one, is expected",
				    p->where, p->text, offset);
	}
	after = cut(symbol, ':');
	if (after) {
		p->module = symbol;
		symbol = after;
	}
	if (!*symbol || (p->module && !*p->module))
		rli_mistake("%s: '%s': a symbol, module:symbol or "
			    "module+0xoffset is expected", p->where, p->text);
	p->symbol = symbol;
	p->glob = strpbrk(symbol, "*?[") != NULL;
}

static void parse_pattern(struct rli_pattern *p)
{
	if (!strcmp(p->text, "@pshared"))
		p->kind = RLI_PATTERN_PSHARED;
	else if (!strcmp(p->text, "@all"))
		p->kind = RLI_PATTERN_ALL;
	else if (p->text[0] == '@')
		rli_mistake("%s: '%s': only @pshared and @all begin with an @",
			    p->where, p->text);
	else if (!p->text[0])
		rli_mistake("%s: nothing that names a mutex before the '=' or "
			    "','", p->where);
	else
		parse_symbol(p);
}

static void check_name(const struct rli_pattern *p)
{
	if (!p->name)
		return;
	if (!*p->name)
		rli_mistake("%s: '%s=': a name is expected after the '='",
			    p->where, p->text);
	if (p->glob && !strchr(p->name, '*'))
		rli_mistake("%s: '%s=%s': several mutexes would be one lock; "
			    "put a '*' into the name, which stands for the "
			    "symbol", p->where, p->text, p->name);
}

/* entry is the caller's, and is cut up. */
static void parse_entry(char *entry, const struct place *place)
{
	struct rli_pattern *p;
	char *option, *value, *next;

	if (is_known(entry))
		return;
	p = must(rli_calloc(1, sizeof(*p)));
	p->entry = must(rli_strdup(entry));
	option = cut(entry, ',');
	snprintf(p->where, sizeof(p->where), "%s, %s %d", place->source,
		 place->file ? "line" : "entry", place->number);
	value = cut(entry, '=');
	p->text = must(rli_strdup(trim(entry)));
	if (value)
		p->name = must(rli_strdup(trim(value)));
	parse_pattern(p);
	check_name(p);
	rli_options_init(p);
	for (; option; option = next) {
		next = cut(option, ',');
		value = cut(option, '=');
		if (!value)
			rli_mistake("%s: '%s': option=value is expected",
				    p->where, trim(option));
		rli_option(p, trim(option), trim(value));
	}
	rli_options_check(p);
	append(p);
}

/* A '#' at the beginning of a word: the rest of the line is a comment. */
static void drop_comment(char *line)
{
	for (char *c = line; *c; c++)
		if (*c == '#' && (c == line || isspace((unsigned char)c[-1]) ||
				  c[-1] == ';')) {
			*c = '\0';
			return;
		}
}

static void parse_line(char *line, struct place *place)
{
	char *next;

	drop_comment(line);
	for (; line; line = next) {
		next = cut(line, ';');
		line = trim(line);
		if (!*line)
			continue;
		if (!place->file)
			place->number++;
		parse_entry(line, place);
	}
}

void rli_parse(const char *text, const char *source, bool file)
{
	struct place place = { source, file, 0 };
	char *copy = must(rli_strdup(text)), *line = copy, *next;

	for (; line; line = next) {
		next = cut(line, '\n');
		if (file)
			place.number++;
		parse_line(line, &place);
	}
	rli_free(copy);
}
