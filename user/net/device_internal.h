/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_NET_DEVICE_INTERNAL_H
#define TANDEM_NET_DEVICE_INTERNAL_H

/* What the files behind device.h share. */

#include <netlink/msg.h>

#include "net/device.h"

/* ethtool.c: driver, place, features and queues; a driver that does not answer leaves them zero. */
void net_device_read_ethtool(struct net_device *device);

/* xdp_features.c: leaves them unknown where the kernel does not tell them. */
void net_device_read_xdp_features(struct net_device *device);

/*
 * device.c: send @message, which stays the caller's, to the kernel on a socket of its own and have
 * each message of the answer parsed by @visit. 0 or a negative errno of the kernel's.
 */
typedef int (*net_device_visit)(struct nl_msg *message, void *userdata);
CHECKED int net_device_ask(int protocol, struct nl_msg *message, net_device_visit visit,
			   void *userdata);

#endif
