/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Take everything down. */
#include <errno.h>
#include <sys/stat.h>

#include "dataplane/internal.h"

int dataplane_purge(const char *pin_dir, struct error *reterr)
{
	AUTO(close_fd) int lock_fd = -1;
	struct stat status;
	bool created;
	int r;

	if (stat(pin_dir, &status) < 0 && errno == ENOENT)
		return 0;

	r = dataplane_folder_take(pin_dir, &created, &lock_fd, reterr);
	if (r < 0)
		return r;
	r = dataplane_folder_check_ours(pin_dir, reterr);
	if (r < 0)
		return r;
	r = dataplane_folder_clear(pin_dir, reterr);
	if (r < 0)
		return r;
	if (rmdir(pin_dir) < 0)
		return error_errno(reterr, -errno, "remove folder %s", pin_dir);
	return 0;
}
