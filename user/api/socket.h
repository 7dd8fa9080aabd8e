/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_API_SOCKET_H
#define TANDEM_API_SOCKET_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "base/error.h"

/* The listening socket's place in the file system: what tells our own socket from a successor's. */
struct socket_file {
	char *path;
	dev_t device;
	ino_t inode;
};

/*
 * Listen on a unix socket at @path for the owner and @group; see api_new(). @ret_file->path is for
 * socket_remove() to free. Returns the socket, or a negative errno.
 */
CHECKED int socket_listen(const char *path, const char *group, struct socket_file *ret_file,
			  struct error *reterr);

/* Remove the file, if it is still ours, and forget it. Nothing happens where path is NULL. */
void socket_remove(struct socket_file *file);

#endif
