/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "net/device.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/time.h>

#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "base/memory.h"
#include "net/device_internal.h"

/* The kernel answers within sendmsg(): waiting is for the case of a fault only. */
enum { ASK_TIMEOUT_S = 2, ASK_BUFFER = 64 * 1024 };

static void close_socketp(struct nl_sock **sock)
{
	nl_socket_free(*sock);
}

static void free_messagep(struct nl_msg **message)
{
	nlmsg_free(*message);
}

static int on_error(struct sockaddr_nl *sender, struct nlmsgerr *error, void *userdata)
{
	(void)sender;
	*(int *)userdata = error->error;
	return NL_STOP;
}

int net_device_ask(int protocol, struct nl_msg *message, net_device_visit visit, void *userdata)
{
	struct timeval timeout = {.tv_sec = ASK_TIMEOUT_S};
	AUTO(close_socket) struct nl_sock *sock = nl_socket_alloc();
	int error = 0;
	int r;

	if (!sock)
		abort(); /* as base/memory.h does */
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, visit, userdata);
	nl_socket_modify_err_cb(sock, NL_CB_CUSTOM, on_error, &error);
	nl_socket_set_msg_buf_size(sock, ASK_BUFFER);
	nl_socket_disable_auto_ack(sock);
	if (nl_connect(sock, protocol) < 0)
		return -EIO;
	if (setsockopt(nl_socket_get_fd(sock), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) <
	    0)
		return -errno;

	r = nl_send_auto(sock, message);
	if (r >= 0)
		r = nl_recvmsgs_default(sock);
	if (error)
		return error;
	return r < 0 ? -EIO : 0;
}

static void read_u32(struct nlattr *const *attributes, int attribute, uint32_t *ret)
{
	if (attributes[attribute] && nla_len(attributes[attribute]) >= (int)sizeof(*ret))
		*ret = nla_get_u32(attributes[attribute]);
}

static void read_text(struct nlattr *const *attributes, int attribute, char *ret, size_t size)
{
	if (attributes[attribute])
		nla_strlcpy(ret, attributes[attribute], size);
}

static void parse_kind(struct nlattr *const *link, struct net_device *device)
{
	struct nlattr *info[IFLA_INFO_MAX + 1];

	if (!link[IFLA_LINKINFO] ||
	    nla_parse_nested(info, IFLA_INFO_MAX, link[IFLA_LINKINFO], NULL))
		return;
	read_text(info, IFLA_INFO_KIND, device->kind, sizeof(device->kind));
	read_text(info, IFLA_INFO_SLAVE_KIND, device->master_kind, sizeof(device->master_kind));
}

static int on_link(struct nl_msg *message, void *userdata)
{
	struct nlmsghdr *header = nlmsg_hdr(message);
	struct nlattr *link[IFLA_MAX + 1];
	struct net_device *device = userdata;
	const struct ifinfomsg *info = nlmsg_data(header);

	if (header->nlmsg_type != RTM_NEWLINK ||
	    nlmsg_parse(header, sizeof(*info), link, IFLA_MAX, NULL) < 0)
		return NL_OK;
	device->ifindex = info->ifi_index;
	device->up = info->ifi_flags & IFF_UP;
	if (link[IFLA_CARRIER])
		device->carrier = nla_get_u8(link[IFLA_CARRIER]);
	read_u32(link, IFLA_MTU, &device->mtu);
	read_u32(link, IFLA_MASTER, &device->master);
	read_u32(link, IFLA_LINK, &device->lower);
	read_u32(link, IFLA_NUM_RX_QUEUES, &device->rx_queues);
	read_u32(link, IFLA_NUM_TX_QUEUES, &device->tx_queues);
	parse_kind(link, device);
	if (device->master)
		if_indextoname(device->master, device->master_name);
	/* The index of what is in another namespace may be somebody else's here. */
	if (device->lower && !link[IFLA_LINK_NETNSID])
		if_indextoname(device->lower, device->lower_name);
	return NL_OK;
}

static int on_other_link(struct nl_msg *message, void *userdata)
{
	struct nlmsghdr *header = nlmsg_hdr(message);
	struct nlattr *link[IFLA_MAX + 1];
	struct net_device *device = userdata;
	struct net_device other = {0};

	if (header->nlmsg_type != RTM_NEWLINK ||
	    nlmsg_parse(header, sizeof(struct ifinfomsg), link, IFLA_MAX, NULL) < 0)
		return NL_OK;
	parse_kind(link, &other);
	read_u32(link, IFLA_LINK, &other.lower);
	if (other.lower == device->ifindex && !link[IFLA_LINK_NETNSID] &&
	    !strcmp(other.kind, "vlan"))
		device->vlans++;
	return NL_OK;
}

/* A request for the interface of that name, or for all. */
static struct nl_msg *link_request(const char *name)
{
	struct nl_msg *message =
		nlmsg_alloc_simple(RTM_GETLINK, NLM_F_REQUEST | (name ? 0 : NLM_F_DUMP));
	struct ifinfomsg info = {.ifi_family = AF_UNSPEC};

	if (!message || nlmsg_append(message, &info, sizeof(info), NLMSG_ALIGNTO) < 0 ||
	    (name && nla_put_string(message, IFLA_IFNAME, name) < 0))
		abort(); /* as base/memory.h does */
	return message;
}

int net_device_read(const char *name, struct net_device *ret, struct error *reterr)
{
	AUTO(free_message) struct nl_msg *one = link_request(name);
	AUTO(free_message) struct nl_msg *all = link_request(NULL);
	struct net_device device;
	int r;

	memset(&device, 0, sizeof(device));
	if (string_copy(device.name, sizeof(device.name), name) < 0)
		return error_errno(reterr, -ENODEV, "look at interface %.64s", name);
	r = net_device_ask(NETLINK_ROUTE, one, on_link, &device);
	if (r >= 0 && !device.ifindex)
		r = -ENODEV;
	if (r < 0)
		return error_errno(reterr, r, "look at interface %s", name);
	r = net_device_ask(NETLINK_ROUTE, all, on_other_link, &device);
	if (r < 0)
		return error_errno(reterr, r, "look for VLAN devices on %s", name);

	net_device_read_ethtool(&device);
	net_device_read_xdp_features(&device);
	*ret = device;
	return 0;
}
