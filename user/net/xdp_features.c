/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a driver can do with XDP, as the "netdev" family tells it since Linux 6.3. */
#include <linux/genetlink.h>
#include <stdlib.h>
#include <string.h>

#include <netlink/msg.h>

#include "base/cleanup.h"
#include "net/device_internal.h"

/* From linux/netdev.h, which is younger than the systems that this is built on. */
enum {
	NETDEV_CMD_DEV_GET = 1,
	NETDEV_A_DEV_IFINDEX = 1,
	NETDEV_A_DEV_XDP_FEATURES = 3,
	NETDEV_A_DEV_MAX = 3,
	NETDEV_VERSION = 1,
};

static void free_messagep(struct nl_msg **message)
{
	nlmsg_free(*message);
}

static struct nl_msg *message_of(int family, uint8_t command, uint8_t version)
{
	struct genlmsghdr header = {.cmd = command, .version = version};
	struct nl_msg *message = nlmsg_alloc_simple(family, NLM_F_REQUEST);

	if (!message || nlmsg_append(message, &header, sizeof(header), NLMSG_ALIGNTO) < 0)
		abort(); /* as base/memory.h does */
	return message;
}

static int on_family(struct nl_msg *message, void *userdata)
{
	struct nlattr *attributes[CTRL_ATTR_MAX + 1];

	if (nlmsg_parse(nlmsg_hdr(message), GENL_HDRLEN, attributes, CTRL_ATTR_MAX, NULL) >= 0 &&
	    attributes[CTRL_ATTR_FAMILY_ID])
		*(int *)userdata = nla_get_u16(attributes[CTRL_ATTR_FAMILY_ID]);
	return NL_OK;
}

/* 0 where the kernel has no such family. */
static int find_family(void)
{
	AUTO(free_message)
	struct nl_msg *message = message_of(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1);
	int family = 0;

	if (nla_put_string(message, CTRL_ATTR_FAMILY_NAME, "netdev") < 0)
		abort();
	if (net_device_ask(NETLINK_GENERIC, message, on_family, &family) < 0)
		return 0;
	return family;
}

static int on_device(struct nl_msg *message, void *userdata)
{
	struct nlattr *attributes[NETDEV_A_DEV_MAX + 1];
	struct net_device *device = userdata;

	if (nlmsg_parse(nlmsg_hdr(message), GENL_HDRLEN, attributes, NETDEV_A_DEV_MAX, NULL) < 0 ||
	    !attributes[NETDEV_A_DEV_XDP_FEATURES])
		return NL_OK;
	device->xdp_features = nla_get_u64(attributes[NETDEV_A_DEV_XDP_FEATURES]);
	device->knows_xdp_features = true;
	return NL_OK;
}

void net_device_read_xdp_features(struct net_device *device)
{
	AUTO(free_message) struct nl_msg *message = NULL;
	int family = find_family();

	if (!family)
		return;
	message = message_of(family, NETDEV_CMD_DEV_GET, NETDEV_VERSION);
	if (nla_put_u32(message, NETDEV_A_DEV_IFINDEX, device->ifindex) < 0)
		abort();
	/* A device that is gone by now has no features. */
	if (net_device_ask(NETLINK_GENERIC, message, on_device, device) < 0)
		device->knows_xdp_features = false;
}
