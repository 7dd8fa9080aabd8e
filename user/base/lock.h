/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_LOCK_H
#define TANDEM_LOCK_H

#include "base/cleanup.h"
#include "base/error.h"

/*
 * Hold the folder @path for this process alone, until the descriptor @ret_fd is closed or the
 * process ends. -EBUSY where another process holds it, with its pid in @reterr as far as the kernel
 * tells; other errors are those of open(2). The folder itself is locked: nothing is written into
 * it.
 */
CHECKED int lock_folder(const char *path, int *ret_fd, struct error *reterr);

#endif
