/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_NET_DEVICE_H
#define TANDEM_NET_DEVICE_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/error.h"

/*
 * What the kernel says of an interface, as far as it bears on XDP: by rtnetlink, ethtool and the
 * "netdev" family of generic netlink. Only reads: nothing here changes the host. Belongs to the
 * network namespace of the caller, and asks anew at each call.
 */

/* Features that an XDP program on a driver may not live with, by ethtool's names. */
#define NET_FEATURES(X)                                                                            \
	X(NET_FEATURE_LRO, "rx-lro")                                                               \
	X(NET_FEATURE_GRO_HW, "rx-gro-hw")                                                         \
	X(NET_FEATURE_VLAN, "rx-vlan-hw-parse")
#define NET_FEATURE_ENUM(symbol, name) symbol,
enum net_feature { NET_FEATURES(NET_FEATURE_ENUM) NET_FEATURE_MAX };

/* Bits of xdp_features, as in the kernel's linux/netdev.h (since 6.3). */
enum net_xdp_feature {
	NET_XDP_BASIC = 1 << 0,	   /* native mode with all verdicts but redirect */
	NET_XDP_REDIRECT = 1 << 1, /* its frames can be redirected to others */
	NET_XDP_TARGET = 1 << 2,   /* it takes frames that others redirect to it */
	NET_XDP_FRAGS = 1 << 5,	   /* native mode with frames that span buffers */
};

enum { NET_KIND_SIZE = 16 };

struct net_device {
	char name[IFNAMSIZ];
	uint32_t ifindex;
	char kind[NET_KIND_SIZE]; /* "veth", "bond", "vlan"; "" is hardware, as far as known */
	char driver[32];	  /* "" where it does not say */
	char bus[32]; /* where the hardware is: "0000:00:03.0"; "" where there is none */
	bool up, carrier;
	uint32_t mtu;

	/* The bond, bridge, team or VRF that it is a member of; 0: none. */
	uint32_t master;
	char master_name[IFNAMSIZ];
	char master_kind[NET_KIND_SIZE];

	/* What it stands on, or the other end of a veth pair; 0: nothing. */
	uint32_t lower;
	char lower_name[IFNAMSIZ]; /* "" where that is in another namespace */
	unsigned int vlans;	   /* VLAN devices that stand on it */

	struct {
		bool on;
		bool fixed; /* the driver does not let it be changed */
	} features[NET_FEATURE_MAX];
	unsigned int rx_queues, tx_queues;
	unsigned int max_queues; /* that it could have for receiving; 0: it does not say */

	bool knows_xdp_features; /* the kernel tells them */
	uint64_t xdp_features;
};

/* -ENODEV where there is no such interface. */
CHECKED int net_device_read(const char *name, struct net_device *ret, struct error *reterr);

#endif
