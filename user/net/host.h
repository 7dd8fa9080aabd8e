/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_NET_HOST_H
#define TANDEM_NET_HOST_H

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/* The settings and counters of this network namespace, for reading only. */

/*
 * The text of a sysctl by its path below /proc/sys ("net/ipv4/conf/eth0/rp_filter": an interface
 * may have dots in its name), without the end of the line. -ENOENT where the kernel has no such.
 */
CHECKED int net_sysctl_read(const char *path, char *ret, size_t size);
/* The same as a number; -EINVAL where it is none. */
CHECKED int net_sysctl_integer(const char *path, int64_t *ret);

/* Packets that the kernel dropped since they came in on an interface to which the route back does
 * not lead (rp_filter), since boot. */
CHECKED int net_reverse_path_drops(uint64_t *ret);

#endif
