#include "redis/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

static int refuse(const struct rli_url *url, const char *why)
{
	return rli_fail(EACCES, "%s: passfile '%s': %s", url->label,
			url->passfile, why);
}

static int check_file(const struct rli_url *url, int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return refuse(url, rli_system_error(errno));
	if (!S_ISREG(st.st_mode))
		return refuse(url, "is not a regular file");
	if (st.st_uid != geteuid())
		return refuse(url, "belongs to another user");
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return refuse(url, "is open to others; its mode must be 0600");
	return 0;
}

/* The first line, without its end. */
static int read_line(const struct rli_url *url, int fd, char *buf)
{
	ssize_t n = read(fd, buf, RLI_SECRET_MAX - 1);

	if (n < 0)
		return refuse(url, rli_system_error(errno));
	if (n == RLI_SECRET_MAX - 1)
		return refuse(url, "is longer than a password can be");
	buf[n] = '\0';
	buf[strcspn(buf, "\r\n")] = '\0';
	return *buf ? 0 : refuse(url, "its first line is empty");
}

int rli_secret(const struct rli_url *url, char *buf, const char **password)
{
	int fd, err;

	*password = url->password;
	if (!url->passfile)
		return 0;
	fd = open(url->passfile, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return refuse(url, rli_system_error(errno));
	err = check_file(url, fd);
	if (!err)
		err = read_line(url, fd, buf);
	close(fd);
	if (err)
		explicit_bzero(buf, RLI_SECRET_MAX);
	*password = buf;
	return err;
}
