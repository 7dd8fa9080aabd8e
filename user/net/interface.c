/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The host's interfaces: their MACs, and whether they are up. */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/rtnetlink.h>
#include <net/if_arp.h>
#include <string.h>

#include "base/memory.h"
#include "net/internal.h"
#include "tandem/abi.h"

/* linux/if.h has IFF_LOWER_UP, but cannot be included together with net/if.h. */
enum { LOWER_UP = 1 << 16 };
enum { FLAGS_OF_INTEREST = IFF_UP | IFF_RUNNING | LOWER_UP };

/* What uthash's macros unfold to is not ours to simplify. */
/* NOLINTBEGIN(readability-function-cognitive-complexity,bugprone-*,clang-analyzer-*) */
struct interface *interface_find(struct net *net, uint32_t ifindex)
{
	struct interface *found;

	HASH_FIND(hh, net->interfaces, &ifindex, sizeof(ifindex), found);
	return found;
}

static void insert_interface(struct net *net, struct interface *interface)
{
	HASH_ADD(hh, net->interfaces, ifindex, sizeof(interface->ifindex), interface);
}

static void remove_interface(struct net *net, struct interface *interface)
{
	HASH_DELETE(hh, net->interfaces, interface);
	free(interface);
}
/* NOLINTEND(readability-function-cognitive-complexity,bugprone-*,clang-analyzer-*) */

bool interface_below(struct net *net, const struct interface *interface, uint32_t *ret_ifindex,
		     uint32_t *ret_vlan)
{
	const struct interface *lower = interface;
	uint32_t vlan = 0;

	for (unsigned int tags = 0; lower && lower->lower; tags++) {
		if (tags == 2)
			return false;
		/* From the top down: what was the only tag becomes the inner one. */
		if (tags == 1)
			vlan = TD_VLAN_TWO | (uint32_t)lower->vlan_id << 12 | (vlan & 0xfff);
		else
			vlan = TD_VLAN_ONE | lower->vlan_id;
		if (lower->vlan_ad)
			vlan |= TD_VLAN_AD;
		lower = interface_find(net, lower->lower);
	}
	if (!lower)
		return false;
	*ret_ifindex = lower->ifindex;
	*ret_vlan = vlan;
	return true;
}

const char *interface_name(struct net *net, uint32_t ifindex)
{
	const struct interface *interface = interface_find(net, ifindex);

	return interface ? interface->name : "?";
}

/*
 * The kernel does not say which IPv4 routes came and went with an interface, so all are looked up
 * anew; that also takes in the MAC, which is part of every next hop there.
 */
static void note_change(struct net *net)
{
	net->routes_changed = true;
	targets_mark_family(net, AF_UNSPEC);
	for (struct target *target = net->targets; target; target = target->hh.next)
		target_mark_changed(net, target);
}

static void set_interface(struct net *net, const struct interface *now)
{
	struct interface *known = interface_find(net, now->ifindex);
	bool changed;

	if (!known) {
		known = xcalloc(1, sizeof(*known));
		known->ifindex = now->ifindex;
		insert_interface(net, known);
		changed = true;
	} else {
		changed = known->flags != now->flags || known->ethernet != now->ethernet ||
			  known->mtu != now->mtu || known->lower != now->lower ||
			  known->vlan_id != now->vlan_id || known->vlan_ad != now->vlan_ad ||
			  memcmp(known->mac, now->mac, MAC_SIZE) != 0;
	}
	memcpy(known->name, now->name, sizeof(known->name));
	memcpy(known->mac, now->mac, sizeof(known->mac));
	known->flags = now->flags;
	known->ethernet = now->ethernet;
	known->mtu = now->mtu;
	known->lower = now->lower;
	known->vlan_id = now->vlan_id;
	known->vlan_ad = now->vlan_ad;
	known->seen = true;
	if (changed)
		note_change(net);
}

/* What is special about a VLAN interface: its tag, and what is below. */
static void read_vlan(struct nlattr *const *attributes, struct interface *now)
{
	struct nlattr *info[IFLA_INFO_MAX + 1], *data[IFLA_VLAN_MAX + 1];

	if (!attributes[IFLA_LINKINFO] || attributes[IFLA_LINK_NETNSID] ||
	    nla_parse_nested(info, IFLA_INFO_MAX, attributes[IFLA_LINKINFO], NULL) < 0 ||
	    !info[IFLA_INFO_KIND] || nla_strcmp(info[IFLA_INFO_KIND], "vlan") != 0 ||
	    !info[IFLA_INFO_DATA] ||
	    nla_parse_nested(data, IFLA_VLAN_MAX, info[IFLA_INFO_DATA], NULL) < 0 ||
	    !data[IFLA_VLAN_ID])
		return;
	now->lower = attribute_u32(attributes[IFLA_LINK], 0);
	now->vlan_id = nla_get_u16(data[IFLA_VLAN_ID]) & 0xfff;
	now->vlan_ad = data[IFLA_VLAN_PROTOCOL] &&
		       nla_get_u16(data[IFLA_VLAN_PROTOCOL]) == htons(ETH_P_8021AD);
}

int interface_on_message(struct net *net, const struct nlmsghdr *header, void *userdata)
{
	struct nlattr *attributes[IFLA_MAX + 1];
	const struct ifinfomsg *info = nlmsg_data(header);
	struct interface now = {0};
	struct interface *known;

	(void)userdata;
	if (nlmsg_parse((struct nlmsghdr *)header, sizeof(*info), attributes, IFLA_MAX, NULL) < 0)
		return 0;
	/* Ports of a bridge are told about a second time, as such. */
	if (info->ifi_family != AF_UNSPEC || info->ifi_index <= 0)
		return 0;

	now.ifindex = (uint32_t)info->ifi_index;
	if (header->nlmsg_type == RTM_DELLINK) {
		known = interface_find(net, now.ifindex);
		if (known) {
			remove_interface(net, known);
			note_change(net);
		}
		return 0;
	}

	now.flags = info->ifi_flags & FLAGS_OF_INTEREST;
	now.ethernet =
		info->ifi_type == ARPHRD_ETHER && attribute_mac(attributes[IFLA_ADDRESS], now.mac);
	now.mtu = attribute_u32(attributes[IFLA_MTU], 0);
	read_vlan(attributes, &now);
	if (attributes[IFLA_IFNAME])
		nla_strlcpy(now.name, attributes[IFLA_IFNAME], sizeof(now.name));
	set_interface(net, &now);
	return 0;
}

int interfaces_load(struct net *net)
{
	struct ifinfomsg info = {.ifi_family = AF_UNSPEC};
	struct interface *interface, *next;
	int r;

	for (interface = net->interfaces; interface; interface = interface->hh.next)
		interface->seen = false;

	r = request_dump(net, RTM_GETLINK, &info, sizeof(info), interface_on_message, NULL);
	if (r < 0)
		return r;

	for (interface = net->interfaces; interface; interface = next) {
		next = interface->hh.next;
		if (interface->seen)
			continue;
		remove_interface(net, interface);
		note_change(net);
	}
	return 0;
}

void interfaces_free(struct net *net)
{
	struct interface *next;

	for (struct interface *interface = net->interfaces; interface; interface = next) {
		next = interface->hh.next;
		remove_interface(net, interface);
	}
}

/* One of the host's addresses of @family there: of a net rather than a single one, which may be a
 * VIP. */
static struct netaddr address_on(struct net *net, uint32_t ifindex, uint16_t family)
{
	struct netaddr found = {0};

	for (struct host_address *host = net->addresses; host; host = host->hh.next) {
		struct assignment *assignment = LIST_FIRST(&host->assignments);

		if (host->address.family != family || !netaddr_is_usable(&host->address))
			continue;
		while (assignment && assignment->ifindex != ifindex)
			assignment = LIST_NEXT(assignment, link);
		if (!assignment)
			continue;
		found = host->address;
		if (assignment->length < 8 * netaddr_size(&found))
			break;
	}
	return found;
}

int net_walk_interfaces(struct net *net, net_interface_visit visit, void *userdata)
{
	int r = net_sync(net);

	for (struct interface *interface = net->interfaces; r == 0 && interface;
	     interface = interface->hh.next) {
		struct net_interface info = {.ifindex = interface->ifindex};

		if (!interface->ethernet ||
		    !interface_below(net, interface, &info.send_ifindex, &info.vlan))
			continue;
		info.address4 = address_on(net, interface->ifindex, AF_INET);
		info.address6 = address_on(net, interface->ifindex, AF_INET6);
		r = visit(&info, userdata);
	}
	return r;
}
