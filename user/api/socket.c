/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "api/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/log.h"
#include "base/memory.h"

/* 1 where somebody listens at @address, 0 where nobody does. */
static int is_listened_to(const struct sockaddr_un *address)
{
	AUTO(close_fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
		return 1;
	/* EAGAIN: somebody who is too busy to accept. */
	if (errno == EAGAIN)
		return 1;
	return errno == ECONNREFUSED ? 0 : -errno;
}

static int remove_stale(const struct sockaddr_un *address, struct error *reterr)
{
	const char *path = address->sun_path;
	struct stat file;
	int r;

	if (lstat(path, &file) < 0)
		return errno == ENOENT ? 0 : error_errno(reterr, -errno, "look at socket=%s", path);
	if (!S_ISSOCK(file.st_mode))
		return error_errno(reterr, -EEXIST, "socket=%s is something else than a socket",
				   path);
	r = is_listened_to(address);
	if (r < 0)
		return error_errno(reterr, r, "see who listens at socket=%s", path);
	if (r > 0)
		return error_errno(reterr, -EADDRINUSE, "another process listens at socket=%s",
				   path);
	if (unlink(path) < 0 && errno != ENOENT)
		return error_errno(reterr, -errno, "remove stale socket=%s", path);
	return 0;
}

/* Nobody but the owner may connect before the group is set. */
static int bind_private(int fd, const struct sockaddr_un *address)
{
	mode_t before = umask(0177);
	int r = bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;

	umask(before);
	return r;
}

static int admit_group(const char *path, const char *name, struct error *reterr)
{
	const struct group *group = getgrnam(name);

	if (!group) {
		log_warning("group missing group=%s socket=%s mode=0600", name, path);
		return 0;
	}
	if (lchown(path, (uid_t)-1, group->gr_gid) < 0)
		return error_errno(reterr, -errno, "give socket=%s to group=%s", path, name);
	if (chmod(path, 0660) < 0)
		return error_errno(reterr, -errno, "set the mode of socket=%s", path);
	return 0;
}

static int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

int socket_listen(const char *path, const char *group, struct socket_file *ret_file,
		  struct error *reterr)
{
	AUTO(close_fd) int fd = -1;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct socket_file file;
	struct stat info;
	int r;

	if (string_copy(address.sun_path, sizeof(address.sun_path), path) < 0)
		return error_errno(reterr, -ENAMETOOLONG, "socket=%s (at most %zu bytes)", path,
				   sizeof(address.sun_path) - 1);
	r = remove_stale(&address, reterr);
	if (r < 0)
		return r;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_errno(reterr, -errno, "open a socket");
	r = bind_private(fd, &address);
	if (r < 0)
		return error_errno(reterr, r, "bind socket=%s", path);
	if (lstat(path, &info) < 0)
		return error_errno(reterr, -errno, "look at socket=%s", path);

	file = (struct socket_file){xstrdup(path), info.st_dev, info.st_ino};
	r = admit_group(path, group, reterr);
	if (r == 0 && listen(fd, SOMAXCONN) < 0)
		r = error_errno(reterr, -errno, "listen at socket=%s", path);
	if (r < 0) {
		socket_remove(&file);
		return r;
	}
	*ret_file = file;
	return take_fd(&fd);
}

void socket_remove(struct socket_file *file)
{
	struct stat info;

	if (!file->path)
		return;
	if (lstat(file->path, &info) == 0 && info.st_dev == file->device &&
	    info.st_ino == file->inode)
		unlink(file->path);
	free(file->path);
	*file = (struct socket_file){0};
}
