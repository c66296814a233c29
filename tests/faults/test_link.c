/* What a connection must not be taken for. */
#include <netinet/in.h>
#include <poll.h>
#include <unistd.h>

#include "faults/faults.h"
#include "redis/link.h"

/* 0: connected; else the error number. */
static int connect_once(const struct addrinfo *addr)
{
	static const struct rli_url url = { .scheme = RLI_REDIS };
	int fd, err = rli_link_connect(&url, addr, &fd);

	if (err == EINPROGRESS) {
		struct pollfd p = { .fd = fd, .events = POLLOUT };

		cr_assert_eq(poll(&p, 1, WAIT_MS), 1);
	}
	if (fd < 0)
		return err;
	err = rli_link_connected(fd);
	close(fd);
	return err;
}

/* The system tries one port after the other for our side, of those it does not
 * give to servers, so that it comes to the very port where nobody listens. */
Test(faults_link, a_socket_is_not_connected_to_itself)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct addrinfo addr = { .ai_family = AF_INET,
		.ai_addr = (struct sockaddr *)&to, .ai_addrlen = sizeof(to) };
	int i, port, fd = sock_reserve_port(&port);

	close(fd);
	to.sin_port = htons((uint16_t)(port ^ 1));
	for (i = 0; i < 30000; i++)
		cr_assert_eq(connect_once(&addr), ECONNREFUSED, "try %d", i);
}
