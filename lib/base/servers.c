/*
 * Locking: `guard` guards both lists and the counts of nodes; it is a leaf,
 * and nothing but parsing and allocation happens under it. A list's own count
 * may grow without it, from one that is held, but falls only under it: so what
 * is found in the registry is never about to be freed.
 */
#include "base/servers.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/guard.h"
#include "base/text.h"

static const char separators[] = " ,\t\n\r";

static struct rli_guard guard;
static struct rli_servers *all_servers;		/* under guard */
static struct rli_node *all_nodes;		/* under guard */
static unsigned long last_serial;		/* under guard */

/* "host:port/db", or "unix:path/db": what a server is called everywhere. */
static char *node_identity(const struct rli_url *url)
{
	char identity[512];
	bool v6 = url->host && strchr(url->host, ':');

	if (url->scheme == RLI_UNIX)
		rli_format(identity, sizeof(identity), "unix:%s/%d",
			   url->path, url->db);
	else
		rli_format(identity, sizeof(identity), "%s%s%s:%d/%d",
			   v6 ? "[" : "", url->host, v6 ? "]" : "", url->port,
			   url->db);
	return rli_strdup(identity);
}

/* FNV-1a */
static uint64_t fingerprint(const char *text)
{
	uint64_t hash = 14695981039346656037u;

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 1099511628211u;
	return hash;
}

static void free_node(struct rli_node *node)
{
	rli_url_free(&node->url);
	rli_free_secret(node->text);
	rli_free(node->identity);
	rli_free(node);
}

static int make_node(const char *text, size_t len, struct rli_node **out)
{
	struct rli_node *node = rli_calloc(1, sizeof(*node));
	int err;

	if (!node)
		return rli_fail_nomem();
	err = rli_url_parse(text, len, &node->url);
	if (!err) {
		node->text = rli_strndup(text, len);
		node->identity = node_identity(&node->url);
		if (!node->text || !node->identity)
			err = rli_fail_nomem();
		else
			node->hash = (uint32_t)fingerprint(node->identity);
	}
	if (err) {
		free_node(node);
		return err;
	}
	*out = node;
	return 0;
}

/* Each of the following, up to the public ones, is called under guard. */

static struct rli_node *find_node(const char *text, size_t len)
{
	struct rli_node *node = all_nodes;

	while (node && (strlen(node->text) != len ||
			memcmp(node->text, text, len) != 0))
		node = node->next;
	return node;
}

static int get_node(const char *text, size_t len, struct rli_node **out)
{
	struct rli_node *node = find_node(text, len);
	int err;

	if (!node) {
		err = make_node(text, len, &node);
		if (err)
			return err;
		node->serial = ++last_serial;
		node->next = all_nodes;
		all_nodes = node;
	}
	node->refs++;
	*out = node;
	return 0;
}

static void put_node(struct rli_node *node)
{
	struct rli_node **link = &all_nodes;

	if (--node->refs)
		return;
	while (*link != node)
		link = &(*link)->next;
	*link = node->next;
	free_node(node);
}

static void free_servers(struct rli_servers *servers)
{
	for (int i = 0; i < servers->n; i++)
		put_node(servers->node[i]);
	rli_free(servers->identity);
	rli_free_secret(servers->text);
	rli_free(servers);
}

/* The list says which entry; what was wrong with it has been said. */
static int entry_failed(int err, int number)
{
	if (err == ENOMEM)
		return err;
	return rli_fail(err, "entry %d of the server list: %s", number,
			rli_error_message());
}

static int add_entry(struct rli_servers *servers, const char *text, size_t len)
{
	struct rli_node *node;
	int err;

	if (servers->n == RLI_NODES_MAX)
		return rli_fail(EINVAL, "more than %d servers in the list",
				RLI_NODES_MAX);
	err = get_node(text, len, &node);
	if (err)
		return entry_failed(err, servers->n + 1);
	servers->node[servers->n++] = node;
	for (int i = 0; i < servers->n - 1; i++)
		if (!strcmp(servers->node[i]->identity, node->identity))
			return rli_fail(EINVAL, "entries %d and %d of the "
					"server list are the same server, %s",
					i + 1, servers->n, node->url.label);
	return 0;
}

static int parse_list(struct rli_servers *servers, const char *text)
{
	int err = 0;

	text += strspn(text, separators);
	while (!err && *text) {
		size_t len = strcspn(text, separators);

		err = add_entry(servers, text, len);
		text += len;
		text += strspn(text, separators);
	}
	if (!err && !servers->n)
		err = rli_fail_const(EINVAL, "the list of servers is empty");
	return err;
}

static void sort(const char **names, int n)
{
	for (int i = 1; i < n; i++)
		for (int j = i; j > 0 && strcmp(names[j - 1], names[j]) > 0;
		     j--) {
			const char *name = names[j];

			names[j] = names[j - 1];
			names[j - 1] = name;
		}
}

/* The nodes' identities, sorted, so that the order of a list is no matter. */
static char *join_identities(const struct rli_servers *servers)
{
	const char *names[RLI_NODES_MAX];
	size_t size = 1;
	char *identity, *end;

	for (int i = 0; i < servers->n; i++) {
		names[i] = servers->node[i]->identity;
		size += strlen(names[i]) + 1;
	}
	sort(names, servers->n);
	identity = end = rli_malloc(size);
	for (int i = 0; identity && i < servers->n; i++) {
		if (i)
			*end++ = ',';
		end = stpcpy(end, names[i]);
	}
	return identity;
}

static int64_t largest_outage(const struct rli_servers *servers)
{
	int64_t largest = 0;

	for (int i = 0; i < servers->n; i++) {
		int64_t ns = rli_ms(servers->node[i]->url.outage_timeout_ms);

		if (ns > largest)
			largest = ns;
	}
	return largest;
}

static int fill_servers(struct rli_servers *servers, const char *text)
{
	int err = parse_list(servers, text);

	if (err)
		return err;
	servers->identity = join_identities(servers);
	servers->text = rli_strdup(text);
	if (!servers->identity || !servers->text)
		return rli_fail_nomem();
	rli_format(servers->list, sizeof(servers->list), "%d:%016" PRIx64,
		   servers->n, fingerprint(servers->identity));
	servers->outage_timeout = largest_outage(servers);
	atomic_init(&servers->refs, 1);
	return 0;
}

static int make_servers(const char *text, struct rli_servers **out)
{
	struct rli_servers *servers = rli_calloc(1, sizeof(*servers));
	int err;

	if (!servers)
		return rli_fail_nomem();
	err = fill_servers(servers, text);
	if (err) {
		free_servers(servers);
		return err;
	}
	servers->next = all_servers;
	all_servers = servers;
	*out = servers;
	return 0;
}

static int get_servers(const char *text, struct rli_servers **out)
{
	struct rli_servers *servers = all_servers;

	while (servers && strcmp(servers->text, text) != 0)
		servers = servers->next;
	if (!servers)
		return make_servers(text, out);
	rli_servers_hold(servers);
	*out = servers;
	return 0;
}

static void drop_servers(struct rli_servers *servers)
{
	struct rli_servers **link = &all_servers;

	while (*link != servers)
		link = &(*link)->next;
	*link = servers->next;
	free_servers(servers);
}

int rli_servers_get(const char *text, struct rli_servers **out)
{
	int err;

	if (!text)
		text = "";
	rli_guard_lock(&guard);
	err = get_servers(text, out);
	rli_guard_unlock(&guard);
	return err;
}

/* Relaxed: the caller's own reference keeps it, and orders nothing else. */
void rli_servers_hold(struct rli_servers *servers)
{
	atomic_fetch_add_explicit(&servers->refs, 1, memory_order_relaxed);
}

void rli_servers_put(struct rli_servers *servers)
{
	if (!servers)
		return;
	rli_guard_lock(&guard);
	/* Relaxed: the guard orders one put after another. */
	if (atomic_fetch_sub_explicit(&servers->refs, 1,
				      memory_order_relaxed) == 1)
		drop_servers(servers);
	rli_guard_unlock(&guard);
}

void rli_node_hold(struct rli_node *node)
{
	rli_guard_lock(&guard);
	node->refs++;
	rli_guard_unlock(&guard);
}

void rli_node_put(struct rli_node *node)
{
	if (!node)
		return;
	rli_guard_lock(&guard);
	put_node(node);
	rli_guard_unlock(&guard);
}

void rli_servers_before_fork(void)
{
	rli_guard_lock(&guard);
}

void rli_servers_after_fork_parent(void)
{
	rli_guard_unlock(&guard);
}

void rli_servers_after_fork_child(void)
{
	rli_guard_reset(&guard);
}
