// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent.h"
#include "base/memory.h"
#include "config.h"

/* Who holds the lock, for the message: what the holder wrote. "" where it cannot be read. */
static void holder_read(int fd, char *buffer, size_t size)
{
	ssize_t length = pread(fd, buffer, size - 1, 0);

	buffer[length > 0 ? length : 0] = '\0';
	buffer[strcspn(buffer, "\n")] = '\0';
}

int agent_lock(const struct config *config, int *ret_fd, struct error *reterr)
{
	AUTO(free_memory) char *path = xasprintf("%s/lock", config->state_dir);
	AUTO(close_fd) int fd = -1;

	if (mkdir(config->state_dir, 0700) < 0 && errno != EEXIST)
		return error_errno(reterr, -errno, "create state_dir %s", config->state_dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return error_errno(reterr, -errno, "open %s", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		char holder[32];

		if (errno != EWOULDBLOCK)
			return error_errno(reterr, -errno, "lock %s", path);
		holder_read(fd, holder, sizeof(holder));
		(void)error_set(reterr, 0, "state_dir", "another tandemd (pid %s) uses %s", holder,
				config->state_dir);
		return -EBUSY;
	}
	if (ftruncate(fd, 0) < 0 || dprintf(fd, "%d\n", getpid()) < 0)
		return error_errno(reterr, -errno, "write %s", path);
	*ret_fd = fd;
	fd = -1;
	return 0;
}
