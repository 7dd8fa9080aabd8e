/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* Who holds a flock() on the file, as /proc/locks has it; 0 where it does not say. */
static int lock_holder(const struct stat *status)
{
	FILE *locks = fopen("/proc/locks", "re");
	char line[256];
	int holder = 0;

	if (!locks)
		return 0;
	while (!holder && fgets(line, sizeof(line), locks)) {
		unsigned int major_number, minor_number;
		unsigned long inode;
		int pid;

		/* NOLINTNEXTLINE(cert-err34-c): the kernel writes these numbers. */
		if (sscanf(line, "%*d: FLOCK %*s %*s %d %x:%x:%lu", &pid, &major_number,
			   &minor_number, &inode) == 4 &&
		    makedev(major_number, minor_number) == status->st_dev &&
		    inode == status->st_ino)
			holder = pid;
	}
	fclose(locks);
	return holder;
}

static int error_held(const char *path, int fd, struct error *reterr)
{
	struct stat status;
	int holder = 0;

	if (fstat(fd, &status) == 0)
		holder = lock_holder(&status);
	if (holder > 0)
		error_set(reterr, 0, NULL, "another tandemd (pid %d) holds %s", holder, path);
	else
		error_set(reterr, 0, NULL, "another tandemd holds %s", path);
	return -EBUSY;
}

static int take_lock(const char *path, int fd, struct error *reterr)
{
	struct stat locked, named;

	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			return error_held(path, fd, reterr);
		return error_errno(reterr, -errno, "lock folder %s", path);
	}

	/* Whoever held it may have removed it: a lock on what has no name protects nothing. */
	if (fstat(fd, &locked) < 0 || stat(path, &named) < 0 || locked.st_ino != named.st_ino ||
	    locked.st_dev != named.st_dev) {
		error_set(reterr, 0, NULL, "folder %s is being removed by another process", path);
		return -EBUSY;
	}
	return 0;
}

int lock_folder(const char *path, int *ret_fd, struct error *reterr)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return error_errno(reterr, -errno, "open folder %s", path);
	r = take_lock(path, fd, reterr);
	if (r < 0) {
		close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}
